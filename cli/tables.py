"""What is known about versions, as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table

    from models.definition import Schema
    from registry.details import GateResult, Metric, VersionDetails


SUMMARY = ("metric", "value", "95 % interval", "baseline")
"""Headings of what `summary_cells` gives."""


ROUNDING = 1e-12
"""What is smaller is what computing leaves of 0."""
_WHOLE = ("model", "metric", "version", "champion", "value", "95 % interval", "feature", "check")
"""Columns whose cells are not folded: names to copy, and numbers."""


def table(*columns: str, right: Sequence[str] = (), title: str = "") -> Table:
    """An empty table in the house's look; numbers stand to the right."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title=title or None,
        title_justify="left",
        title_style="bold",
    )
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        made.add_column(column.replace("_", " "), justify=justify, overflow="fold", no_wrap=column in _WHOLE)
    return made


def metrics_table(details: VersionDetails) -> Table:
    """Every metric with its interval, the baselines on the same rows, and its gate."""
    baselines = baseline_names(details.metrics)
    made = table("metric", "value", "95 % interval", *baselines, "gate", right=("value", "95 % interval", *baselines))
    gates = {gate.metric: gate for gate in details.gates}
    for metric in details.metrics:
        gate = gates.get(metric.name)
        made.add_row(
            metric.name,
            fixed(metric.value),
            interval(metric),
            *(fixed(metric.baselines[name]) if name in metric.baselines else "" for name in baselines),
            gate_words(gate) if gate else "",
        )
    return made


def summary_cells(details: VersionDetails) -> tuple[str, str, str, str]:
    """The main metric's name and value, its interval and the best baseline's value: cells under `SUMMARY`."""
    metric = details.metrics[0]
    choose = max if metric.higher_is_better else min
    best = fixed(choose(metric.baselines.values())) if metric.baselines else ""
    return metric.name, fixed(metric.value), interval(metric), best


def baseline_names(metrics: Iterable[Metric]) -> list[str]:
    """All baselines, in the order in which they come."""
    return list(dict.fromkeys(name for metric in metrics for name in metric.baselines))


def interval(metric: Metric) -> str:
    """The 95 % interval, a digit shorter than the value itself."""
    return (
        f"{metric.low:.3f} – {metric.high:.3f}" if abs(metric.high) < 1e4 else f"{metric.low:.4g} – {metric.high:.4g}"
    )


def fixed(value: float) -> str:
    """Four digits after the point, or the significant ones of a very small or large number.

    >>> fixed(0.98766), fixed(0.00012), fixed(-1.9e-17)
    ('0.9877', '0.00012', '0.0000')
    """
    if abs(value) < ROUNDING:
        return "0.0000"
    if abs(value) < 1e-3:
        return f"{value:.2g}"
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.6g}"


def size(trees: int) -> str:
    """How large a version is that holds so many trees in all.

    >>> size(1200), size(0)
    ('1,200 trees', 'a linear model')
    """
    return f"{trees:,} trees" if trees else "a linear model"


def short_tag(tag: str) -> str:
    """A version's tag without the model's name.

    >>> short_tag("churn:k3hx2wqx5o")
    'k3hx2wqx5o'
    """
    return tag.partition(":")[2]


def bound(gate: GateResult) -> str:
    return f"≥ {gate.at_least:g}" if gate.at_least is not None else f"≤ {gate.at_most:g}"


def gate_words(gate: GateResult) -> str:
    """The gate's bound and how the version stands to it."""
    if gate.passed:
        return f"[green]passed[/green] ({bound(gate)})"
    limit = gate.at_least if gate.at_least is not None else gate.at_most
    assert limit is not None
    if gate.value is None:
        return f"[red]not measured[/red] ({bound(gate)})"
    return f"[red]missed by {fixed(abs(gate.value - limit))}[/red] ({bound(gate)})"


def gates_word(gates: Sequence[GateResult]) -> str:
    """All gates of a version in a word or two."""
    missed = sum(not gate.passed for gate in gates)
    return f"[red]{missed} missed[/red]" if missed else "[green]passed[/green]"


def schema_table(schema: Schema) -> Table:
    """Every feature with what a caller may send."""
    made = table("feature", "type", "unit", "range or levels", "example", "missing", right=("example",))
    for row in schema.describe():
        made.add_row(
            str(row["name"]),
            "whole number" if row.get("whole") else str(row["type"]),
            str(row.get("unit", "")),
            _allowed(row),
            plain(row["example"]),
            "allowed" if row["missing"] else "",
        )
    return made


def _allowed(row: dict[str, object]) -> str:
    """A number's range, a series' length, or a category's levels and what becomes of others."""
    if row["type"] == "series":
        length = f"{row['min_length']} to {row['max_length']} numbers"
        return f"{length} from {plain(row['minimum'])} to {plain(row['maximum'])}"
    if row["type"] == "moment":
        return "ISO 8601"
    if "minimum" in row:
        return f"{plain(row['minimum'])} to {plain(row['maximum'])}"
    levels = row.get("levels")
    if not isinstance(levels, list):
        return "true, false"
    others = " (others count as missing)" if row.get("unseen") == "missing" else ""
    return ", ".join(map(str, levels)) + others


def plain(value: object) -> str:
    """A feature's value as a caller may write it, without a needless ".0"."""
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)
