"""What a training reports: to people, and to machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli import console
from cli.champions import is_outgrown
from cli.errors import Explained, explain
from cli.tables import SUMMARY, fixed, gates_word, metrics_table, short_tag, size, summary_cells, table
from cli.training import Failed, Outcome, Trained


def as_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """`trained` and `failed`, each with one entry per model."""
    return {
        "trained": [_trained(outcome) for outcome in outcomes if isinstance(outcome, Trained)],
        "failed": [_failed(outcome) for outcome in outcomes if isinstance(outcome, Failed)],
    }


def _trained(outcome: Trained) -> dict[str, Any]:
    details = outcome.version.details.model_dump(mode="json")
    kept = ("kind", "threshold", "metrics", "gates", "chosen", "forced", "findings", "trees", "data")
    return {
        "model": outcome.definition.name,
        "version": outcome.version.tag,
        "path": str(outcome.version.path),
        "champion": outcome.champion,
        "promoted": outcome.promoted,
        "seconds": round(outcome.seconds, 2),
        **{key: details[key] for key in kept},
    }


def _failed(outcome: Failed) -> dict[str, Any]:
    explained = _explained(outcome)
    return {
        "model": outcome.definition.name,
        "error": type(outcome.error).__name__,
        "detail": explained.text,
        "problems": list(explained.problems),
    }


RUNNING = "a server that runs already goes on with the version it has loaded until it is restarted"


def show(outcomes: Sequence[Outcome], *, brief: bool) -> None:
    """The full story of one version, or a row for each of several or when `brief`; then what failed."""
    trained = [outcome for outcome in outcomes if isinstance(outcome, Trained)]
    if len(outcomes) == 1 and not brief:
        for outcome in trained:
            _show_one(outcome)
    elif trained:
        _show_several(trained)
        if not brief and any(outcome.promoted for outcome in trained):
            console.stdout().print(RUNNING, soft_wrap=True)
    complain([outcome for outcome in outcomes if isinstance(outcome, Failed)])


def complain(failures: Sequence[Failed]) -> None:
    """Every failure on stderr."""
    for failure in failures:
        console.complain(_explained(failure))


def _explained(failure: Failed) -> Explained:
    return explain(failure.error) or Explained(str(failure.error))


def _show_one(outcome: Trained) -> None:
    details, out = outcome.version.details, console.stdout()
    out.print(f"\n[bold]{outcome.version.tag}[/bold]  {details.title}, trained in {outcome.seconds:.1f} s")
    out.print(f"{details.data.source}; {details.data.split}; {size(details.trees)}", markup=False, soft_wrap=True)
    out.print(metrics_table(details))
    if details.threshold is not None:
        out.print(f"threshold: {fixed(details.threshold)}")
    for miss in details.forced:
        out.print(f"[red]stored by --force although[/red] {miss}", soft_wrap=True)
    for words in details.chosen:
        out.print(words, markup=False, soft_wrap=True)
    for finding in details.findings:
        out.print(f"found in the data: {finding}", markup=False, soft_wrap=True)
    out.print(f"champion: {_champion_words(outcome)}", soft_wrap=True)
    out.print(f"next: `tiffin serve` serves the champion; `tiffin models show {details.model}` shows all about it")
    if outcome.promoted:
        out.print(RUNNING, soft_wrap=True)


def _champion_words(outcome: Trained) -> str:
    name = outcome.definition.name
    if outcome.promoted:
        return f"[green]{outcome.version.tag}[/green], this version"
    if outcome.champion is None:
        return "none is recorded; servers answer with the newest version until one is"
    if is_outgrown(outcome.champion, outcome.definition):
        unfit = "was trained for another schema and answers nobody: the newest version does"
        return f"stays {outcome.champion}, which {unfit}; `tiffin train {name} --promote` makes a new champion"
    return f"stays {outcome.champion}; `tiffin train {name} --promote` trains a version and makes it champion"


def _show_several(trained: Sequence[Trained]) -> None:
    made = table("model", *SUMMARY, "gates", "version", "champion", right=SUMMARY[1:])
    for outcome in trained:
        details = outcome.version.details
        made.add_row(
            details.model,
            *summary_cells(details),
            gates_word(details.gates),
            short_tag(outcome.version.tag),
            "this version" if outcome.promoted else short_tag(outcome.champion or ":none"),
        )
    console.stdout().print(made)
