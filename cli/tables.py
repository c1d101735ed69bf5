"""What is known about versions, as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cli.console import number

if TYPE_CHECKING:
    from rich.table import Table

    from models.definition import Schema
    from registry.details import GateResult, Metric, VersionDetails


def table(*columns: str, right: Sequence[str] = (), title: str = "") -> Table:
    """An empty table in the house's look; numbers stand to the right."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left", title_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
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
            number(metric.value),
            interval(metric),
            *(number(metric.baselines.get(name)) for name in baselines),
            gate_words(gate) if gate else "",
        )
    return made


def summary_cells(details: VersionDetails) -> tuple[str, str, str, str]:
    """The main metric's name and value, its interval and the best baseline's value: cells of a row per version."""
    metric = details.metrics[0]
    best = best_baseline(metric)
    beside = f"{number(best[1])} {best[0]}" if best else ""
    return metric.name, number(metric.value), interval(metric), beside


def best_baseline(metric: Metric) -> tuple[str, float] | None:
    """The strongest baseline's name and value; None when the metric has none."""
    if not metric.baselines:
        return None
    choose = max if metric.higher_is_better else min
    return choose(metric.baselines.items(), key=lambda entry: entry[1])


def baseline_names(metrics: Iterable[Metric]) -> list[str]:
    """All baselines, in the order in which they come."""
    return list(dict.fromkeys(name for metric in metrics for name in metric.baselines))


def interval(metric: Metric) -> str:
    return f"{number(metric.low)} to {number(metric.high)}"


def bound(gate: GateResult) -> str:
    return f"at least {gate.at_least:g}" if gate.at_least is not None else f"at most {gate.at_most:g}"


def gate_words(gate: GateResult) -> str:
    """The gate's bound and how the version stands to it."""
    if gate.passed:
        return f"[green]passed[/green] ({bound(gate)})"
    limit = gate.at_least if gate.at_least is not None else gate.at_most
    assert limit is not None
    return f"[red]missed by {number(abs(gate.value - limit))}[/red] ({bound(gate)})"


def gates_word(gates: Sequence[GateResult]) -> str:
    """All gates of a version in a word or two."""
    missed = [gate.metric for gate in gates if not gate.passed]
    return f"[red]missed: {', '.join(missed)}[/red]" if missed else "[green]passed[/green]"


def schema_table(schema: Schema) -> Table:
    """Every feature with what a caller may send."""
    made = table("feature", "type", "unit", "range or levels", "example", "missing", right=("example",))
    for row in schema.describe():
        made.add_row(
            str(row["name"]),
            "whole number" if row.get("whole") else str(row["type"]),
            str(row.get("unit", "")),
            _allowed(row),
            number(row["example"], digits=2),
            "allowed" if row["missing"] else "",
        )
    return made


def _allowed(row: dict[str, object]) -> str:
    """A number's range, or a category's levels and what becomes of others."""
    if "minimum" in row:
        return f"{number(row['minimum'], 2)} to {number(row['maximum'], 2)}"
    levels = row.get("levels")
    if not isinstance(levels, list):
        return "true, false"
    others = " (others count as missing)" if row.get("unseen") == "missing" else ""
    return ", ".join(map(str, levels)) + others
