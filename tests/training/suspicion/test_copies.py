"""Copies are counted, and told from rows that agree because their columns have few values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.training.suspicion.rows import acted_on, evidence, found, honest

NOTE = ("copies", None, "note")
TOGETHER = ("copies", None, "keep_together")


def copied(share: float = 0.1) -> tuple[pd.DataFrame, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    features, target = honest()
    rows = np.random.default_rng(1).permutation(np.r_[np.arange(1500), np.arange(int(1500 * share))])
    return features.iloc[rows].reset_index(drop=True), target[rows]


def test_copies_are_counted_with_their_agreement() -> None:
    features, target = copied()
    assert found(features, target) == {NOTE}
    words = evidence(features, target, None)
    assert "300 of 1,650 rows (18.2%) have a copy, more than chance has" in words
    assert "copies have the same target in 100% of pairs, any two rows in 50%" in words


def test_copies_under_another_id_are_counted() -> None:
    features, target = copied()
    frame = features.assign(id=np.random.default_rng(2).permutation(len(target)) * 1.0)
    assert found(frame, target) == {("names_rows", "id", "leave_out"), NOTE}


def test_copies_that_differ_in_one_measurement_are_counted() -> None:
    features, target = copied()
    frame = features.assign(jitter=np.random.default_rng(3).normal(0, 1, len(target)))
    assert found(frame, target) == {("copies", "jitter", "note")}


def test_rows_of_few_values_are_said_to_agree_by_chance() -> None:
    random = np.random.default_rng(4)
    features = pd.DataFrame(random.integers(0, 3, (1500, 3)) * 1.0, columns=list("abc"))
    target = (random.random(1500) < 0.2 + 0.2 * features["a"]).astype(np.float64)
    assert found(features, target) == {NOTE}
    assert "as rows of few different values have by chance" in evidence(features, target, None)


def test_an_id_of_few_rows_that_share_their_target_is_noted() -> None:
    features, target = honest()
    person = np.random.default_rng(5).permutation(1500)
    first = np.array([f"P{number // 4}" for number in person])
    shared = target[: 1500 // 4 + 1][person // 4]
    frame = features.assign(customer=pd.Series(first).astype("category"))
    assert ("copies", "customer", "note") in found(frame, shared)
    assert acted_on(frame, target) == set()


def visits(rows: int, noise: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Five visits of each customer, who bring their own traits and what differs from visit to visit."""
    random = np.random.default_rng(5)
    customer = np.repeat(np.arange(rows // 5), 5)
    traits = pd.DataFrame({name: random.integers(0, 12, rows // 5) * 1.0 for name in "abcdef"}).iloc[customer]
    traits["spent"] = random.lognormal(3, 1, rows)
    flipped = random.random(rows) < noise
    return traits.reset_index(drop=True), (random.random(rows // 5) < 0.4)[customer] ^ flipped


def test_rows_of_one_customer_are_kept_together_though_nothing_names_whose_they_are() -> None:
    features, target = visits(3000, 0.03)
    order = np.random.default_rng(6).permutation(3000)
    shuffled, labels = features.iloc[order].reset_index(drop=True), target[order]
    assert TOGETHER in found(shuffled, labels)
    assert "agree with another in all of 'a', 'b', 'c', 'd', 'e', 'f'" in evidence(shuffled, labels, None)


def test_rows_that_agree_without_one_target_or_by_chance_are_honest() -> None:
    features, target = visits(3000, 0.5)
    order = np.random.default_rng(6).permutation(3000)
    assert TOGETHER not in found(features.iloc[order].reset_index(drop=True), target[order])
    random = np.random.default_rng(7)
    few = pd.DataFrame({name: random.integers(0, 4, 3000) * 1.0 for name in "abcd"}).assign(x=random.normal(0, 1, 3000))
    assert TOGETHER not in found(few, (few["a"] > 1).to_numpy())
