"""The rows of a SQL query, as `tiffin new` and every training see them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from storage.addresses import redact, urls
from storage.database import open_engine
from storage.errors import StorageUnavailableError
from storage.settings import StorageSettings
from training.errors import DataError
from training.headings import headings

STATEMENT_SECONDS = 3600.0
"""Rows for a training may take longer to gather than any statement of a request may."""
_CHUNK_ROWS = 50_000


def read_query(query: str, settings: StorageSettings) -> pd.DataFrame:
    """All rows of one `select` against PostgreSQL, in transactions that only read; columns by name.

    Raises DataError when the database refuses the query or it gives no rows, StorageUnavailableError when the database
    does not answer.
    """
    given = settings.database_url
    url = urls(settings).database if given is None else given.get_secret_value()
    patient = settings.model_copy(update={"statement_timeout_seconds": STATEMENT_SECONDS})
    engine = open_engine(url, patient, application="tiffin train")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("set session characteristics as transaction read only")
            connection.commit()  # from here on: a `commit` within the query begins another transaction that only reads
            names, rows = _fetched(connection, query.strip().rstrip(";"))
    except DBAPIError as error:
        reason = redact(str(error.orig).strip(), url)
        if isinstance(error, OperationalError | InterfaceError) and not getattr(error.orig, "pgcode", None):
            raise StorageUnavailableError("postgresql", reason) from error
        raise DataError(f"the query {shortened(query)!r}", [f"the database refuses it: {reason}"]) from error
    finally:
        engine.dispose()
    if not rows:
        raise DataError(f"the query {shortened(query)!r}", ["it gives no rows"])
    return _frame(names, rows)


def _fetched(connection: Connection, query: str) -> tuple[list[str], list[Any]]:
    """Names and rows, fetched in parts through a cursor of the server."""
    options = {"stream_results": True, "no_parameters": True, "yield_per": _CHUNK_ROWS}
    result = connection.exec_driver_sql(query, execution_options=options)
    names, _ = headings(list(result.keys()))
    return names, [tuple(row) for row in result]


def _frame(names: list[str], rows: list[Any]) -> pd.DataFrame:
    columns = zip(*rows, strict=True)
    return pd.DataFrame({name: _column(list(values)) for name, values in zip(names, columns, strict=True)})


def _column(values: list[Any]) -> pd.Series[Any]:
    """Exact decimals become floats; the rest pandas recognises by itself."""
    if any(isinstance(value, Decimal) for value in values):
        values = [None if value is None else float(value) for value in values]
    return pd.Series(values)


def shortened(query: str) -> str:
    """The query on one line, cut to the length of a message."""
    line = " ".join(query.split())
    return line if len(line) <= 80 else line[:77] + "..."
