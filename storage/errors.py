"""What can be wrong with PostgreSQL and Redis. No message holds a password.

StorageError
├── StorageUnavailableError   a server is not known, not there, or did not answer in time; trying again may help
├── MigrationError            the tables are not what this code needs, or could not be made so
│   └── NewerDatabaseError    a newer Tiffin has made them: this one must not write there
└── LocalServerError          an embedded server cannot be started or stopped
"""

from __future__ import annotations


class StorageError(Exception):
    """Base of all errors of this room."""


class StorageUnavailableError(StorageError):
    """PostgreSQL or Redis cannot be used now. `dependency` is "postgresql" or "redis"."""

    def __init__(self, dependency: str, reason: str) -> None:
        super().__init__(f"{dependency} is not available: {reason}")
        self.dependency = dependency
        self.reason = reason


class MigrationError(StorageError):
    """The database's tables do not fit this code."""


class NewerDatabaseError(MigrationError):
    """The database was migrated by a newer version of Tiffin than this one."""


class LocalServerError(StorageError):
    """An embedded server does not do what it should; the message says what can be done."""
