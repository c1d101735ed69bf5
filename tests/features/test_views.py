"""Views as their files state them: they fit their models, their sources and the tables."""

from __future__ import annotations

import json
import re

import pytest

from features import source_reference
from features.entity import parse_entity
from features.errors import UnknownViewError, ViewError
from features.reference import reference
from features.views import View, parse, view, views
from storage.tables import SOURCES
from tests.storage.servers import ROOT

every = pytest.mark.parametrize("view", views().values(), ids=views())
HEADER = """\
-- what: how it is
-- keys: {user_id: {what: the user, example: U1}}
-- sources: {users: changed_at}
-- ttl: 5 min
-- stale: 1 day
-- known: from the first row
-- least_history: 7 days
-- columns: {country: , source: what it says}
select 1
"""


@every
def test_a_view_gives_its_models_features_in_their_order(view: View) -> None:
    wanted = [name for name in view.models[0].schema.names if name != "horizon"]
    assert list(view.columns) == wanted


@every
def test_a_view_reads_the_sources_it_names_and_says_when_their_rows_were_known(view: View) -> None:
    read = set(re.findall(r"\bfrom (\w+)\n", view.sql)) & set(SOURCES)
    assert read == set(view.sources)
    for source, column in view.sources.items():
        assert SOURCES[source].c[column].info["part"] == "time"


@every
def test_what_is_known_is_decided_in_one_place(view: View) -> None:
    assert view.sql.count("event.at < spine.as_of") == 1
    assert "<= spine.as_of" not in view.sql


@every
def test_every_source_of_a_view_names_at_least_one_of_its_keys(view: View) -> None:
    for source in view.sources:
        named = {column.name for column in SOURCES[source].c if column.info.get("part") == "entity"}
        assert named & set(view.key_names), source


@every
def test_the_example_is_an_entity(view: View) -> None:
    assert parse_entity(view, view.example).text == ":".join(view.example.values())


@every
def test_a_view_describes_every_column_with_its_models_words(view: View) -> None:
    described = view.describe()
    assert json.loads(json.dumps(described)) == described
    columns = described["columns"]
    assert isinstance(columns, list)
    assert [column["name"] for column in columns] == list(view.columns)
    assert all(column["description"] for column in columns)


@every
def test_rows_are_kept_for_longer_than_they_are_fresh(view: View) -> None:
    assert view.ttl < view.stale


def test_a_view_is_found_by_its_name_and_knows_its_models() -> None:
    assert [model.name for model in view("shop_sessions").models] == ["purchase"]
    with pytest.raises(UnknownViewError, match="did you mean 'shop_sessions'"):
        view("shop_session")


def test_a_file_reads_as_a_view() -> None:
    found = parse("made_up", HEADER)
    assert (found.key_names, found.columns, found.notes["source"]) == (
        ("user_id",),
        ("country", "source"),
        "what it says",
    )
    assert found.sql == "select 1\n"
    assert found.fingerprint != parse("made_up", HEADER.replace("select 1", "select 2")).fingerprint
    assert found.fingerprint == parse("made_up", HEADER.replace("how it is", "how it was")).fingerprint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("-- ttl: 5 min\n", "", "lacks \\['ttl'\\]"),
        ("-- ttl: 5 min", "-- ttl: soon", "'soon' is no span of time"),
        ("-- what: how", "-- what: [how", "not YAML"),
        ("{users: changed_at}", "users", "sources must be a mapping"),
        ("example: U1", "sample: U1", "example"),
        ("-- known:", "-- grain: row\n-- known:", "unknown \\['grain'\\]"),
    ],
)
def test_a_file_that_is_no_view_is_refused_by_what_is_wrong(old: str, new: str, said: str) -> None:
    with pytest.raises(ViewError, match=rf"made_up\.sql: .*{said}"):
        parse("made_up", HEADER.replace(old, new))


def test_the_reference_shows_every_view_as_it_is() -> None:
    page = (ROOT / "docs" / "views.md").read_text("utf-8")
    assert page == reference(), "write it anew: python -m features.reference > docs/views.md"
    for found in views().values():
        assert f"## {found.name}\n" in page
        assert all(f"| `{column}` |" in page for column in found.columns)


def test_the_page_of_sources_is_up_to_date() -> None:
    page = (ROOT / "docs" / "sources.md").read_text("utf-8")
    assert page == source_reference.reference(), "write it anew: python -m features.source_reference > docs/sources.md"
