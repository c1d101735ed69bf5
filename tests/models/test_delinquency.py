"""What is suggested for a customer at risk."""

from __future__ import annotations

import pytest

from models import delinquency
from models.definition import BinaryPolicy, Decided, Driver


def decided(level: str, *drivers: Driver) -> Decided:
    return Decided(0.5, 0.3, True, level, "low", delinquency.definition.schema.example, drivers)


def test_every_feature_has_one_kind_of_help() -> None:
    named = [feature for features in delinquency.HELP.values() for feature in features]
    assert sorted(named) == sorted(delinquency.definition.schema.names)


def test_every_level_has_an_urgency() -> None:
    policy = delinquency.definition.policy
    assert isinstance(policy, BinaryPolicy)
    assert list(delinquency.URGENCY) == [level.name for level in policy.levels]


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ("credit_utilisation", "repayment plan"),
        ("salary_regularity", "move the due date"),
        ("missed_payments_90d", "direct debit"),
        ("spend_trend", "budget review"),
    ],
)
def test_the_intervention_follows_the_driver_that_raises_the_risk_most(feature: str, words: str) -> None:
    drivers = (Driver("balance", 9.0, -2.0), Driver("due_30d", 1.0, 0.2), Driver(feature, 0.9, 0.8))
    answer = delinquency.intervene(decided("HIGH", *drivers))
    assert words in str(answer["intervention"])
    assert answer["risk"] == "HIGH"
    assert answer["drivers"] == [driver._asdict() for driver in drivers]


def test_a_low_risk_calls_for_nothing_and_a_critical_one_for_a_call() -> None:
    driver = Driver("credit_utilisation", 0.9, 0.8)
    assert delinquency.intervene(decided("LOW", driver))["intervention"] == "No action."
    assert "Call" in str(delinquency.intervene(decided("CRITICAL", driver))["intervention"])


def test_without_a_driver_that_raises_the_risk_the_customer_is_asked() -> None:
    for drivers in ((), (Driver("balance", 9.0, -2.0),)):
        assert "ask how things stand" in str(delinquency.intervene(decided("CRITICAL", *drivers))["intervention"])


def test_where_nothing_is_due_nothing_is_suggested() -> None:
    record = {**delinquency.definition.schema.example, "due_30d": 0.0}
    idle = Decided(0.7, 0.3, True, "CRITICAL", "low", record, (Driver("credit_utilisation", 0.9, 0.8),))
    assert delinquency.intervene(idle)["intervention"] == delinquency.NOTHING_DUE
