"""What is known about every model without any server: its versions, and which of them answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cli import champions, console
from cli.lookup import definitions
from cli.tables import SUMMARY, short_tag, summary_cells, table

if TYPE_CHECKING:
    from models.definition import Definition
    from registry.releases import Source
    from registry.store import Version

SOURCES = {
    "database": "champions are read from the database",
    "file": "champions are as this machine last knew them: the database is not reached",
    "none": "no releases are known: a server answers with each model's newest version",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One model. `champion` is the version that answers, None without a usable one; `released` says whether somebody
    made it champion or it is merely the newest. `versions` are the usable ones, newest first."""

    definition: Definition
    versions: Sequence[Version]
    champion: Version | None
    released: bool

    def as_json(self) -> dict[str, Any]:
        details = self.champion.details if self.champion else None
        return {
            "name": self.definition.name,
            "title": self.definition.title,
            "kind": self.definition.kind.value,
            "champion": self.champion.tag if self.champion else None,
            "champion_by": self.champion_by,
            "forced": bool(details.forced) if details else None,
            "versions": len(self.versions),
            "trained_at": details.created_at.isoformat() if details else None,
            "metric": details.metrics[0].model_dump(mode="json") if details else None,
        }

    @property
    def champion_by(self) -> Literal["release", "newest"] | None:
        if self.champion is None:
            return None
        return "release" if self.released else "newest"


def overview() -> tuple[list[Known], Source]:
    """Every model, and where the releases come from."""
    import settings

    releases, source = champions.last_known(settings.load().storage)
    released = {name: release.champion for name, release in releases.items()}
    return [known(definition, released.get(definition.name)) for definition in definitions().values()], source


def known(definition: Definition, released: str | None) -> Known:
    """What is known about one model whose released champion, if any, is the version `released`."""
    from registry.store import versions

    usable = versions(definition)
    champion = next((version for version in usable if version.tag == released), None)
    if released is not None and champion is None:
        instead = f"{usable[0].tag}, the newest, answers instead" if usable else "nothing answers"
        console.warn(f"{_fault(released, definition)}; {instead}. `tiffin train {definition.name} --promote` mends it")
    answering = champion or next(iter(usable), None)
    return Known(definition=definition, versions=usable, champion=answering, released=champion is not None)


def _fault(released: str, definition: Definition) -> str:
    """Why the released champion does not answer."""
    from registry.errors import OtherSchemaError, RegistryError, UnknownVersionError
    from registry.store import get

    try:
        get(released, definition)
    except OtherSchemaError:
        return f"the champion {released} was trained for another schema than models/{definition.name}.py has now"
    except UnknownVersionError:
        return f"the champion {released} is not in this machine's model store"
    except RegistryError as error:
        return f"the champion does not answer: {error}"
    return f"the champion {released} is not usable on this machine"


def show_overview(models: Sequence[Known], source: Source) -> None:
    """One row per model."""
    from models import broken

    made = table("model", "champion", "versions", "trained", *SUMMARY, right=("versions", *SUMMARY[1:]))
    for model in models:
        made.add_row(model.definition.name, *_cells(model))
    for name in broken():
        made.add_row(name, "[red]broken[/red]")
    out = console.stdout()
    out.print(made)
    out.print(SOURCES[source])
    missing = " ".join(model.definition.name for model in models if model.champion is None)
    if missing:
        out.print(f"next: `tiffin train {missing}`, or `tiffin serve`, which trains what is missing", soft_wrap=True)


def _cells(model: Known) -> tuple[str, ...]:
    if model.champion is None:
        return ("[red]none[/red]", "0")
    details = model.champion.details
    marks = [*([] if model.released else ["newest"]), *(["by --force"] if details.forced else [])]
    tag = short_tag(model.champion.tag) + (f" ({', '.join(marks)})" if marks else "")
    return (tag, str(len(model.versions)), f"{details.created_at:%Y-%m-%d}", *summary_cells(details))
