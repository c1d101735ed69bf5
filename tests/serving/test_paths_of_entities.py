"""Ids of entities as they come: with slashes in a path, and in the cursors of lists."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from serving.analytics import LONGEST_CURSOR
from storage.cursors import Cursor
from tests.serving.apps import App


@pytest.mark.parametrize("path", ["a%2Fb", "a/b", "a/history", "/a", quote("a\u00a0b/\u4e2d", safe="")])
def test_an_entity_with_a_slash_has_a_history(app: App, path: str) -> None:
    answer = app.get(f"/v1/entities/{path}/history")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"items": [], "next_cursor": None}


def test_the_route_is_documented_and_counted_under_one_name(app: App) -> None:
    assert "/v1/entities/{entity}/history" in app.get("/openapi.json").json()["paths"]
    app.get("/v1/entities/a/b/history")
    counted = app.get("/metrics").text
    assert 'route="/v1/entities/{entity}/history"' in counted
    assert "{entity:path}" not in counted


@pytest.mark.parametrize("entity", ["a\u200bb", "a\u00a0b", "a\u00adb", "\u4e2d" * 512])
def test_a_list_goes_on_after_any_id(app: App, entity: str) -> None:
    cursor = Cursor(("top", "fraud", None), ("0.5", entity)).written
    assert len(cursor) <= LONGEST_CURSOR
    answer = app.get(f"/v1/models/fraud/top?cursor={cursor}")
    assert answer.status_code == 200, answer.text
