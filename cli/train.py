"""`tiffin train`: new versions from the database, from a file or from synthetic rows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson

if TYPE_CHECKING:
    from models.definition import Definition
    from storage.settings import StorageSettings
    from training.sources import Source


def train(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Models to train.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Train every model.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="Rows from a CSV or Parquet file, for one model. Not given: what the model's recipe names.",
        ),
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="SQL", help="Rows from a query against the database, for one model.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, metavar="N", help="Use at most so many rows.")] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT",
            help="Of models that learn from events in the database: only what happened before, ISO 8601.",
        ),
    ] = None,
    tune: Annotated[
        float,
        typer.Option("--tune", min=0, max=1440, metavar="MINUTES", help="Search for better settings for so long."),
    ] = 0.0,
    force: Annotated[bool, typer.Option("--force", help="Store versions that miss their gates or baselines.")] = False,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make the new version champion even if there is one already.")
    ] = False,
    as_json: AsJson = False,
    within_serve: Annotated[bool, typer.Option("--within-serve", hidden=True)] = False,
) -> None:
    """Train models and store the new versions.

    A version that misses a gate or loses to a baseline is refused, with the metric and the distance. The first version
    of a model becomes its champion; a later one only with --promote.

    \b
    Examples:
      tiffin train churn
      tiffin train churn --until 2026-03-01
      tiffin train fraud --data transactions.parquet --promote
      tiffin train lapse --query "select * from lapse_rows order by id"
      tiffin train --all --json
    """
    import settings
    from cli import report
    from cli.console import write_json
    from cli.training import Failed, Order, Trained, carry_out
    from models import broken

    storage = settings.load().storage
    nothing = within_serve and not names  # but the sample data may be due
    listed = [] if nothing else _chosen(names or [], everything, data, query)
    chosen = {definition.name: definition for definition in listed}
    moment = _moment(until, listed, given=data is not None or query is not None)
    order = Order(
        definitions=list(chosen.values()),
        source=lambda name: _source(chosen[name], storage, data, query, moment),
        rows=rows,
        force=force,
        promote=promote,
        by="tiffin serve" if within_serve else "tiffin train",
        mends=within_serve,
        as_recipe=data is None and query is None and rows is None and until is None,
        fills_sample=within_serve,
        tune_minutes=tune,
    )
    outcomes = carry_out(order, storage)
    if as_json:
        write_json(report.as_json(outcomes))
        report.complain([outcome for outcome in outcomes if isinstance(outcome, Failed)])
    else:
        report.show(outcomes, brief=within_serve)
    whole = all(isinstance(outcome, Trained) and (outcome.promoted or not promote) for outcome in outcomes)
    if not whole or (everything and broken()):
        raise typer.Exit(1)


def _chosen(names: list[str], everything: bool, data: Path | None, query: str | None) -> list[Definition]:
    from cli.lookup import definition, definitions

    if bool(names) == everything:
        raise typer.BadParameter("name the models to train, or give --all (one of the two)", param_hint="NAME")
    if data is not None and query is not None:
        raise typer.BadParameter("rows come from a file or from a query: give one of the two", param_hint="--query")
    chosen = list(definitions().values()) if everything else [definition(name) for name in dict.fromkeys(names)]
    if (data is not None or query is not None) and len(chosen) != 1:
        hint, what = ("--query", "a query gives") if data is None else ("--data", "a file holds")
        raise typer.BadParameter(f"{what} the rows of one model; name that model", param_hint=hint)
    return chosen


def _moment(text: str | None, chosen: list[Definition], *, given: bool) -> datetime | None:
    from models.definition.feature import read_moment

    if text is None:
        return None
    others = [definition.name for definition in chosen if given or not definition.learns_from_view]
    if others:
        what = f"{', '.join(others)} would not learn from events in the database"
        raise typer.BadParameter(f"{what}, which alone have a time to stop at", param_hint="--until")
    try:
        return read_moment(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no ISO 8601 moment like 2026-03-01", param_hint="--until") from None


def _source(
    definition: Definition, storage: StorageSettings, data: Path | None, query: str | None, until: datetime | None
) -> Source:
    from training.sources import source_of

    return source_of(definition, storage, data=data, query=query, until=until)
