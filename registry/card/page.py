"""The whole card as one HTML page that needs nothing from outside and runs nothing."""

from __future__ import annotations

from collections.abc import Callable

from registry.card.about import About
from registry.card.calibration import calibration
from registry.card.data import data, findings
from registry.card.dependence import dependence
from registry.card.features import features
from registry.card.importance import importance
from registry.card.markup import Html, document, element, style
from registry.card.metrics import gates, metrics
from registry.card.purpose import limits, purpose
from registry.card.reproduction import chosen, reproduction
from registry.card.section import Section
from registry.card.style import RULES
from registry.card.subgroups import subgroups
from registry.card.summary import summary
from registry.card.thresholds import thresholds
from registry.details import VersionDetails

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
SECTIONS: tuple[Callable[[VersionDetails, About], Section | None], ...] = (
    purpose,
    limits,
    data,
    findings,
    metrics,
    gates,
    calibration,
    thresholds,
    subgroups,
    importance,
    dependence,
    features,
    chosen,
    reproduction,
)


def page(details: VersionDetails, about: About) -> str:
    """The card. Sections for which the version has no data are left out."""
    sections = [section for make in SECTIONS if (section := make(details, about)) is not None]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=CONTENT_POLICY),
        element("title", f"{details.title}: model card of {about.tag}"),
        style(RULES),
    )
    body = element(
        "body",
        summary(details, about),
        _contents(sections),
        element("main", *(section.drawn(number) for number, section in enumerate(sections, 1))),
        _foot(details, about),
    )
    return document("en", head, body)


def _contents(sections: list[Section]) -> Html:
    items = [element("li", element("a", section.title, href=f"#{section.key}")) for section in sections]
    return element("nav", element("h2", "Contents"), element("ol", *items), aria_label="Contents")


def _foot(details: VersionDetails, about: About) -> Html:
    words = f"Model card of {about.tag}, written by Tiffin when the version was stored on "
    return element("footer", element("p", words, f"{details.created_at:%Y-%m-%d %H:%M} UTC."))
