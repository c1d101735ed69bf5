"""`tiffin train`: new versions from synthetic rows or from a file."""

from __future__ import annotations

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
    chosen = {definition.name: definition for definition in _chosen(names or [], everything, data, query)}
    order = Order(
        definitions=list(chosen.values()),
        source=lambda name: _source(chosen[name], storage, data, query),
        rows=rows,
        force=force,
        promote=promote,
        by="tiffin serve" if within_serve else "tiffin train",
        mends=within_serve,
        as_recipe=data is None and query is None and rows is None,
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


def _source(definition: Definition, storage: StorageSettings, data: Path | None, query: str | None) -> Source:
    from training.sources import source_of

    return source_of(definition, storage, data=data, query=query)
