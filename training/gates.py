"""Whether a candidate is good enough to be stored."""

from __future__ import annotations

from collections.abc import Iterable

from models.definition import Gate
from registry.details import GateResult
from training.baselines import LOGISTIC_REGRESSION, PRIOR
from training.evaluate import Difference, Evaluation
from training.metrics import HIGHER_IS_BETTER

MUST_BEAT = {PRIOR: ("log_loss",)}
"""Baseline -> metrics in which the candidate must be clearly better: the 95 % interval of the difference excludes 0."""
MUST_NOT_LOSE_TO = {LOGISTIC_REGRESSION: ("roc_auc", "log_loss")}
"""Baseline -> metrics in which the candidate must not be clearly worse. A tie is allowed: where the truth is linear
nothing can beat the logistic regression, and the trees bring missing values and drivers with them."""


def gate_results(gates: Iterable[Gate], evaluation: Evaluation) -> tuple[GateResult, ...]:
    """Every gate with the test value it was held against.

    Raises ValueError when a gate names a metric that does not exist.
    """
    return tuple(_result(gate, evaluation) for gate in gates)


def misses(gates: Iterable[Gate], evaluation: Evaluation) -> tuple[str, ...]:
    """One sentence per missed gate or baseline, with the value and the distance; empty when all are passed.

    Raises ValueError when a gate names a metric that does not exist.
    """
    missed = [_gate_miss(gate, _result(gate, evaluation).value) for gate in gates]
    beaten = [_baseline_miss(difference) for difference in evaluation.differences]
    return tuple(miss for miss in (*missed, *beaten) if miss is not None)


def _result(gate: Gate, evaluation: Evaluation) -> GateResult:
    if gate.metric not in HIGHER_IS_BETTER:
        raise ValueError(f"gate on {gate.metric!r}: there is no such metric; known are {', '.join(HIGHER_IS_BETTER)}")
    value = evaluation.value(gate.metric)
    passed = gate.shortfall(value) == 0.0
    return GateResult(metric=gate.metric, at_least=gate.at_least, at_most=gate.at_most, value=value, passed=passed)


def _gate_miss(gate: Gate, value: float) -> str | None:
    shortfall = gate.shortfall(value)
    if shortfall == 0.0:
        return None
    bound = f"at least {gate.at_least:g}" if gate.at_least is not None else f"at most {gate.at_most:g}"
    return f"{gate.metric} is {value:.4f}, its gate asks for {bound}: {shortfall:.4f} off"


def _baseline_miss(difference: Difference) -> str | None:
    sign = 1 if HIGHER_IS_BETTER[difference.metric] else -1
    worst, best = sorted((sign * difference.low, sign * difference.high))
    must_beat = difference.metric in MUST_BEAT.get(difference.baseline, ())
    must_not_lose = difference.metric in MUST_NOT_LOSE_TO.get(difference.baseline, ())
    if not (must_beat and worst <= 0) and not (must_not_lose and best < 0):
        return None
    demand = "must be clearly better than" if must_beat else "must not be clearly worse than"
    distance = difference.candidate_value - difference.baseline_value
    return (
        f"{difference.metric} is {difference.candidate_value:.4f} and {demand} the {difference.baseline} baseline's "
        f"{difference.baseline_value:.4f}: the difference is {distance:+.4f} "
        f"(95 % interval {difference.low:+.4f} to {difference.high:+.4f})"
    )
