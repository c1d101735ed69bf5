"""How long the events of each source are kept."""

from __future__ import annotations

from features.settings import FeatureSettings
from features.sources import source, sources
from storage.expiry import Expiry


def expiries(settings: FeatureSettings) -> list[Expiry]:
    """The sources whose events are kept for a time only. Raises UnknownSourceError for a name in the settings."""
    for name in settings.retention:
        source(name)
    days = {name: settings.retention.get(name, settings.retention_days) for name in sources()}
    return [Expiry(name, sources()[name].time, kept) for name, kept in days.items() if kept is not None]
