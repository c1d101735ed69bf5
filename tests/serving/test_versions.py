"""The versions of a model over HTTP, and their cards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from models.definition import Definition
from registry.card import CONTENT_POLICY
from registry.store import CARD, Version
from storage.settings import StorageSettings
from tests import small_version
from tests.serving.apps import App, Parts

MODEL = "versioned"
PATH = f"/v1/models/{MODEL}"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNTRAINED = "untrained"
JSON = {"Accept": "application/json"}


@dataclass(frozen=True)
class Served:
    """An application whose model has `versions`, newest first; the second of them answers."""

    app: App
    definition: Definition
    versions: list[Version]

    @property
    def champion(self) -> Version:
        return self.versions[1]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.app.request("GET", f"{PATH}{path}", headers=headers)


@pytest.fixture(scope="module")
def served(settings: StorageSettings) -> Iterator[Served]:
    definition = small_version.definition(MODEL, title="Versions <b>of</b> it")
    untrained = small_version.definition(UNTRAINED)
    versions = [
        small_version.save(definition, created_at=NOON + timedelta(minutes=minutes), title=definition.title)
        for minutes in range(5)
    ]
    versions.reverse()
    definitions = {MODEL: definition, UNTRAINED: untrained}
    with App(Parts(storage=settings, versions={MODEL: versions[1]}, definitions=definitions)) as app:
        yield Served(app, definition, versions)


def tags(page: Any) -> list[str]:
    return [item["version"] for item in page["items"]]


def test_versions_are_listed_newest_first_and_the_champion_is_named(served: Served) -> None:
    page = served.get("/versions").json()
    assert tags(page) == [version.tag for version in served.versions]
    assert page["next_cursor"] is None
    assert [item["role"] for item in page["items"]] == [None, "champion", None, None, None]
    first = page["items"][0]
    details = served.versions[0].details
    assert first["created_at"] == "2026-03-01T12:04:00.000000Z"
    assert first["metrics"] == {metric.name: metric.value for metric in details.metrics}
    assert (first["threshold"], first["forced"]) == (details.threshold, bool(details.forced))
    assert first["gates_passed"] == all(gate.passed for gate in details.gates)


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_pages_put_together_are_the_whole_list(served: Served, limit: int) -> None:
    found: list[str] = []
    cursor, pages = "", 0
    while cursor is not None:
        page = served.get(f"/versions?limit={limit}{f'&cursor={cursor}' if cursor else ''}").json()
        assert len(page["items"]) <= limit
        found, cursor, pages = found + tags(page), page["next_cursor"], pages + 1
    assert found == [version.tag for version in served.versions]
    assert pages == -(-5 // limit)


def test_a_page_goes_on_where_the_last_one_ended_though_a_version_came(served: Served) -> None:
    cursor = served.get("/versions?limit=2").json()["next_cursor"]
    newer = small_version.save(served.definition, created_at=NOON + timedelta(hours=1))
    try:
        assert tags(served.get("/versions?limit=2").json())[0] == newer.tag
        page = served.get(f"/versions?limit=2&cursor={cursor}").json()
        assert tags(page) == [version.tag for version in served.versions[2:4]]
    finally:
        small_version.delete(newer)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "query.limit"),
        ("limit=201", "query.limit"),
        ("limit=x", "query.limit"),
        ("cursor=x", "query.cursor"),
        ("cursor=%00", "query.cursor"),
        ("cursor=W10", "query.cursor"),  # []
        ("cursor=WzEsMl0", "query.cursor"),  # [1,2]
        (f"cursor={'W' * 300}", "query.cursor"),
    ],
)
@pytest.mark.parametrize("path", ["/versions", "/importance"])
def test_pages_that_cannot_be_are_refused(served: Served, path: str, query: str, field: str) -> None:
    answer = served.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_features")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("limit=x", "wrong_type", "must be a whole number"),
        ("limit=0", "out_of_range", "must be at least 1"),
        ("limit=201", "out_of_range", "must be at most 200"),
        (f"cursor={'W' * 300}", "too_long", "must have at most 256 characters"),
        ("limt=1", "unknown_field", "is not a known parameter; did you mean 'limit'?"),
        ("zzz=1", "unknown_field", "is not a known parameter; it takes limit, cursor"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_said_in_our_words(
    served: Served, query: str, code: str, message: str
) -> None:
    answer = served.get(f"/versions?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    (error,) = answer.json()["errors"]
    name, _, given = query.partition("=")
    assert error == {"field": f"query.{name}", "code": code, "message": message, "given": given[:256]}


@pytest.mark.parametrize("path", ["/v1/models", "/v1/health", f"/v1/models/{MODEL}", f"/v1/models/{MODEL}/card"])
def test_a_path_without_parameters_refuses_any(served: Served, path: str) -> None:
    answer = served.app.get(f"{path}?limit=1")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == "is not a known parameter; this path takes none"


def test_a_cursor_of_the_versions_is_none_of_the_importance(served: Served) -> None:
    cursor = served.get("/versions?limit=1").json()["next_cursor"]
    answer = served.get(f"/importance?cursor={cursor}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.cursor")


def test_a_version_is_found_by_tag_by_the_tag_s_end_and_as_champion(served: Served) -> None:
    champion = served.champion
    answers = [
        served.get(f"/versions/{name}").json()
        for name in (champion.tag, champion.tag.removeprefix(f"{MODEL}:"), "champion")
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["version"] == champion.tag
    assert answers[0]["details"] == champion.details.model_dump(mode="json")


def test_an_unknown_version_is_told_with_the_nearest_one(served: Served) -> None:
    tag = served.versions[3].tag
    for path in ("", "/card"):
        answer = served.get(f"/versions/{tag[:-1]}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert f"did you mean {tag!r}" in answer.json()["detail"]


@pytest.mark.parametrize(
    "name", ["nothing", "%2E%2E", "latest", "versioned:latest", "untrained:x", "a b", "%3Cb%3E", "x" * 900]
)
def test_names_that_no_version_has_are_not_found(served: Served, name: str) -> None:
    answer = served.get(f"/versions/{name}/card")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert len(answer.json()["detail"]) < 300


@pytest.mark.parametrize("path", ["card", "importance", "versions", "versions/x", "versions/x/card"])
def test_an_unknown_model_is_told_with_the_nearest_one(served: Served, path: str) -> None:
    answer = served.app.get(f"/v1/models/versionned/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_model")
    assert f"did you mean '{MODEL}'?" in answer.json()["detail"]


def test_a_model_that_nothing_answers_for_has_no_card_yet(served: Served) -> None:
    for path in ("card", "importance", "versions/champion"):
        answer = served.app.get(f"/v1/models/{UNTRAINED}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
        assert f"tiffin train {UNTRAINED}" in answer.json()["detail"]
    assert served.app.get(f"/v1/models/{UNTRAINED}/versions").json() == {"items": [], "next_cursor": None}


def test_the_card_is_the_champion_s_page(served: Served) -> None:
    answer = served.get("/card")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text == served.champion.card()
    assert "Versions &lt;b&gt;of&lt;/b&gt; it" in answer.text
    older = served.versions[4]
    assert served.get(f"/versions/{older.tag}/card").text == older.card() != answer.text


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("application/json", True),
        ("application/json, text/plain, */*", True),
        ("text/html;q=0.5, application/json", True),
        ("text/html;q=0, */*", True),
        ("application/*", True),
        ("*/*", False),
        ("", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/json;q=0.5, text/html", False),
        ("application/json, text/html", False),
        ("image/png", False),
        ("application/json;q=x", False),
        ("application/json;q=nan", False),
    ],
)
def test_the_card_is_json_for_those_who_rather_have_that(served: Served, accept: str, is_json: bool) -> None:
    answer = served.get("/card", Accept=accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json" if is_json else "text/html")
    assert answer.headers["vary"] == "Accept"


def test_the_card_as_json_holds_what_the_page_shows(served: Served) -> None:
    card = served.get("/card", **JSON).json()
    assert card["version"] == served.champion.tag
    assert (card["title"], card["purpose"], card["target"]) == (
        served.definition.title,
        served.definition.purpose,
        served.definition.target.column if served.definition.target else None,
    )
    assert card["schema"] == served.definition.schema.describe()
    assert card["details"] == served.champion.details.model_dump(mode="json")


def test_a_browser_is_told_to_run_nothing_and_to_guess_nothing(served: Served) -> None:
    for path in ("/card", f"/versions/{served.champion.tag}/card"):
        headers = served.get(path).headers
        assert headers["content-security-policy"] == f"{CONTENT_POLICY}; frame-ancestors 'self'"
        assert headers["content-security-policy"].startswith("default-src 'none';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_head_of_a_card_is_its_headers_alone(served: Served) -> None:
    answer = served.app.request("HEAD", f"{PATH}/card")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-security-policy"]


def test_a_version_stored_without_a_card_gets_one_when_asked(served: Served) -> None:
    version = small_version.save(served.definition, created_at=NOON - timedelta(days=1))
    try:
        drawn = version.card()
        (version.path / CARD).unlink()
        assert version.card() is None
        assert served.get(f"/versions/{version.tag}/card").text == drawn
    finally:
        small_version.delete(version)


def test_importance_adds_up_to_one_and_comes_in_pages_of_one_version(served: Served) -> None:
    whole = served.get("/importance").json()
    assert (whole["model"], whole["version"], whole["next_cursor"]) == (MODEL, served.champion.tag, None)
    known = served.champion.details.importance
    assert [(item["feature"], item["mean_absolute_contribution"]) for item in whole["items"]] == [
        (one.feature, one.mean_absolute_contribution) for one in known
    ]
    assert sum(item["share"] for item in whole["items"]) == pytest.approx(1)
    first = served.get("/importance?limit=1").json()
    rest = served.get(f"/importance?limit=200&cursor={first['next_cursor']}").json()
    assert first["items"] + rest["items"] == whole["items"]
    assert (len(first["items"]), rest["version"], rest["next_cursor"]) == (1, whole["version"], None)
