"""URLs of PostgreSQL and Redis: which ones are in force, which are accepted, and how they are kept out of messages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from storage.errors import StorageUnavailableError

if TYPE_CHECKING:
    from storage.settings import StorageSettings

SERVERS_FILE = "servers.json"
_DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg2")
_REDIS_SCHEMES = ("redis", "rediss", "unix")
_ENVIRONMENT = {"postgresql": "DATABASE_URL", "redis": "REDIS_URL"}


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the servers are. They may hold passwords and so are not in the repr.

    `database` is a libpq URL (`postgresql://...`, for psycopg2 and DBOS as it is), `redis` one for redis-py.
    """

    database: str = field(repr=False)
    redis: str = field(repr=False)


def urls(settings: StorageSettings) -> Urls:
    """The URLs that this process should use: those in the settings, else those of the running embedded servers.

    Starts nothing. Raises StorageUnavailableError when there is neither.
    """
    local = read_servers(settings.state_dir) if settings.database_url is None or settings.redis_url is None else {}
    return Urls(
        database=settings.database_url.get_secret_value() if settings.database_url else _known("postgresql", local),
        redis=settings.redis_url.get_secret_value() if settings.redis_url else _known("redis", local),
    )


def read_servers(state_dir: Path) -> dict[str, str]:
    """What `servers.json` says about embedded servers: URLs under "postgresql" and "redis". Empty when absent."""
    try:
        content = json.loads((state_dir / SERVERS_FILE).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StorageUnavailableError("local storage", f"{state_dir / SERVERS_FILE} does not read: {error}") from error
    return {str(key): str(value) for key, value in content.items()} if isinstance(content, dict) else {}


def _known(dependency: str, local: dict[str, str]) -> str:
    if dependency not in local:
        variable = _ENVIRONMENT[dependency]
        raise StorageUnavailableError(
            dependency,
            f"no local server is running; start one with `bentoml serve` or `tiffin serve`, or set {variable}",
        )
    return local[dependency]


def checked_database_url(url: str) -> str:
    """The same URL with the scheme that libpq knows, `postgresql`.

    >>> checked_database_url("postgresql+psycopg2://tiffin@db.internal/tiffin")
    'postgresql://tiffin@db.internal/tiffin'

    Raises ValueError, without the URL in its message, for other schemes and for URLs without a host or a database.
    """
    parts = _split(url, _DATABASE_SCHEMES, "database_url (DATABASE_URL)")
    if not parts.hostname and "host" not in parse_qs(parts.query):
        raise ValueError("database_url (DATABASE_URL) names no host")
    if parts.path in {"", "/"} and "dbname" not in parse_qs(parts.query):
        raise ValueError("database_url (DATABASE_URL) names no database; write postgresql://user@host:5432/database")
    return "postgresql:" + url.split(":", 1)[1]


def checked_redis_url(url: str) -> str:
    """The URL itself. Raises ValueError, without the URL in its message, for schemes that redis-py does not know."""
    parts = _split(url, _REDIS_SCHEMES, "redis_url (REDIS_URL)")
    if parts.scheme == "unix" and not parts.path:
        raise ValueError("redis_url (REDIS_URL) names no socket; write unix:///path/to/redis.sock")
    if parts.scheme != "unix" and not parts.hostname:
        raise ValueError("redis_url (REDIS_URL) names no host")
    return url


def _split(url: str, schemes: tuple[str, ...], name: str) -> SplitResult:
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme not in schemes:
        raise ValueError(f"{name} must start with {', '.join(f'{known}://' for known in schemes)}")
    try:
        parts = urlsplit(url)
        _ = parts.port  # urlsplit's own message would show what stands after the colon: a piece of the password
    except ValueError:
        parts = None
    if parts is None:
        raise ValueError(
            f"{name} does not parse: the port must be a number, and in a password the characters @ : / ? # % must be "
            "percent-encoded"
        )
    return parts


def redact(text: str, url: str) -> str:
    """The text without the password of `url`, be it written plainly or percent-encoded.

    >>> redact("no user tiffin with hunter2", "redis://tiffin:hunter2@localhost")
    'no user tiffin with ***'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the URL does not parse"  # and so nobody knows where in the text its password is
    passwords = [parts.password or "", *parse_qs(parts.query).get("password", [])]
    forms = {form for password in passwords for form in (password, unquote(password)) if form}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text
