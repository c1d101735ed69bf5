"""What to fit when the recipe says "auto": linear models and trees of several depths, judged on held-out rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.definition import Booster, Definition
from training.encoded import Encoded
from training.learners import Fold, Learner, Linear, Trees
from training.partition import Partition
from training.practice import Practice
from training.progress import Progress, silent
from training.split import folds_of
from training.table import Indices, Table

PENALTIES = (0.3, 3.0, 30.0, 300.0)
"""Of the linear models, in rows."""
TREES = ((2, 1.0), (3, 5.0), (4, 1.0), (6, 1.0), (6, 10.0))
"""Depth and least child weight."""
SEARCH_RATE = 0.1
SEARCH_ROUNDS = 1000
FOLDS = 3
FEW_CELLS = 150_000
MORE_FOLDS = 5
"""Rows times columns up to which there are so many folds: of 1,000 to 4,000 rows three left the choice to chance."""
CELLS = 600_000
"""Rows times columns that the search looks at: more do not change what wins, and cost minutes."""
SLOWER = 0.5
"""The learning rate of the final trees, as a share of the search's."""
SLOWER_UP_TO = 100_000
"""Rows up to which that is worth its time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The learner that did best. `words` say what was tried and how it did."""

    learner: Learner
    words: tuple[str, ...]


def choose(
    definition: Definition,
    table: Table,
    encoded: Encoded,
    partition: Partition,
    practice: Practice,
    progress: Progress,
    tune_minutes: float = 0.0,
) -> Choice:
    """The learner with the least mean loss on rows it was not fitted on, none of them among the test rows; the
    recipe's own trees where neither it nor the caller asks for a search."""
    own = trees(definition, encoded, practice, definition.recipe.booster)
    if definition.recipe.form == "trees" and not tune_minutes:
        return Choice(own, ())
    folds = [encoded.fold(*pair) for pair in _pairs(definition, table, encoded, partition)]
    candidates: list[Learner] = [own]
    if definition.recipe.form != "trees":
        candidates = learners(definition, encoded, practice)
    losses: list[float] = []
    for number, learner in enumerate(candidates):
        progress("search", number, len(candidates))
        losses.append(loss_of(learner, folds, practice))
    best = int(np.argmin(losses))
    words = _words(candidates, losses, best)
    if tune_minutes and definition.recipe.form != "linear":
        return _tuned(candidates, losses, folds, practice, tune_minutes, progress, words)
    learner = candidates[best]
    if isinstance(learner, Trees) and len(partition.fitted) <= SLOWER_UP_TO:
        learner = learner.slower(SLOWER)
    return Choice(learner, words)


def _tuned(
    candidates: list[Learner],
    losses: list[float],
    folds: list[Fold],
    practice: Practice,
    minutes: float,
    progress: Progress,
    words: tuple[str, ...],
) -> Choice:
    """What tuning the best trees comes to, unless a linear model is still better."""
    from training.tuning import tuned

    start_loss, start = min(
        ((loss, one) for loss, one in zip(losses, candidates, strict=True) if isinstance(one, Trees)),
        key=lambda pair: pair[0],
    )
    learner, loss, tried = tuned(start, start_loss, folds, practice, minutes, progress)
    said = (*words, f"tuned for {minutes:g} minutes: of {tried} settings the best had {loss:.5g}, {learner.words}")
    if loss < min(losses):
        return Choice(learner, said)
    return Choice(candidates[int(np.argmin(losses))], said)


def learners(definition: Definition, encoded: Encoded, practice: Practice) -> list[Learner]:
    """All candidates that the recipe's form allows."""
    recipe = definition.recipe
    starts = dict(zip(encoded.encoding.schema.names, encoded.encoding.starts, strict=True))
    saturating = frozenset(starts[name] for name in recipe.saturating)
    linear: list[Learner] = [practice.linear(penalty, encoded.tables, saturating) for penalty in PENALTIES]
    if recipe.form == "linear":
        return linear
    fixed = Booster(
        rounds=SEARCH_ROUNDS, early_stopping_rounds=30, learning_rate=SEARCH_RATE, monotone=recipe.booster.monotone
    )
    shapes = [replace(fixed, max_depth=depth, min_child_weight=child) for depth, child in TREES]
    return [*linear, *(trees(definition, encoded, practice, shape) for shape in shapes)]


def trees(definition: Definition, encoded: Encoded, practice: Practice, settings: Booster) -> Trees:
    """A tree learner for the definition's columns."""
    return Trees(settings, practice.objective, definition.recipe.seed, column_names(encoded))


def column_names(encoded: Encoded) -> tuple[str, ...]:
    """The feature of every column."""
    encoding = encoded.encoding
    ends = (*encoding.starts[1:], encoding.width)
    names: list[str] = []
    for name, start, end in zip(encoding.schema.names, encoding.starts, ends, strict=True):
        names += [name] * (end - start)
    return tuple(names)


def loss_of(learner: Learner, folds: list[Fold], practice: Practice) -> float:
    """The mean loss over all held-out rows; infinite where a learner cannot be fitted."""
    try:
        learned = learner.apart(folds, silent)
    except np.linalg.LinAlgError:
        return float("inf")
    losses = np.concatenate(
        [practice.losses(one.margins(fold.held), fold.held_target) for one, fold in zip(learned, folds, strict=True)]
    )
    weights = [fold.held_weights for fold in folds if fold.held_weights is not None]
    return float(np.average(losses, weights=np.concatenate(weights) if weights else None))


def _pairs(
    definition: Definition, table: Table, encoded: Encoded, partition: Partition
) -> list[tuple[Indices, Indices]]:
    """Other folds than those that will be reported, of a sample of the rows; by time, those before the test."""
    most = max(2_000, CELLS // encoded.encoding.width)
    if table.times is not None:
        return [(fitted[-most:], held[-most:]) for fitted, held in partition.folds]
    rows = partition.fitted if partition.crossed else partition.folds[0][0]
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(definition.recipe.seed).choice(rows, most, replace=False))
    folds = MORE_FOLDS if len(rows) * encoded.encoding.width <= FEW_CELLS else FOLDS
    numbers, _ = folds_of(table.take(rows), definition.recipe, folds, definition.recipe.seed + 1)
    return [(rows[numbers != fold], rows[numbers == fold]) for fold in range(folds)]


def _words(candidates: list[Learner], losses: list[float], best: int) -> tuple[str, ...]:
    """What won, and what the best of the other form would have lost."""
    chosen = candidates[best]
    said = [f"chosen: {chosen.words}, with a loss of {losses[best]:.5g} on held-out rows"]
    others = [
        (loss, learner.words)
        for loss, learner in zip(losses, candidates, strict=True)
        if isinstance(learner, Linear) is not isinstance(chosen, Linear)
    ]
    if others:
        loss, words = min(others)
        said.append(f"the best other form, {words}, had {loss:.5g}")
    if isinstance(chosen, Linear) and others:
        said.append("on these rows a simple model is at least as good as boosted trees")
    return tuple(said)
