"""Which features move the score."""

from __future__ import annotations

from registry.card import words
from registry.card.about import About
from registry.card.figures import figure, percent
from registry.card.plot import bar
from registry.card.section import Section, note, said
from registry.card.tables import row, table
from registry.details import VersionDetails

SHOWN = 20


def importance(details: VersionDetails, about: About) -> Section | None:
    if not details.importance:
        return None
    shown, rest = details.importance[:SHOWN], details.importance[SHOWN:]
    largest = max(one.mean_absolute_contribution for one in shown)
    total = sum(one.mean_absolute_contribution for one in details.importance) or 1.0
    scale = words.scale(details, about)
    rows = [
        row(
            one.feature,
            figure(one.mean_absolute_contribution),
            percent(one.mean_absolute_contribution / total),
            bar(one.mean_absolute_contribution, largest),
        )
        for one in shown
    ]
    if rest:
        amount = sum(one.mean_absolute_contribution for one in rest)
        rows.append(
            row(f"{len(rest)} more together", figure(amount), percent(amount / total), bar(amount, largest, "bar pale"))
        )
    intro = said(f"Mean absolute SHAP contribution of each feature over a sample of the training rows ({scale}).")
    limit = note(f"It says what moves this model's {words.moved(details)}s, not what causes the outcome.")
    made = table("Features by importance", ("Feature", "Contribution", "Share", ""), rows, name="numbers bars")
    return Section("importance", "Global importance", (intro, made, limit))
