"""What the shipper's process is told by who starts it: a few values instead of all settings and their libraries."""

from __future__ import annotations

from pathlib import Path

import msgspec

from storage.expiry import Expiry


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Travels as JSON on standard input: the URLs may hold passwords, which arguments and variables do not hide."""

    state_dir: Path
    database_url: str
    redis_url: str | None = None
    """None: no live stream."""
    parent_pid: int | None = None
    """The shipper ends by itself when this process is not its parent any more."""
    patience_seconds: float = 30.0
    spool_max_bytes: int = 2_000_000_000
    log_level: str = "INFO"
    log_json: bool = True
    retention_days: int = 730
    retention: dict[str, int] = {}
    hourly_rollup_days: int = 90
    daily_rollup_days: int = 3650
    pending_outcome_days: int = 90
    events: tuple[Expiry, ...] = ()
    """Tables of other rooms that are cleared at the same time."""


def to_json(configuration: Configuration) -> bytes:
    return msgspec.json.encode(configuration, enc_hook=str)


def from_json(content: bytes) -> Configuration:
    """Raises msgspec.ValidationError for what is none."""
    return msgspec.json.decode(content, type=Configuration, dec_hook=_path)


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str):
        raise TypeError(f"no {kind.__name__} is made of {value!r}")
    return Path(value)
