"""Settings of the storage room. The top-level `settings.py` fills them from configuration.yaml and the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from storage.addresses import checked_database_url, checked_redis_url


def _database_url(url: SecretStr | None) -> SecretStr | None:
    return url and SecretStr(checked_database_url(url.get_secret_value()))


def _redis_url(url: SecretStr | None) -> SecretStr | None:
    return url and SecretStr(checked_redis_url(url.get_secret_value()))


class StorageSettings(BaseModel):
    """Where PostgreSQL and Redis are, and how long to wait for them.

    >>> StorageSettings(database_url="postgres://tiffin:secret@db.internal/tiffin").database_url
    SecretStr('**********')

    A refused URL is not in the message (`hide_input_in_errors`), but in `ValidationError.errors()`: do not print that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: Annotated[SecretStr | None, AfterValidator(_database_url)] = Field(
        default=None,
        description="PostgreSQL as postgresql://user:password@host:5432/database; environment variable DATABASE_URL. "
        "Not set: an embedded local server",
    )
    redis_url: Annotated[SecretStr | None, AfterValidator(_redis_url)] = Field(
        default=None,
        description="Redis as redis://, rediss:// or unix://; environment variable REDIS_URL. Not set: embedded",
    )
    state_dir: Path = Field(
        default=Path(".tiffin"),
        description="folder of all local state (embedded servers, spool, last known releases)",
    )
    connect_timeout_seconds: float = Field(
        default=2.0,
        ge=1,
        le=60,
        description="seconds to wait for a new connection to PostgreSQL; libpq counts whole seconds",
    )
    statement_timeout_seconds: float = Field(
        default=30.0, gt=0, le=86_400, description="seconds after which PostgreSQL cancels a statement"
    )
    database_pool_size: int = Field(
        default=5, ge=1, le=100, description="PostgreSQL connections that a process keeps open"
    )
    database_pool_overflow: int = Field(
        default=5, ge=0, le=100, description="PostgreSQL connections that a process may open on top for a while"
    )
    database_pool_timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="seconds to wait for a free connection of the pool"
    )
    redis_pool_size: int = Field(default=50, ge=1, le=1000, description="Redis connections that a process may open")
    redis_timeout_seconds: float = Field(
        default=0.5, gt=0, le=60, description="seconds to wait for Redis, to connect and for each answer"
    )
    health_interval_seconds: float = Field(
        default=1.0,
        gt=0,
        le=2,
        description="seconds between two checks of each server; at most 2, so that a return is noticed within 5",
    )
    health_timeout_seconds: float = Field(
        default=1.0, gt=0, le=2, description="seconds a server has to answer a check before it counts as down"
    )
