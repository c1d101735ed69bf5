"""Entities: which ids are taken, and their canonical text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.entity import LONGEST, MAX_SHOWN, Entity, parse_entity
from features.errors import InvalidEntityError
from features.views import view

BANK, SHOP = view("customer_behaviour"), view("shop_sessions")


def codes(given: object) -> dict[str, str]:
    with pytest.raises(InvalidEntityError) as caught:
        parse_entity(SHOP, given)
    return {problem.field: problem.code for problem in caught.value.problems}


def test_ids_stand_in_the_order_of_the_keys() -> None:
    assert parse_entity(SHOP, {"item_id": "I2", "user_id": "U1"}) == Entity(("U1", "I2"))


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert codes({"user_id": 7, "itemid": "I2"}) == {"user_id": "type", "item_id": "missing", "itemid": "unknown"}


def test_a_misspelt_key_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidEntityError, match="userid: is no id of shop_sessions; did you mean 'user_id'"):
        parse_entity(SHOP, {"userid": "U1", "item_id": "I2"})


@pytest.mark.parametrize("given", [None, "U1", ["U1"], 7])
def test_only_an_object_is_an_entity(given: object) -> None:
    assert codes(given) == {"": "type"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "length"),
        ("x" * (LONGEST + 1), "length"),
        ("a\0b", "characters"),
        ("a\nb", "characters"),
        ("\ud800", "characters"),
        ("a:b", "characters"),
        (True, "type"),
        (None, "type"),
        ({"a": 1}, "type"),
    ],
)
def test_ids_that_no_table_could_hold_or_no_text_tell_apart_are_refused(given: object, code: str) -> None:
    assert codes({"user_id": given, "item_id": "I2"}) == {"user_id": code}


def test_the_id_of_a_simple_entity_may_hold_the_separator() -> None:
    assert parse_entity(BANK, {"customer_id": "crm:17"}).text == "crm:17"


def test_a_hostile_object_is_answered_with_few_problems() -> None:
    assert len(codes({f"field {number}": number for number in range(10_000)})) == MAX_SHOWN


ids = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=":"), min_size=1, max_size=LONGEST)


@given(ids, ids)
def test_the_canonical_text_names_one_entity(user: str, item: str) -> None:
    entity = parse_entity(SHOP, {"user_id": user, "item_id": item})
    assert entity.text.split(":") == [user, item]
