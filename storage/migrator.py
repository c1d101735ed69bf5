"""The thread that brings a database up to date as soon as it can be reached, for who starts the service."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from storage.errors import MigrationError, NewerDatabaseError, StorageUnavailableError
from storage.revision import is_current

logger = logging.getLogger("tiffin.storage")

PAUSE_SECONDS = 1.0
"""Between two attempts; a database that is back within 5 s has its tables within 5 s."""
WAIT_SECONDS = 10.0
"""So long a start waits for the first attempt; what takes longer goes on while the service starts."""


class Migrator:
    """Migrates once, and tries again until that has worked. `start` it once; the daemon thread ends when it is done."""

    def __init__(self, migrate: Callable[[], object]) -> None:
        """`migrate` raises StorageUnavailableError, or MigrationError."""
        self._migrate = migrate
        self._tried = threading.Event()
        self._newer: NewerDatabaseError | None = None
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="tiffin-migrator", daemon=True)

    def start(self, wait_seconds: float = WAIT_SECONDS) -> None:
        """Return after the first attempt, whether it worked or not, or after so long.

        Raises NewerDatabaseError: this code must not write into that database, however long anybody waits.
        """
        self._thread.start()
        if not self._tried.wait(wait_seconds):
            logger.warning("starting while the database is still being migrated, or hangs")
        if self._newer is not None:
            raise self._newer

    def _run(self) -> None:
        pause = threading.Event()
        while not self._once():
            self._tried.set()
            pause.wait(PAUSE_SECONDS)
        self._tried.set()

    def _once(self) -> bool:
        """Whether there is nothing left to do."""
        try:
            self._migrate()
        except StorageUnavailableError as error:
            self._say(f"the tables are made as soon as the database can be reached: {error}")
        except NewerDatabaseError as error:
            self._newer = error
            self._say(str(error))
            return True
        except MigrationError as error:
            self._say(f"{error}; mend it, or run `tiffin migrate` as a role that may make tables; it is tried again")
        except Exception:
            logger.exception("migrating the database stumbles; it is tried again")
        else:
            return True
        return False

    def _say(self, message: str) -> None:
        """Once for each trouble."""
        if message != self._said:
            logger.warning(message)
        self._said = message


def bring_up_to_date(url: str) -> None:
    """Migrate the database unless it is up to date: loading Alembic takes 0.4 s. Raises what `migrate` does."""
    if not is_current(url):
        from storage.migrations import migrate

        migrate(url)
