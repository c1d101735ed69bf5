"""From the records of a request to the rows that a model call takes, and from its outputs back to the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inference.loaded import LoadedModel
from inference.runner import Rows, Work
from models.definition import Definition, Expansion, InvalidRecordError, Record
from serving.answers import REFUSED, Refused, Results
from serving.decoding import Values
from serving.problems import FieldError
from serving.validation import invalid, shown

Checked = Sequence[Values | Refused]


class Asked(Protocol):
    """The records of a batch, each its values or its errors, and the encoded rows of the valid ones."""

    @property
    def records(self) -> Checked: ...

    @property
    def encoded(self) -> Rows: ...

    def results(self, work: Work) -> Results:
        """The outputs of the finished work by record."""


class Records(Protocol):
    """How a model's records become rows."""

    def one(self, loaded: LoadedModel, values: Values) -> Rows:
        """The rows of one record. Raises InvalidFeatures for values that do not go together."""

    def outputs(self, work: Work) -> Any:
        """What an Answerer takes for that record. Raises the error of a row that failed."""

    def several(self, loaded: LoadedModel, records: Checked) -> Asked:
        """The rows of a batch; records whose values do not go together become errors."""


def records(definition: Definition) -> Records:
    """How this model's records become rows."""
    policy = definition.policy
    return Expanded(policy, definition) if isinstance(policy, Expansion) else Single()


class Single:
    """One row for each record."""

    def one(self, loaded: LoadedModel, values: Values) -> Rows:
        return [loaded.encoding.row(values)]

    def outputs(self, work: Work) -> NDArray[np.float64]:
        _raise_failure(work)
        assert work.outputs is not None
        row: NDArray[np.float64] = work.outputs[0]
        return row

    def several(self, loaded: LoadedModel, records: Checked) -> Asked:
        rows = loaded.encoding.encode([record for record in records if not isinstance(record, REFUSED)])
        return _AskedRows(records, rows, loaded.scoring.width)


@dataclass(frozen=True, slots=True)
class _AskedRows:
    records: Checked
    encoded: NDArray[np.float32]
    width: int

    def results(self, work: Work) -> Results:
        outputs = work.outputs
        if outputs is None or not outputs.shape[1]:
            outputs = np.full((len(self.encoded), self.width), np.nan)
        return Results(outputs, work.failed, self.encoded)


class Expanded:
    """Several rows for each record, as its expansion says."""

    def __init__(self, policy: Expansion, definition: Definition) -> None:
        self._policy = policy
        self._schema = definition.schema

    def one(self, loaded: LoadedModel, values: Values) -> Rows:
        rows = self._rows(values)
        if isinstance(rows, list):
            raise invalid(rows, "record")
        return loaded.encoding.encode(rows)

    def outputs(self, work: Work) -> NDArray[np.float64]:
        _raise_failure(work)
        assert work.outputs is not None
        return work.outputs

    def several(self, loaded: LoadedModel, records: Checked) -> Asked:
        checked: list[Values | Refused] = []
        rows: list[Values] = []
        ends = []
        for record in records:
            if isinstance(record, REFUSED):
                checked.append(record)
                continue
            expanded = self._rows(record)
            if isinstance(expanded, list):
                checked.append(expanded)
                continue
            checked.append(record)
            rows += expanded
            ends.append(len(rows))
        return _AskedSpans(checked, loaded.encoding.encode(rows), tuple(ends), loaded.scoring.width)

    def _rows(self, values: Values) -> tuple[Values, ...] | list[FieldError]:
        record = dict(Record(self._schema, values))
        try:
            return tuple(self._policy.rows(record))
        except InvalidRecordError as error:
            given = shown(record.get(error.field))
            return [FieldError(f"record.{error.field}", "inconsistent", error.message, given)]


@dataclass(frozen=True, slots=True)
class _AskedSpans:
    """`ends` is where each valid record's rows end among all rows."""

    records: Checked
    encoded: NDArray[np.float32]
    ends: tuple[int, ...]
    width: int

    def results(self, work: Work) -> Results:
        outputs, failed = [], {}
        for number, (start, end) in enumerate(pairwise((0, *self.ends))):
            error = next((work.failed[row] for row in range(start, end) if row in work.failed), None)
            if error is not None:
                failed[number] = error
            outputs.append(np.empty((0, self.width)) if work.outputs is None else work.outputs[start:end])
        return Results(outputs, failed)


def _raise_failure(work: Work) -> None:
    if work.failed:
        raise next(iter(work.failed.values()))
