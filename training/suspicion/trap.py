"""One thing about the data that would flatter a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sort = Literal["names_rows", "states_target", "follows_target", "file_order", "time_order", "copies"]
Action = Literal["leave_out", "note", "split_by_order", "keep_together"]


@dataclass(frozen=True, slots=True)
class Trap:
    """`column` is None where the whole file is meant. `evidence` is a sentence whose numbers can be checked.

    `action`: the column must be left out; the rows must be split in their order (that of the file, or of `column`);
    rows that agree in all `shared` columns must stay together; or a person should know.
    """

    sort: Sort
    column: str | None
    evidence: str
    action: Action
    shared: tuple[str, ...] = ()
