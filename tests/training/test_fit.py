"""Boosting stops at the best round and repeats itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import log_loss

from models.definition import Booster
from tests.training import small
from training.fit import fit, margins
from training.importance import importance
from training.prepare import Prepared, prepare
from training.progress import silent

SETTINGS = Booster(rounds=300, early_stopping_rounds=10, max_depth=4, learning_rate=0.3)


@pytest.fixture(scope="module")
def sides() -> Prepared:
    return prepare(small.definition, small.table())


def test_the_booster_ends_at_the_round_with_the_lowest_validation_loss(sides: Prepared) -> None:
    booster = fit(SETTINGS, sides.train, sides.validation, seed=1, progress=silent)
    rounds = booster.num_boosted_rounds()
    assert 5 < rounds < 290

    def loss(count: int) -> float:
        odds = margins(booster[:count], sides.validation.matrix).astype(float)
        return float(log_loss(sides.validation.labels, 1 / (1 + np.exp(-odds))))

    losses = [loss(count) for count in range(1, rounds + 1)]
    assert int(np.argmin(losses)) + 1 == rounds


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sides: Prepared) -> None:
    one, same, other = (
        bytes(fit(SETTINGS, sides.train, sides.validation, seed=seed, progress=silent).save_raw("ubj"))
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_progress_counts_rounds_up_to_the_last(sides: Prepared) -> None:
    heard: list[tuple[str, int, int]] = []
    short = dataclasses.replace(SETTINGS, rounds=25, early_stopping_rounds=25)
    fit(short, sides.train, sides.validation, seed=1, progress=lambda *told: heard.append(told))
    assert heard == [("fit", 10, 25), ("fit", 20, 25)]


def test_importance_ranks_what_decides_before_what_does_not(sides: Prepared) -> None:
    booster = fit(SETTINGS, sides.train, sides.validation, seed=1, progress=silent)
    found = importance(booster, small.definition.schema, sides.train.matrix, seed=1)
    values = [entry.mean_absolute_contribution for entry in found]
    assert values == sorted(values, reverse=True)
    assert {entry.feature for entry in found} == set(small.definition.schema.names)
    assert found[0].feature == "x"
    assert found[-1].feature in {"n", "amount"}
