"""The tables of Tiffin's PostgreSQL database. A change here needs a migration in `storage/migrations/versions`."""

from storage.tables.ledger import (
    latest_levels,
    latest_scores,
    outcome_history,
    outcomes,
    pending_outcomes,
    predictions,
    purges,
    rollups,
)
from storage.tables.metadata import metadata
from storage.tables.releases import release_history, releases
from storage.tables.sources import SOURCES

__all__ = [
    "SOURCES",
    "latest_levels",
    "latest_scores",
    "metadata",
    "outcome_history",
    "outcomes",
    "pending_outcomes",
    "predictions",
    "purges",
    "release_history",
    "releases",
    "rollups",
]
