"""All about one model, and one of its versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import champions, console
from cli.errors import CommandError
from cli.lookup import definition
from cli.overview import SOURCES, Known, known
from cli.tables import SUMMARY, fixed, gates_word, metrics_table, schema_table, short_tag, summary_cells, table

if TYPE_CHECKING:
    from registry.releases import Source
    from registry.store import Version


@dataclass(frozen=True, slots=True)
class Card:
    """`shown` is the version whose numbers are shown; None when the model has none."""

    model: Known
    shown: Version | None
    source: Source

    def as_json(self) -> dict[str, Any]:
        about = self.model.definition
        return {
            **self.model.as_json(),
            "releases_from": self.source,
            "purpose": about.purpose,
            "target": about.target.column if about.target else None,
            "schema": about.schema.describe(),
            "limits": list(about.limits),
            "versions": [_row(version) for version in self.model.versions],
            "version": self.shown.details.model_dump(mode="json") if self.shown else None,
            "tag": self.shown.tag if self.shown else None,
        }


def _row(version: Version) -> dict[str, Any]:
    details = version.details
    return {
        "version": version.tag,
        "trained_at": details.created_at.isoformat(),
        "threshold": details.threshold,
        "metrics": {metric.name: metric.value for metric in details.metrics},
        "gates_passed": all(gate.passed for gate in details.gates),
        "source": details.data.source,
    }


def card(name: str, version: str) -> Card:
    """The model's card with the champion's numbers, or those of `version`.

    Raises CommandError for an unknown model or version.
    """
    import settings

    about = definition(name)
    releases, source = champions.last_known(settings.load().storage)
    release = releases.get(name)
    model = known(about, release.champion if release else None)
    return Card(model, _named(model, version) if version else model.champion, source)


def _named(model: Known, wanted: str) -> Version:
    tag = wanted if ":" in wanted else f"{model.definition.name}:{wanted}"
    for version in model.versions:
        if version.tag == tag:
            return version
    tags = ", ".join(version.tag for version in model.versions) or "none"
    raise CommandError(f"there is no usable version {tag!r}", hint=f"usable versions: {tags}")


def show_card(found: Card) -> None:
    """The card, section by section."""
    about, out = found.model.definition, console.stdout()
    out.print(f"[bold]{about.name}[/bold]  {about.title} ({about.kind.value})")
    out.print(about.purpose)
    if found.shown is None:
        out.print(f"\n[red]no usable version[/red]; next: `tiffin train {about.name}`")
    else:
        _show_versions(found.model)
        out.print(SOURCES[found.source])
        _show_version(found.shown)
    made = schema_table(about.schema)
    target = f"target {about.target.column}" if about.target else "no target"
    made.title = f"\nschema: what a record holds ({len(about.schema)} features; {target})"
    out.print(made)
    _show_list("limits", about.limits)


def _show_versions(model: Known) -> None:
    heading = "\nversions, newest first"
    made = table("version", "trained (UTC)", *SUMMARY, "gates", "role", right=SUMMARY[1:], title=heading)
    for version in model.versions:
        details = version.details
        role = "" if version is not model.champion else "champion" if model.released else "answers as the newest"
        made.add_row(
            short_tag(version.tag),
            f"{details.created_at:%Y-%m-%d %H:%M}",
            *summary_cells(details),
            gates_word(details.gates),
            role,
        )
    console.stdout().print(made)


def _show_version(version: Version) -> None:
    details, out = version.details, console.stdout()
    made = metrics_table(details)
    made.title = f"\n{version.tag} on {details.data.test_rows:,} test rows"
    out.print(made)
    if details.threshold is not None:
        out.print(f"threshold: {fixed(details.threshold)}")
    out.print(f"data: {details.data.source}; {details.data.split}", markup=False, soft_wrap=True)
    out.print(f"made by: {details.reproduction.command} (commit {details.reproduction.commit[:12]})", soft_wrap=True)
    _show_list("stored by --force although", details.forced)
    _show_list("how it was chosen", details.chosen)
    _show_list("findings in the data", details.findings)
    strongest = details.importance[:5]
    _show_list("strongest features", [f"{row.feature} {row.mean_absolute_contribution:.3f}" for row in strongest])


def _show_list(title: str, items: Sequence[str]) -> None:
    if items:
        out = console.stdout()
        out.print(f"\n[bold]{title}[/bold]")
        for item in items:
            out.print(f"- {item}", markup=False, soft_wrap=True)
