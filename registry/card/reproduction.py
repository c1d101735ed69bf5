"""How the version was chosen, and all it takes to train it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.definition import Kind
from registry.card.about import About
from registry.card.markup import Html, element
from registry.card.section import Section, said
from registry.card.tables import facts, listed, row, table
from registry.details import VersionDetails


def chosen(details: VersionDetails, about: About) -> Section | None:
    if not details.chosen:
        return None
    intro = said("What the recipe tried on the training rows alone, and why it took what it took.")
    return Section("chosen", "How it was chosen", (intro, listed(details.chosen)))


def reproduction(details: VersionDetails, about: About) -> Section:
    made = details.reproduction
    libraries = [row(name, version) for name, version in made.libraries.items()]
    settings = [row(name, value) for name, value in flattened(_used(made.recipe, details.kind))]
    return Section(
        "reproduction",
        "How to reproduce it",
        (
            said("The same rows, seed, libraries and number of cores give the same version."),
            element("pre", element("code", made.command)),
            facts("Origin", [("Code commit", _commit(made.commit)), ("Seed", str(made.seed)), *_schema(details)]),
            element(
                "div",
                table("Libraries", ("Library", "Version"), libraries, name="tight"),
                table("Recipe", ("Setting", "Value"), settings, name="tight"),
                class_="pair",
            ),
        ),
    )


def _used(recipe: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The settings that mean something for the kind: forests are grown from some, all other models from others."""
    others = ("form", "booster", "saturating", "time_column") if kind is Kind.ANOMALY else ("isolation",)
    return {name: value for name, value in recipe.items() if name not in others}


def flattened(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Settings of settings under their full names.

    >>> list(flattened({"seed": 7, "booster": {"rounds": 60, "monotone": [["x", 1]]}}))
    [('seed', '7'), ('booster.rounds', '60'), ('booster.monotone', 'x 1')]
    """
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", _setting(value)


def _setting(value: Any) -> str:
    if isinstance(value, list | tuple):
        parts = [" ".join(map(str, one)) if isinstance(one, list | tuple) else str(one) for one in value]
        return ", ".join(parts) or "none"
    return "none" if value is None else str(value)


def _commit(commit: str) -> Html | str:
    found = element("code", commit.removesuffix("+dirty"))
    if not commit.endswith("+dirty"):
        return found
    return element("span", found, element("strong", " with changes that were not committed", class_="bad"))


def _schema(details: VersionDetails) -> list[tuple[str, Html]]:
    return [
        ("Definition fingerprint", element("code", details.definition_fingerprint)),
        ("Data fingerprint", element("code", details.data.fingerprint)),
    ]
