"""`tiffin new`: a model's file, inferred from rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson

if TYPE_CHECKING:
    import pandas as pd

    from models.definition import Kind

_KINDS = "binary, multiclass, regression, forecast or anomaly"


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model's name: its file is models/NAME.py.")],
    data: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, metavar="FILE", help="Rows from a CSV or Parquet file."),
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="SQL", help="Rows from a query against the database, instead of a file.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="What is to be predicted. Not given: an anomaly model.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help=f"{_KINDS}; else the target decides, and --time.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(metavar="VALUE", help="The target's value that is the event, of two.")
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="When each row came to be: the latest are the test. Regular series become a forecast.",
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Whose row it is: rows of one group stay on one side.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Columns to leave out; repeat it, or separate by commas.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the model's file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the definition of a new model from rows: types, ranges, levels, what to leave out.

    The file is yours to read and edit. `tiffin train NAME` then trains it from the same rows.

    \b
    Examples:
      tiffin new lapse --data customers.csv --target lapsed
      tiffin new price --data flats.parquet --target price_eur --exclude agent,photo --group street
      tiffin new lapse --query "select * from lapse_rows order by id" --target lapsed --positive yes
    """
    from cli.console import step, write_json
    from cli.drafts import check_name, model_path, show, summary, write
    from training.infer import Wishes, infer, model_file

    check_name(name)
    path = model_path(name, force=force)
    if (data is None) == (query is None):
        raise typer.BadParameter("say where the rows come from: --data FILE or --query SQL", param_hint="--data")
    frame, recorded, origin = _rows(data, query)
    wishes = Wishes(
        name=name,
        target=target,
        kind=_kind(kind),
        positive=positive,
        group=group,
        time=time,
        exclude=_columns(exclude or [], frame),
        data=recorded,
        query=query,
        origin=origin,
    )
    with step(f"look at {len(frame.columns)} columns of {len(frame):,} rows"):
        inferred = infer(frame, wishes)
    write(path, model_file(inferred), inferred.definition)
    if as_json:
        write_json(summary(inferred, path))
    else:
        show(inferred, path)


def _rows(data: Path | None, query: str | None) -> tuple[pd.DataFrame, str | None, str]:
    """The rows, the path that the recipe is to name, and what the rows are called."""
    import settings
    from cli.console import step

    if data is not None:
        from training.reading import read

        with step(f"read {data.name}"):
            return read(data), _recorded(data, settings.ROOT), data.name
    from cli.local import servers_of
    from training.query import read_query

    assert query is not None
    storage = settings.load().storage
    with servers_of(storage), step("read from the database"):
        return read_query(query, storage), None, "the query"


def _recorded(data: Path, root: Path) -> str:
    """The file's path from the project's folder, where it lies in there."""
    path = data.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _kind(word: str | None) -> Kind | None:
    from models.definition import Kind

    if word is None:
        return None
    if word not in list(Kind):
        raise typer.BadParameter(f"there is no kind {word!r}: choose {_KINDS}", param_hint="--kind")
    return Kind(word)


def _columns(given: list[str], frame: pd.DataFrame) -> tuple[str, ...]:
    """Column names, each given alone or several separated by commas; a name may itself hold one."""
    names = [
        name
        for text in given
        for name in ([text] if text in frame.columns else [part.strip() for part in text.split(",")])
    ]
    return tuple(dict.fromkeys(name for name in names if name))
