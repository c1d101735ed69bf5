"""Settings of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Days = Annotated[int, Field(ge=1, le=36_500)]


class LedgerSettings(BaseModel):
    """How predictions are kept, and how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    durability: Literal["spool", "commit"] = Field(
        default="spool",
        description="before a prediction is answered it is on local disk (spool) or committed in PostgreSQL (commit)",
    )
    fsync: bool = Field(
        default=False,
        description="force every write of the spool to the disk: survives a power cut, costs milliseconds",
    )
    spool_max_bytes: int = Field(
        default=2_000_000_000, ge=20_000_000, description="more unshipped predictions are refused with 503; bytes"
    )
    patience_seconds: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        description="while all processors are busy, predictions wait in the spool for so long at most; seconds",
    )
    commit_deadline_seconds: float = Field(
        default=2.0,
        gt=0,
        le=60,
        description="durability commit: an answer that is not committed by then is a 503; seconds",
    )
    features: Mapping[str, Literal["all", "none"]] = Field(
        default_factory=dict, description="by model: whether its features and the drivers' values are kept; default all"
    )
    retention_days: Days = Field(default=730, description="predictions and their outcomes are kept so long; days")
    retention: Mapping[str, Days] = Field(
        default_factory=dict, description="by model: another time to keep its predictions; days"
    )
    hourly_rollup_days: Days = Field(default=90, description="hourly figures are kept so long; days")
    daily_rollup_days: Days = Field(default=3650, description="daily and weekly figures are kept so long; days")
    pending_outcome_days: Days = Field(
        default=90, description="outcomes wait so long for a prediction that is not known yet; days"
    )

    def keeps_features(self, model: str) -> bool:
        """Whether the features of this model's predictions go into the ledger."""
        return self.features.get(model, "all") == "all"
