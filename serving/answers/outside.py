"""Numbers outside of what training has seen: an answer for them is a guess, and says so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.definition import Number, Schema, Value
from registry.details import FeatureReference, Reference

CLEAR = 0.1
"""How far beyond the training rows a number must lie to be told, as a part of their range."""


class Outside:
    """What is said about values in the order of `names`, from the training rows' ranges of the inputs with such a name.

    Values are compared one after the other: 1.1 microseconds for a record of 16 numbers and 1.6 for one of 30, where
    numpy took 5 to 9, most of it to make an array of them.
    """

    def __init__(self, reference: Reference, inputs: Schema, names: Sequence[str]) -> None:
        seen = {one.name: one for one in reference.features}
        numbers = {feature.name for feature in inputs.features if isinstance(feature, Number)}
        self._seen = {name: seen[name] for name in names if name in numbers and name in seen}
        self._bounds = [
            (place, *limits)
            for place, name in enumerate(names)
            if name in self._seen and (limits := _limits(self._seen[name])) is not None
        ]
        self._names = tuple(names)

    def __call__(self, values: Sequence[Value]) -> list[str]:
        """One sentence for each number that lies clearly outside; a missing one does not."""
        for place, low, high in self._bounds:
            value = values[place]
            if value is not None and not low <= value <= high:  # type: ignore[operator]
                return self._sentences(values)
        return []

    def suspects(self, columns: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Of many records at once, whose values are given as (records, names): which of them `__call__` must look at.

        Numbers in single precision are rounded, so those on the edge are suspects too. Missing ones are not.
        """
        places = [place for place, _, _ in self._bounds]
        edges = np.array([(low, high) for _, low, high in self._bounds], np.float32).reshape(-1, 2)
        numbers = columns[:, places]
        return np.asarray(((numbers <= edges[:, 0]) | (numbers >= edges[:, 1])).any(axis=1), np.bool_)

    def _sentences(self, values: Sequence[Value]) -> list[str]:
        return [
            _sentence(self._names[place], value, self._seen[self._names[place]])
            for place, low, high in self._bounds
            if isinstance(value := values[place], int | float) and not low <= value <= high
        ]


def _limits(seen: FeatureReference) -> tuple[float, float] | None:
    """Beyond which a number is told; None where training had none."""
    if seen.minimum is None or seen.maximum is None:
        return None
    room = CLEAR * (seen.maximum - seen.minimum)
    return seen.minimum - room, seen.maximum + room


def _sentence(name: str, value: float, seen: FeatureReference) -> str:
    assert seen.minimum is not None
    assert seen.maximum is not None
    return (
        f"{name} of {_written(value)} lies outside the training rows' {_written(seen.minimum)} to "
        f"{_written(seen.maximum)}: the answer is a guess"
    )


def _written(value: float) -> str:
    """Four digits that matter, and all of those before the point."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
