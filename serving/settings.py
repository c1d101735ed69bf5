"""Settings of the HTTP side."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Origin = Annotated[str, Field(pattern=r"^(null|https?://[^/\s]+)$")]


class ServingSettings(BaseModel):
    """Workers, limits and what readiness means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int = Field(default=1, ge=1, le=256, description="worker processes, each with all models; count")
    max_body_bytes: int = Field(default=8_000_000, ge=1024, description="a larger request body is refused; bytes")
    max_batch_records: int = Field(default=1000, ge=1, le=100_000, description="records of one batch request; count")
    max_connections: int = Field(
        default=1000, ge=1, description="open connections of one worker; more are refused with 503; count"
    )
    max_listeners: int = Field(
        default=500, ge=0, description="connections of one worker to the live stream; more are refused with 503; count"
    )
    header_seconds: float = Field(
        default=10.0, gt=0, description="for a request's line and headers, from the connection's start; seconds"
    )
    body_seconds: float = Field(
        default=30.0, gt=0, description="for a request's body as a whole, and for a client to read on; seconds"
    )
    max_nesting: int = Field(default=16, ge=4, le=100, description="levels of nesting in a request body; count")
    allowed_origins: tuple[Origin, ...] = Field(
        default=(), description="other sites whose pages may open the live stream and send requests that change things"
    )
    ready_requires: tuple[Literal["database", "redis", "models"], ...] = Field(
        default=("database", "models"), description="what must work for /readyz to answer 200"
    )
    drain_seconds: float = Field(
        default=1.0, ge=0, description="between SIGTERM, when readiness goes, and refusing connections; seconds"
    )
    shutdown_seconds: float = Field(
        default=20.0, gt=0, description="after that, requests still in flight are given up; seconds"
    )
    fast_path: bool = Field(
        default=True, description="answer inference requests in the front door; false: through BentoML's own stack"
    )
