"""Settings of the micro-batching runner."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RunnerSettings(BaseModel):
    """How requests share model calls."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_latency_ms: float = Field(default=5.0, gt=0, description="a model call should not take longer; ms")
    initial_rows: int = Field(default=64, ge=1, description="row limit of a call before anything is measured; rows")
    max_rows: int = Field(default=4096, ge=1, description="the row limit never grows beyond; rows")
    max_queued_rows: int = Field(default=20_000, ge=1, description="more waiting rows are refused with 503; rows")
    deadline_ms: float = Field(default=2000.0, gt=0, description="an answer later than this is a 503; ms")
    inline_ms: float = Field(
        default=2.0, ge=0, description="calls expected to be shorter run on the event loop, longer ones in a thread; ms"
    )
    threads: int = Field(default=2, ge=1, le=64, description="threads for long model calls, shared by all models")
