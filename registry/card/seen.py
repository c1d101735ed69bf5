"""What the training rows held of a feature, in words."""

from __future__ import annotations

from registry.card.figures import percent, written
from registry.card.moments import DAY, moment
from registry.details import FeatureReference

SHOWN_LEVELS = 3


def seen(found: FeatureReference, *, moments: bool = False) -> str:
    """Range and mean, or the most frequent levels; and the share of rows without a value.

    >>> seen(FeatureReference(name="age", counts=(8,), missing=2, minimum=18, maximum=90, mean=41.5))
    '18 to 90, mean 41.5; 20 % missing'
    """
    rows = sum(found.counts) + found.missing
    if rows == found.missing:
        return "no values"
    said = _range(found, moments=moments) if found.levels is None else _levels(found, rows)
    return f"{said}; {percent(found.missing / rows)} missing" if found.missing else said


def _range(found: FeatureReference, *, moments: bool) -> str:
    if found.minimum is None or found.maximum is None or found.mean is None:
        return "not recorded"
    if moments:
        return f"{moment(found.minimum * DAY):%Y-%m-%d} to {moment(found.maximum * DAY):%Y-%m-%d}"
    return f"{written(found.minimum)} to {written(found.maximum)}, mean {written(found.mean)}"


def _levels(found: FeatureReference, rows: int) -> str:
    pairs = sorted(zip(found.counts, found.levels or (), strict=True), key=lambda pair: -pair[0])
    known = [(count, level) for count, level in pairs if count]
    shown = [f"{level} {percent(count / rows)}" for count, level in known[:SHOWN_LEVELS]]
    return ", ".join(shown) + (", …" if len(known) > SHOWN_LEVELS else "")
