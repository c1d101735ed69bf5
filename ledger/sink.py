"""Where rows go: PostgreSQL, each exactly once, whatever happens in between."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class with a function's name
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from ledger import partitions
from ledger.connection import connect, is_rows_fault, transaction
from ledger.partitions import Span
from ledger.purged import Purged
from ledger.rows import Row
from ledger.statements import (
    BEGIN,
    COPY,
    COPY_SCORES,
    KNOWN,
    LATEST,
    LOCK_TOTALS,
    MATCH_BY_ENTITY,
    MATCH_BY_ID,
    PENDING,
    PURGES,
    ROLLUPS,
    TEMPORARY,
)
from ledger.totals import totals_json
from storage.addresses import redact
from storage.errors import StorageUnavailableError

logger = logging.getLogger("tiffin.ledger")

Reject = Callable[[Row, str], None]
"""Is told of a row that PostgreSQL refuses, and why; it must have kept it when it returns."""
_BUFFER_BYTES = 1 << 18
_prediction_id = attrgetter("prediction_id")


class Sink:
    """Writes rows on one connection that it opens when needed; for one thread."""

    def __init__(self, url: str, application: str, reject: Reject) -> None:
        self._url = url
        self._application = application
        self._reject = reject
        self._connection: Connection | None = None
        self._spans: set[Span] = set()

    def write(self, rows: Sequence[Row]) -> int:
        """Write all rows in one transaction and return how many of them were new.

        Rows that PostgreSQL refuses are found by halving, given to `reject`, and do not keep the others back. Raises
        StorageUnavailableError when it cannot be done now; some of the rows may have been written then, which does no
        harm when they are written again.
        """
        sane = [row for row in rows if partitions.is_sane(row.made_ms)]
        for row in rows if len(sane) < len(rows) else ():
            if not partitions.is_sane(row.made_ms):
                self._reject(row, "its id is not of this century")
        sane.sort(key=_prediction_id)  # in one order, so that two who write the same rows wait for each other in turn
        try:
            return self._write(sane) if sane else 0
        except psycopg2.Error as error:
            self.close()
            raise StorageUnavailableError("postgresql", redact(_reason(error), self._url)) from error

    def connected(self) -> Connection:
        """The connection, opened anew when there is none. Raises StorageUnavailableError."""
        if self._connection is None or self._connection.closed:
            connection = connect(self._url, self._application)
            try:
                with connection.cursor() as cursor:
                    cursor.execute(TEMPORARY)
                    self._make_partitions(connection, set(partitions.ahead(datetime.now(UTC))))
            except psycopg2.Error as error:
                connection.close()
                raise StorageUnavailableError("postgresql", redact(_reason(error), self._url)) from error
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """Give the connection back; the next write opens another."""
        connection, self._connection = self._connection, None
        self._spans.clear()
        if connection is not None:
            connection.close()

    def _write(self, rows: Sequence[Row]) -> int:
        connection = self.connected()
        try:
            return self._transact(connection, rows)
        except psycopg2.errors.UniqueViolation:
            new = self._unknown(connection, rows)
            return self._write(new) if new else 0
        except psycopg2.errors.CheckViolation as error:
            if self._lacks_partitions(connection, rows):  # one that was there has been dropped, as it was old
                return self._write(rows)
            if len(rows) == 1:
                self._reject(rows[0], _reason(error))
                return 0
        except psycopg2.Error as error:
            if connection.closed or not is_rows_fault(error):
                raise
            if len(rows) == 1:
                self._reject(rows[0], _reason(error))
                return 0
        middle = len(rows) // 2
        return self._write(rows[:middle]) + self._write(rows[middle:])

    def _transact(self, connection: Connection, rows: Sequence[Row]) -> int:
        spans = Span.of_all(row.made_ms for row in rows)
        if not spans <= self._spans:
            self._make_partitions(connection, spans)
        with transaction(connection) as cursor:
            oldest_ms = min(row.made_ms for row in rows)
            cursor.execute(f"{BEGIN}; {PURGES}", (oldest_ms / 1000 - 1,))
            purged = Purged.of(cursor.fetchall())
            kept = [row for row in rows if not purged.covers(row)] if purged else rows
            if not kept:
                return 0
            _copy(cursor, COPY, [row.line for row in kept])
            totals = totals_json(kept)
            scores = [row.score_line for row in kept if row.score_line is not None]
            if scores:
                _copy(cursor, COPY_SCORES, scores)
            cursor.execute(LOCK_TOTALS)
            if scores:
                cursor.execute(LATEST)
            cursor.execute(ROLLUPS, (totals,))
            _match_outcomes(cursor, kept, by_entity=bool(scores))
        return len(kept)

    def _unknown(self, connection: Connection, rows: Sequence[Row]) -> list[Row]:
        """Those that are not in the table yet, each once: a spool is read again after a crash."""
        with connection.cursor() as cursor:
            cursor.execute(KNOWN, ([row.prediction_id for row in rows],))
            known = {prediction_id for (prediction_id,) in cursor.fetchall()}
        new = {row.prediction_id.lower(): row for row in rows}
        return [row for prediction_id, row in new.items() if prediction_id not in known]

    def _lacks_partitions(self, connection: Connection, rows: Sequence[Row]) -> bool:
        """Whether partitions were missing; they are there now."""
        needed = Span.of_all(row.made_ms for row in rows)
        with connection.cursor() as cursor:
            before = set(partitions.existing(cursor))
        self._make_partitions(connection, needed)
        return not needed <= before

    def _make_partitions(self, connection: Connection, spans: set[Span]) -> None:
        with transaction(connection) as cursor:
            partitions.make(cursor, spans)
            self._spans = set(partitions.existing(cursor))


def _match_outcomes(cursor: Cursor, rows: Sequence[Row], *, by_entity: bool) -> None:
    """Record the outcomes that came before their predictions. After the lock: an outcome is kept under it, too."""
    cursor.execute(PENDING)
    if cursor.fetchone() == (False,):
        return
    cursor.execute(MATCH_BY_ID, ([row.prediction_id for row in rows],))
    if by_entity:
        cursor.execute(MATCH_BY_ENTITY)


def _copy(cursor: Cursor, statement: str, lines: Sequence[str]) -> None:
    cursor.copy_expert(statement, io.BytesIO("".join(lines).encode()), _BUFFER_BYTES)


def _reason(error: psycopg2.Error) -> str:
    """PostgreSQL's message without the row that it shows, which may be personal data."""
    shown = error.diag.message_primary or str(error).strip() or type(error).__name__
    return f"{shown} ({error.pgcode})" if error.pgcode else shown
