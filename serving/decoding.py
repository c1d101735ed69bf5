"""The fast way from a body's bytes to a record's values, compiled from the definition.

It accepts only what is certainly valid. Everything else (also some valid bodies, such as 3.0 for a whole number) goes
the careful way of `parsing` and `validation`, which decides and explains. So the fast way needs no error messages, and
the two can be held equal: whatever is accepted here is accepted there with the same values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType

from features.views import View
from models.definition import Category, Definition, Feature, Flag, Moment, Number, Schema, Series, Value, read_moment
from serving.entities import EntitiesRequest, EntityRequest
from serving.parsing import parse_object
from serving.problems import FieldError
from serving.requests import check_batch, check_predict
from serving.validation import (
    DEFAULT_TOP,
    EARLIEST,
    LATEST,
    MAX_TEXT,
    MAX_TOP,
    Options,
    check_records,
    has_probabilities,
)

Values = Sequence[Value]
_COLON = ord(":")
_Include = list[Literal["features", "probabilities"]] | None | UnsetType
_Features = list[Literal["features"]] | None | UnsetType
_Fraction = Annotated[float, Meta(ge=0, le=1)] | None | UnsetType


class Decoder:
    """Reads the request bodies of one model. `view` is that of its entities; those go the careful way.

    Every method raises MalformedBody, TooLarge or InvalidFeatures for bodies that do not fit.
    """

    def __init__(self, definition: Definition, view: View | None = None, *, max_records: int, max_nesting: int) -> None:
        self._definition = definition
        self._view = view
        self._schema = definition.schema
        self._max_records = max_records
        self._max_nesting = max_nesting
        self._may_lack = any(feature.missing for feature in definition.schema.features)
        self._flags = [at for at, feature in enumerate(self._schema.features) if isinstance(feature, Flag)]
        record = _record_struct(self._schema)
        moments = [i for i, feature in enumerate(self._schema.features) if isinstance(feature, Moment)]
        self._moments = tuple(moments)
        threshold = _Fraction if definition.decides else UnsetType
        include = _Include if has_probabilities(definition) else _Features
        options: list[tuple[str, Any, Any]] = [("threshold", threshold, UNSET), ("include", include, UNSET)]
        top = ("top", Annotated[int, Meta(ge=0, le=MAX_TOP)] | None | UnsetType, UNSET)
        self._one = _decoder("Predict", [("record", record), *options])
        self._explained = _decoder("Explain", [("record", record), *options, top])
        limited = Annotated[list[record], Meta(min_length=1, max_length=max_records)]  # type: ignore[valid-type]
        self._many = _decoder("Batch", [("records", limited), *options])

    def predict(self, body: bytes) -> tuple[Values | EntityRequest, Options]:
        """The record's values in schema order, or the entity; and the options."""
        return self._single(self._one, body, explain=False)

    def explain(self, body: bytes) -> tuple[Values | EntityRequest, Options]:
        """As `predict`, with `top`."""
        return self._single(self._explained, body, explain=True)

    def batch(self, body: bytes) -> tuple[list[Values | list[FieldError]] | EntitiesRequest, Options]:
        """For each record its values or all its errors, in order, or the entities; and the options."""
        try:
            request = self._many.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._careful_batch(body)
        rows: list[Any] = list(map(msgspec.structs.astuple, request.records))
        keys = 1 + _given(request, ("threshold", "include")) + len(rows) * len(self._schema)
        if self._may_lack:
            keys -= sum(row.count(UNSET) for row in rows)
            rows = list(map(_settled, rows))
        if np.count_nonzero(np.frombuffer(body, np.uint8) == _COLON) != keys:  # four times as fast as body.count
            return self._careful_batch(body)
        if self._moments and not all(map(self._are_moments, rows)):
            return self._careful_batch(body)
        return list(map(self._with_flags, rows)) if self._flags else rows, _options(request)

    def _single(
        self, decoder: msgspec.json.Decoder[Any], body: bytes, *, explain: bool
    ) -> tuple[Values | EntityRequest, Options]:
        try:
            request = decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._careful(body, explain=explain)
        row = msgspec.structs.astuple(request.record)
        names = ("threshold", "include", "top") if explain else ("threshold", "include")
        if body.count(b":") != 1 + _given(request, names) + len(row) - row.count(UNSET):
            # Every key has one colon, so a surplus means a key that stands twice (or a colon in a text).
            return self._careful(body, explain=explain)
        if self._moments and not self._are_moments(row):
            return self._careful(body, explain=explain)
        return self._with_flags(_settled(row)), _options(request)

    def _with_flags(self, row: Values) -> Values:
        """The row with true and false for what was sent as 1 and 0."""
        for at in self._flags:
            if type(row[at]) is int:
                row = (*row[:at], bool(row[at]), *row[at + 1 :])
        return row

    def _are_moments(self, row: Values) -> bool:
        """Whether the moments of a row, none of which has a time of day, are dates that there are and may be."""
        try:
            return all(
                EARLIEST <= read_moment(str(row[place])) < LATEST
                for place in self._moments
                if isinstance(row[place], str)
            )
        except (ValueError, OverflowError):
            return False

    def _careful(self, body: bytes, *, explain: bool) -> tuple[Values | EntityRequest, Options]:
        value = parse_object(body, max_nesting=self._max_nesting)
        return check_predict(self._definition, self._view, value, explain=explain)

    def _careful_batch(self, body: bytes) -> tuple[list[Values | list[FieldError]] | EntitiesRequest, Options]:
        value = parse_object(body, max_nesting=self._max_nesting)
        asked, options = check_batch(self._definition, self._view, value, max_records=self._max_records)
        return asked if isinstance(asked, EntitiesRequest) else check_records(self._schema, asked), options


def _decoder(name: str, fields: Sequence[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(msgspec.defstruct(name, fields, forbid_unknown_fields=True, gc=False))


def _record_struct(schema: Schema) -> type[msgspec.Struct]:
    """A struct with one field per feature in schema order; names of any characters are mapped to plain ones."""
    names = {f"f{i}": feature.name for i, feature in enumerate(schema.features)}
    fields = [
        (field, _type(feature), UNSET) if feature.missing else (field, _type(feature))
        for field, feature in zip(names, schema.features, strict=True)
    ]
    return msgspec.defstruct("Record", fields, rename=names, forbid_unknown_fields=True, kw_only=True, gc=False)


def _type(feature: Feature) -> Any:
    match feature:
        case Number(whole=True):
            kind: Any = Annotated[int, Meta(ge=int(feature.minimum), le=int(feature.maximum))]
        case Number():
            kind = Annotated[float, Meta(ge=feature.minimum, le=feature.maximum)]
        case Flag():
            kind = bool | Literal[0, 1]
        case Category(unseen="refuse"):
            kind = Literal[feature.levels]
        case Category() | Moment():
            kind = Annotated[str, Meta(max_length=MAX_TEXT)]
        case Series():
            entry = Annotated[float, Meta(ge=feature.minimum, le=feature.maximum)]
            kind = Annotated[
                list[entry],
                Meta(min_length=feature.min_length, max_length=feature.max_length),
            ]
    return kind | None | UnsetType if feature.missing else kind


def _given(request: Any, names: tuple[str, ...]) -> int:
    return sum(getattr(request, name) is not UNSET for name in names)


def _settled(row: tuple[Any, ...]) -> Values:
    """The row with None for what was left out."""
    if UNSET in row:
        return tuple(None if value is UNSET else value for value in row)
    return row


_PLAIN = Options()


def _options(request: Any) -> Options:
    if request.threshold is UNSET and request.include is UNSET and getattr(request, "top", UNSET) is UNSET:
        return _PLAIN
    threshold = None if request.threshold is UNSET else request.threshold
    include = () if request.include is UNSET or request.include is None else tuple(request.include)
    top = getattr(request, "top", UNSET)
    return Options(threshold, include, DEFAULT_TOP if top is UNSET or top is None else top)
