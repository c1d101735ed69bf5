"""Arrays of floats as psycopg2 gets them, read at a tenth of the time: a view's history is 400 of them."""

from __future__ import annotations

from typing import Any

import msgspec
from psycopg2 import extensions

_OID = 1022
"""Of float8[] in PostgreSQL."""
_DECODER = msgspec.json.Decoder(list[float])


def teach(connection: Any) -> None:
    """Let a connection of psycopg2 read arrays of floats this way."""
    extensions.register_type(_FLOATS, connection)


def _read(text: str | None, cursor: Any) -> Any:
    """A list, as psycopg2 gives it but for the sign of a zero; what JSON cannot say (NaN, null, arrays of arrays) is
    left to psycopg2."""
    if text is None:
        return None
    try:
        return _DECODER.decode(f"[{text[1:-1]}]")
    except msgspec.DecodeError:
        return _SLOWLY(text, cursor)


_SLOWLY: Any = extensions.string_types[_OID]
_FLOATS = extensions.new_type((_OID,), "FLOATS", _read)
