"""The tables of Tiffin's PostgreSQL database. A change here needs a migration in `storage/migrations/versions`."""

from storage.tables.metadata import metadata
from storage.tables.releases import release_history, releases
from storage.tables.sources import SOURCES

__all__ = ["SOURCES", "metadata", "release_history", "releases"]
