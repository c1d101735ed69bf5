"""Seeded synthetic rows for models of records: good enough to learn from, and never to be mistaken for real data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pandas as pd

from training.generators import anomaly, budget, fraud, pricing, profitability, revenue_leak

Generator = Callable[[int, int], pd.DataFrame]
"""`generate(rows, seed)`: that many rows with all columns that the model's training reads, its group and time too."""

generators: Mapping[str, Generator] = MappingProxyType(
    {
        "anomaly": anomaly.generate,
        "budget": budget.generate,
        "fraud": fraud.generate,
        "pricing": pricing.generate,
        "profitability": profitability.generate,
        "revenue_leak": revenue_leak.generate,
    }
)
"""Generators by model name."""
