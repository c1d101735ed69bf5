"""Fixtures of this room's tests."""

from tests.storage.servers import database_url, settings

__all__ = ["database_url", "settings"]
