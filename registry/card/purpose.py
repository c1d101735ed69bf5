"""What the model is for, what it decides, and what it must not be used for."""

from __future__ import annotations

from registry.card import words
from registry.card.about import About
from registry.card.figures import bound, figure, share
from registry.card.markup import Html, joined
from registry.card.section import Section, said
from registry.card.tables import facts, listed, row, table
from registry.details import VersionDetails


def purpose(details: VersionDetails, about: About) -> Section:
    forms = words.form(details, "model")
    if len(details.estimators) > 1:
        forms = "; ".join(f"{name}: {words.form(details, name)}" for name in details.estimators)
    made = facts(
        "What it is for and what it answers",
        [
            ("Purpose", about.purpose),
            ("Answer", words.KINDS[details.kind.value]),
            ("Target", about.target or "none: it learns without one"),
            ("Counts as positive", about.positive or None),
            ("Unit of the target", about.unit or None),
            ("Unit of the score", about.answer_unit or None),
            ("Threshold", _threshold(details, about)),
            ("Made of", f"{forms} ({details.trees:,} trees)" if details.trees else forms),
        ],
    )
    return Section("purpose", "Purpose and decision", (made, *_levels(about)))


def limits(details: VersionDetails, about: About) -> Section | None:
    if not details.limits:
        return None
    intro = said("What the model must not be used for, and where it is known to be weak.")
    return Section("limits", "Limits", (intro, listed(details.limits)))


def _threshold(details: VersionDetails, about: About) -> Html | None:
    if details.threshold is None:
        return None
    meant = joined(", set to flag ", share(about.share), " of rows") if about.share is not None else None
    return joined(
        figure(details.threshold), meant, ": from this score on a record is flagged; a caller may choose another"
    )


def _levels(about: About) -> list[Html]:
    if not about.levels:
        return []
    ends = [*(start for _, start in about.levels[1:]), None]
    rows = [
        row(name, bound(start), bound(end) if end is not None else "1, inclusive")
        for (name, start), end in zip(about.levels, ends, strict=True)
    ]
    return [table("Levels of the score", ("Level", "From", "To below"), rows, name="numbers")]
