"""A cursor says again what a page has said, whatever ids look like, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json

import pytest

from storage.cursors import Cursor, CursorError

LIST = ("top", "fraud", None)


@pytest.mark.parametrize(
    "part", ["", "C1", "a\u200bb", "a\u00a0b", "a\u00adb", "\u202e", "a\tb\n", "😀", "中" * 512, '"\\', "\u2028"]
)
def test_what_a_page_gave_is_read(part: str) -> None:
    assert Cursor.read(Cursor(LIST, (part, "x")).written, LIST, 2).parts == (part, "x")


@pytest.mark.parametrize(
    "other", [("history", "fraud", None), ("top", "churn", None), ("top", "fraud", "HIGH"), ("top",)]
)
def test_what_a_page_of_another_list_gave_is_refused(other: tuple[str | None, ...]) -> None:
    written = Cursor(other, ("0.5", "C1")).written
    with pytest.raises(CursorError):
        Cursor.read(written, LIST, 2)


def test_the_longest_id_makes_a_cursor_that_is_taken() -> None:
    assert (
        len(
            Cursor(
                LIST, ("😀" * 512, "2026-03-01T00:00:00.000000+00:00", "01a1ff41-bb42-7001-8cdc-faa5cecfc329")
            ).written
        )
        <= 4096
    )


@pytest.mark.parametrize("part", ["a\0b", "\ud800", "a\udfffb"])
def test_what_postgresql_would_not_take_is_no_cursor(part: str) -> None:
    mark = json.loads(base64.urlsafe_b64decode(Cursor(LIST, ()).written + "=="))[0]
    written = base64.urlsafe_b64encode(json.dumps([mark, part]).encode()).decode().rstrip("=")
    with pytest.raises(CursorError):
        Cursor.read(written, LIST, 1)
