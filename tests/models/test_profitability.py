"""What an expected margin is called."""

from __future__ import annotations

import pytest

from models import profitability
from models.definition import Estimated, Value


def judged(estimate: float, low: float, revenue: Value = 1000.0) -> dict[str, object]:
    record = {**profitability.definition.schema.example, "revenue": revenue}
    return profitability.judge(Estimated(estimate, low, estimate + 50, record, ()))


@pytest.mark.parametrize(
    ("estimate", "verdict"), [(-0.01, "loss"), (0.0, "thin"), (149.0, "thin"), (150.0, "healthy"), (900.0, "healthy")]
)
def test_the_verdict_follows_the_margin_s_part_of_the_revenue(estimate: float, verdict: str) -> None:
    answer = judged(estimate, estimate - 50)
    assert answer["verdict"] == verdict
    assert answer["margin_rate"] == pytest.approx(estimate / 1000)


def test_a_loss_is_possible_where_the_interval_reaches_below_nothing() -> None:
    assert judged(200.0, -1.0)["loss_possible"] is True
    assert judged(200.0, 1.0)["loss_possible"] is False


@pytest.mark.parametrize(("estimate", "verdict"), [(-5.0, "loss"), (5.0, "thin")])
def test_without_revenue_there_is_no_rate(estimate: float, verdict: str) -> None:
    answer = judged(estimate, -50.0, revenue=0.0)
    assert answer["margin_rate"] is None
    assert answer["verdict"] == verdict
