"""Data that flatter: what is done about columns that give the answer away, an order in the file, and copies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Definition, Kind
from training.errors import TrapError
from training.split import Split, check_sides, is_discrete
from training.suspicion.find import find
from training.suspicion.trap import Trap
from training.table import Table

BLOCKS = 50
"""Blocks of neighbouring rows, where neighbours must not stand on two sides of the split."""


def without_traps(definition: Definition, table: Table) -> tuple[Table, tuple[str, ...]]:
    """The table without what would flatter a model, and what was found, in words.

    A column that gives the answer away is blanked in all rows where the recipe says so. Rows of one id that share their
    target become groups; so do blocks of neighbouring rows, where the order of the file lets a model look up a row's
    neighbours. Raises TrapError, with each such column and its evidence, where the recipe says that it stops the
    training.
    """
    if definition.kind is Kind.FORECAST:
        return table, ()
    constant = _constant_columns(table.features)
    if definition.kind is Kind.ANOMALY:
        return table, constant
    target = table.target.astype(np.float64)
    found = find(table.features, target, discrete=is_discrete(table.target), name=lambda code: _said(definition, code))
    giving_away = [trap for trap in found if trap.action == "leave_out" and trap.column is not None]
    if giving_away and definition.recipe.traps == "stop":
        raise TrapError(_stop_words(giving_away, definition), tuple(trap.column for trap in giving_away if trap.column))
    findings = [*constant, *(_words(trap, definition) for trap in found)]
    features = table.features.copy()
    for trap in giving_away:
        assert trap.column is not None
        column = features[trap.column]
        features[trap.column] = column.where(pd.Series(False, index=column.index))
    return replace(table, features=features, groups=_groups(table, found)), tuple(findings)


def _groups(table: Table, found: list[Trap]) -> NDArray[np.int64] | None:
    """What must stay together: the groups asked for, else rows of one id that share their target, else neighbours."""
    if table.groups is not None or table.times is not None:
        return table.groups
    for trap in found:
        if trap.action == "keep_together":
            likeness = pd.util.hash_pandas_object(table.features[list(trap.shared)], index=False)
            return np.asarray(pd.factorize(likeness)[0], np.int64)
        if trap.sort == "copies" and trap.column is not None:
            return np.asarray(pd.factorize(table.features[trap.column], use_na_sentinel=False)[0], np.int64)
    if any(trap.action == "split_by_order" for trap in found):
        return np.arange(len(table)) * BLOCKS // len(table)
    return None


def without_copies(table: Table, parts: Split) -> tuple[Split, list[str]]:
    """The split without test and validation rows whose features equal those of a row on an earlier side, and what was
    found, in words. A model could answer them from memory. Rows of few discrete columns are equal by chance and stay.

    Raises SplitError when too little is left of a side.
    """
    if table.copies_are_chance:
        return parts, []
    hashes = table.row_hashes()
    validation = parts.validation[~np.isin(hashes[parts.validation], hashes[parts.train])]
    earlier = hashes[np.concatenate((parts.train, parts.validation))]
    test = parts.test[~np.isin(hashes[parts.test], earlier)]
    findings = []
    for name, before, after in (("validation", parts.validation, validation), ("test", parts.test, test)):
        if len(after) < len(before):
            copies = f"{len(before) - len(after):,} of {len(before):,} {name} rows"
            findings.append(f"{copies} are copies of rows on an earlier side and were left out")
    kept = Split(parts.train, validation, test, parts.words)
    check_sides(kept, table.target)
    return kept, findings


def _constant_columns(features: pd.DataFrame) -> tuple[str, ...]:
    """One finding per column that has one value (or only missing ones) in all rows."""
    findings = []
    for name in features.columns:
        column = features[name]
        if column.isna().all():
            findings.append(f"column {name!r} is missing in all rows")
        elif column.notna().all() and column.nunique() == 1:
            findings.append(f"column {name!r} is {column.iloc[0]} in all rows")
    return tuple(findings)


def _said(definition: Definition, code: float) -> str:
    """A target's code in the words of the data."""
    target = definition.target
    assert target is not None
    if definition.kind is Kind.MULTICLASS:
        return repr(target.classes[int(code)])
    if definition.kind is Kind.BINARY:
        return repr(target.positive) if code else f"other than {target.positive!r}"
    return f"{code:g}"


def _words(trap: Trap, definition: Definition) -> str:
    remedy = f"delete it from {definition.file} and train again, so that callers need not send it"
    done = {
        "leave_out": f"; it was left out: {remedy}",
        "split_by_order": "; neighbouring rows are kept on one side",
        "keep_together": "; these rows are kept on one side (--group COLUMN tells better which belong together)",
        "note": "",
    }[trap.action]
    return f"{_evidence(trap)}{done}"


def _evidence(trap: Trap) -> str:
    return (
        trap.evidence
        if trap.column is None or repr(trap.column) in trap.evidence
        else f"column {trap.column!r}: {trap.evidence}"
    )


def _stop_words(traps: list[Trap], definition: Definition) -> str:
    found = "; ".join(map(_evidence, traps))
    what = "the column" if len(traps) == 1 else "these columns"
    return f'{found}. Delete {what} from {definition.file}, or set traps="leave_out" in its recipe'
