"""What the version was trained on, how rows were split, and what was found in them."""

from __future__ import annotations

from registry.card import words
from registry.card.about import About
from registry.card.figures import count, figure, percent, share
from registry.card.markup import Html, element, joined
from registry.card.plot import bar
from registry.card.section import Section, said
from registry.card.tables import facts, listed, row, table
from registry.details import Data, FromView, VersionDetails

LAST = ", those that it was judged on among them: the last fit takes all"


def data(details: VersionDetails, about: About) -> Section:
    return Section("data", "Data", (_facts(details, about), *_classes(details.data)))


def findings(details: VersionDetails, about: About) -> Section | None:
    """The traps."""
    if not details.findings:
        return None
    intro = said(
        "Training looks for columns that give the answer away, for copies across the split, for numbered rows and for "
        "what else flatters a model. What it noticed, and what it did about it:"
    )
    return Section("findings", "Findings in the data", (intro, listed(details.findings)))


def _facts(details: VersionDetails, about: About) -> Html:
    found = details.data
    unit = f" {about.unit}" if about.unit else None
    mean = None
    if found.target_mean is not None and found.target_deviation is not None:
        mean = joined(figure(found.target_mean), unit, ", standard deviation ", figure(found.target_deviation), unit)
    return facts(
        "Rows",
        [
            ("Source", found.source),
            ("Real or synthetic", f"synthetic: {words.made_up(found)}" if found.synthetic else "as the source gave it"),
            *_view(found.view),
            ("Rows", count(found.rows)),
            ("Trained on", joined(count(found.train_rows), LAST if words.learned_all(details) else None)),
            ("Validated on", count(found.validation_rows)),
            ("Tested on", count(found.test_rows)),
            ("Split", found.split),
            ("Positives", share(found.positive_rate) if found.positive_rate is not None else None),
            ("Target, mean", mean),
            ("Fingerprint (SHA-256)", element("code", found.fingerprint)),
        ],
    )


def _view(view: FromView | None) -> list[tuple[str, Html | str | None]]:
    """Of whom and when, where the rows are observations."""
    if view is None:
        return []
    when = f"{view.first:%d %B %Y} to {view.last:%d %B %Y}; what came of it was known until {view.until:%d %B %Y}"
    return [
        ("Feature view", joined(view.name, ", fingerprint ", element("code", view.fingerprint))),
        ("Observations", joined(count(view.observations), " of ", count(view.entities), " entities")),
        ("Observed from", when),
        ("Who is observed, fingerprint", element("code", view.observations_fingerprint)),
    ]


def _classes(found: Data) -> list[Html]:
    if not found.classes:
        return []
    total, largest = sum(found.classes.values()), max(found.classes.values())
    rows = [
        row(name, count(rows), percent(rows / max(1, total)), bar(rows, largest))
        for name, rows in found.classes.items()
    ]
    return [table("Rows of each class", ("Class", "Rows", "Share", ""), rows, name="numbers bars")]
