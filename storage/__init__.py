"""Access to PostgreSQL and Redis: settings, tables, migrations, health, and embedded servers for local use."""

from storage.addresses import Urls, urls

__all__ = ["Urls", "urls"]
