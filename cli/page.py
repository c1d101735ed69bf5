"""A version's model card as a page: opened, or written where it is wanted."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from cli import console
from cli.card import Card
from cli.errors import CommandError
from registry.store import CARD


def give_page(found: Card, target: Path | None, *, opens: bool, as_json: bool) -> None:
    """Write the card to `target` when one is given; open it when `opens`; say where it lies.

    Raises CommandError where there is no card, or `target` cannot be written.
    """
    name = found.model.definition.name
    if found.shown is None:
        raise CommandError(f"{name} has no usable version, so no card", hint=f"tiffin train {name}")
    page = found.shown.card()
    if page is None:
        raise CommandError(
            f"{found.shown.tag} has no card: it was stored by older code", hint=f"tiffin train {name}, or name another"
        )
    path = found.shown.path / CARD
    if target is not None:
        try:
            target.write_text(page, "utf-8")
        except OSError as error:
            raise CommandError(f"cannot write {target}: {error.strerror}", hint="choose another FILE") from None
        path = target.resolve()
    opened = opens and webbrowser.open(path.as_uri())
    if as_json:
        console.write_json({"version": found.shown.tag, "card": str(path), "opened": opened})
        return
    out = console.stdout()
    out.print(f"card of {found.shown.tag}: {path}", markup=False, soft_wrap=True)
    if opens and not opened:
        out.print("no browser could be started here: open that file in one")
