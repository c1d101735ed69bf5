"""Settings of the features room. The top-level `settings.py` fills them from configuration.yaml and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Days = Annotated[int, Field(ge=1, le=36_500)]


class FeatureSettings(BaseModel):
    """How entities' features are computed and kept, and which events are taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache: bool = Field(
        default=True, description="keep computed features in Redis, for the time that their view states"
    )
    deadline_seconds: float = Field(
        default=1.0,
        gt=0,
        le=60,
        description="seconds for computing the features of a request's entities; then old ones from the cache, or 503",
    )
    connections: int = Field(
        default=4, ge=1, le=100, description="PostgreSQL connections of a worker for features and events; count"
    )
    ahead_seconds: float = Field(
        default=300.0,
        ge=0,
        le=3600,
        description="an event or outcome may lie so far in the future, as clocks differ; seconds",
    )
    retention_days: Days | None = Field(
        default=None, description="events are kept so long; null: for ever; what looks back further finds nothing; days"
    )
    retention: Mapping[str, Days | None] = Field(
        default_factory=dict, description="by source: another time to keep its events, null for ever; days"
    )
