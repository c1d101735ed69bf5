"""Whether a candidate is good enough to be stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from models.definition import Gate
from registry.details import GateResult
from training.evaluate import Difference, Evaluation

Demands = Mapping[str, tuple[str, ...]]
"""Baseline -> metrics."""
MATTERS = 0.01
"""The share of a baseline's value by which one may lose to it. Two models that are almost the same may differ by a
thousandth in every resample: that is certain, and does not matter."""


def gate_results(gates: Iterable[Gate], evaluation: Evaluation) -> tuple[GateResult, ...]:
    """Every gate with the test value it was held against; one whose metric these rows do not give is missed."""
    return tuple(_result(gate, evaluation) for gate in gates)


def misses(
    gates: Iterable[Gate], evaluation: Evaluation, must_beat: Demands, must_not_lose_to: Demands
) -> tuple[str, ...]:
    """One sentence per missed gate or baseline, with the value and the distance; empty when all are passed.

    A candidate must be clearly better than the baselines in `must_beat`, in the metrics named there: the 95 % interval
    of the difference excludes 0. It must not be clearly worse than those in `must_not_lose_to` by more than MATTERS.
    """
    missed = [_gate_miss(gate, evaluation) for gate in gates]
    higher = {metric.name: metric.higher_is_better for metric in evaluation.metrics}
    beaten = [
        _baseline_miss(
            difference,
            1 if higher[difference.metric] else -1,
            must_beat=difference.metric in must_beat.get(difference.baseline, ()),
            must_not_lose=difference.metric in must_not_lose_to.get(difference.baseline, ()),
        )
        for difference in evaluation.differences
    ]
    return tuple(miss for miss in (*missed, *beaten) if miss is not None)


def _result(gate: Gate, evaluation: Evaluation) -> GateResult:
    value = _value(gate, evaluation)
    passed = value is not None and gate.shortfall(value) == 0.0
    return GateResult(metric=gate.metric, at_least=gate.at_least, at_most=gate.at_most, value=value, passed=passed)


def _value(gate: Gate, evaluation: Evaluation) -> float | None:
    try:
        return evaluation.value(gate.metric)
    except KeyError:
        return None


def _gate_miss(gate: Gate, evaluation: Evaluation) -> str | None:
    value = _value(gate, evaluation)
    if value is None:
        return f"{gate.metric} has a gate, but these rows do not give it"
    shortfall = gate.shortfall(value)
    if shortfall == 0.0:
        return None
    bound = f"at least {gate.at_least:g}" if gate.at_least is not None else f"at most {gate.at_most:g}"
    return f"{gate.metric} is {value:.4f}, its gate asks for {bound}: {shortfall:.4f} off"


def _baseline_miss(difference: Difference, sign: int, *, must_beat: bool, must_not_lose: bool) -> str | None:
    worst, best = sorted((sign * difference.low, sign * difference.high))
    distance = difference.candidate_value - difference.baseline_value
    lost = best < 0 and -sign * distance > MATTERS * abs(difference.baseline_value)
    if not (must_beat and worst <= 0) and not (must_not_lose and lost):
        return None
    demand = "must be clearly better than" if must_beat else "must not be clearly worse than"
    return (
        f"{difference.metric} is {difference.candidate_value:.4f} and {demand} the {difference.baseline} baseline's "
        f"{difference.baseline_value:.4f}: the difference is {distance:+.4f} "
        f"(95 % interval {difference.low:+.4f} to {difference.high:+.4f})"
    )
