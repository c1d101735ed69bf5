"""`tiffin models`: what there is, from the model store alone; no server is started or needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson

app = typer.Typer(
    invoke_without_command=True, help="List models and show what is known about one.", rich_markup_mode=None
)


@app.callback()
def models(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List models and show what is known about one. Without a command: list."""
    if ctx.invoked_subcommand is None:
        list_models(as_json)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List all models: champion, versions, training, main metric."""
    from cli.console import write_json
    from cli.overview import overview, show_overview
    from models import broken

    facts, source = overview()
    if as_json:
        write_json({"releases_from": source, "models": [fact.as_json() for fact in facts], "broken": dict(broken())})
    else:
        show_overview(facts, source)


@app.command("show")
def show_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model.")],
    version: Annotated[
        str,
        typer.Option("--version", metavar="TAG", help="Another version than the champion; its tag or the tag's end."),
    ] = "",
    as_page: Annotated[
        bool, typer.Option("--card", help="Open the version's model card in the browser and print its path.")
    ] = False,
    card_to: Annotated[
        Path | None, typer.Option("--card-to", metavar="FILE", help="Write the version's model card (HTML) to FILE.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one model with all that is known about it.

    Its versions; metrics, gates and threshold of the champion (or of --version); its schema and limits.

    \b
    Examples:
      tiffin models show churn
      tiffin models show churn --version k3hx2wqx5o
      tiffin models show churn --card
      tiffin models show churn --card-to churn.html
    """
    from cli.card import card, show_card
    from cli.console import write_json
    from cli.page import give_page

    found = card(name, version)
    if as_page or card_to is not None:
        give_page(found, card_to, opens=as_page and not as_json, as_json=as_json)
    elif as_json:
        write_json(found.as_json())
    else:
        show_card(found)
