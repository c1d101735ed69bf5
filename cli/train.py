"""`tiffin train`: new versions from synthetic rows or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson

if TYPE_CHECKING:
    from models.definition import Definition
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
            help="Rows from a CSV or Parquet file, for one model. Not given: the model's synthetic rows.",
        ),
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, metavar="N", help="Use at most so many rows.")] = None,
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
      tiffin train --all --json
    """
    import settings
    from cli import report
    from cli.console import write_json
    from cli.training import Failed, Order, Trained, carry_out
    from models import broken

    order = Order(
        definitions=_chosen(names or [], everything, data),
        source=lambda name: _source(name, data),
        rows=rows,
        force=force,
        promote=promote,
        by="tiffin serve" if within_serve else "tiffin train",
    )
    outcomes = carry_out(order, settings.load().storage)
    if as_json:
        write_json(report.as_json(outcomes))
        report.complain([outcome for outcome in outcomes if isinstance(outcome, Failed)])
    else:
        report.show(outcomes, brief=within_serve)
    whole = all(isinstance(outcome, Trained) and (outcome.promoted or not promote) for outcome in outcomes)
    if not whole or (everything and broken()):
        raise typer.Exit(1)


def _chosen(names: list[str], everything: bool, data: Path | None) -> list[Definition]:
    from cli.lookup import definition, definitions

    if bool(names) == everything:
        raise typer.BadParameter("name the models to train, or give --all (one of the two)", param_hint="NAME")
    chosen = list(definitions().values()) if everything else [definition(name) for name in dict.fromkeys(names)]
    if data is not None and len(chosen) != 1:
        raise typer.BadParameter("a file holds the rows of one model; name that model", param_hint="--data")
    return chosen


def _source(name: str, data: Path | None) -> Source:
    from training.sources import File, Synthetic

    return Synthetic(name) if data is None else File(data)
