"""The features: what a caller sends, and what the estimator learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry.card import words
from registry.card.about import About, Row
from registry.card.figures import count, figure, written
from registry.card.markup import Html, element
from registry.card.section import Section, note, said
from registry.card.seen import seen
from registry.card.tables import row, table
from registry.details import FeatureReference, VersionDetails

SHOWN_FEATURES = 120
SHOWN_LEVELS = 20


def features(details: VersionDetails, about: About) -> Section:
    same = list(about.inputs) == list(about.schema)
    parts = [_table("What a caller sends", about.schema, about.seen if same else {})]
    if not same:
        parts.append(said("From that the following is computed, which the estimator learns from and is asked with."))
        parts.append(_table("What the estimator learns from", about.inputs, about.seen))
    answer = note(
        f"The {words.moved(details)} of the example in the last column was ",
        figure(details.example.score),
        " (margin ",
        figure(details.example.margin),
        ") when the version was stored; every load of it checks that it still is.",
    )
    return Section("features", "Features", (*parts, answer))


def _table(caption: str, schema: Sequence[Row], known: Mapping[str, FeatureReference]) -> Html:
    """With a column of what training saw where that is `known`."""
    held = ["In the training rows"] if known else []
    headings = ["Feature", "Type", "Range or levels", *held, "Missing", "Example"]
    rows = [_row(feature, known) for feature in schema[:SHOWN_FEATURES]]
    if len(schema) > SHOWN_FEATURES:
        empty = [None] * (len(headings) - 2)
        rows.append(row(f"{len(schema) - SHOWN_FEATURES} more", "in schema.json", *empty))
    return table(caption, headings, rows, name="features")


def _row(feature: Row, known: Mapping[str, FeatureReference]) -> Html:
    kind = "whole number" if feature.get("whole") else str(feature["type"])
    unit = f" [{feature['unit']}]" if feature.get("unit") else ""
    missing = "allowed" if feature["missing"] else "refused"
    found = known.get(str(feature["name"]))
    held = [seen(found, moments=kind == "moment") if found else "–"] if known else []
    return row(
        str(feature["name"]), kind + unit, _allowed(feature), *held, missing, _plain(feature["example"]),
        note=str(feature.get("description", "")),
    )  # fmt: skip


def _allowed(feature: Row) -> str | Html:
    match feature["type"]:
        case "category":
            return _levels([str(level) for level in feature["levels"]], feature.get("unseen") == "missing")
        case "flag":
            return "true, false"
        case "moment":
            return "a date or a moment, ISO 8601"
        case "series":
            length = f"{feature['min_length']} to {feature['max_length']} numbers"
            return f"{length} from {_plain(feature['minimum'])} to {_plain(feature['maximum'])}"
        case _:
            return f"{_plain(feature['minimum'])} to {_plain(feature['maximum'])}"


def _levels(levels: Sequence[str], open_: bool) -> Html:
    more = len(levels) - SHOWN_LEVELS
    others = "; others count as missing" if open_ else ""
    rest = (" and ", count(more, "more")) if more > 0 else ()
    return element("span", ", ".join(levels[:SHOWN_LEVELS]), *rest, others)


def _plain(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "–"}[value]
    if isinstance(value, int | float):
        return written(float(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        shown = ", ".join(_plain(one) for one in value[:5])
        return f"{shown}, … ({len(value)})" if len(value) > 5 else shown
    return str(value)
