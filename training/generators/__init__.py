"""Seeded synthetic rows for the models that ship: good enough to learn from, and never to be mistaken for real data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pandas as pd

from training.generators import churn, fraud, purchase

Generator = Callable[[int, int], pd.DataFrame]
"""`generate(rows, seed)`: that many rows with the model's features, its target and its group column if it has one."""

generators: Mapping[str, Generator] = MappingProxyType(
    {"churn": churn.generate, "fraud": fraud.generate, "purchase": purchase.generate}
)
"""Generators by model name."""
