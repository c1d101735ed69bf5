"""Ids and times that are made cheaply are still ids and times."""

from __future__ import annotations

import os
import re
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import identifiers
from serving.exchange import request_id
from serving.identifiers import new_id, new_ids, rfc3339, timestamp


def test_an_id_is_a_uuid_of_version_7_of_this_moment() -> None:
    before = datetime.now(UTC)
    for _ in range(2000):
        identity = uuid.UUID(new_id())
        assert (identity.version, identity.variant) == (7, uuid.RFC_4122)
        made = datetime.fromtimestamp((identity.int >> 80) / 1000, UTC)
        assert before - timedelta(milliseconds=1) <= made <= datetime.now(UTC) + timedelta(milliseconds=50)


def test_ids_are_all_different_and_sort_in_the_order_in_which_they_were_made() -> None:
    ids: list[str] = []
    for count in (1, 0, 1000, 1, 4095, 4096, 10_000, 2):
        ids += new_ids(count)
        ids += [new_id() for _ in range(500)]
    assert len(set(ids)) == len(ids) == 23_195
    assert sorted(ids) == ids
    assert {uuid.UUID(identity).version for identity in ids} == {7}
    assert len({identity[20:] for identity in ids}) == len(ids), "the random digits repeat"


def test_a_clock_that_is_set_back_a_little_leaves_the_order_and_one_that_was_wrong_is_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time_ns()

    def made(seconds: float) -> tuple[str, datetime]:
        monkeypatch.setattr(identifiers, "time_ns", lambda: now + int(seconds * 1e9))
        identity = new_id()
        return identity, datetime.fromtimestamp((uuid.UUID(identity).int >> 80) / 1000, UTC)

    first, _ = made(3600)
    second, moment = made(3600 - 30)
    assert second > first
    third, moment = made(0)
    assert abs(moment - datetime.fromtimestamp(now / 1e9, UTC)) < timedelta(seconds=1)
    assert third < first


def test_a_forked_child_does_not_hand_out_its_parent_s_ids() -> None:
    new_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, " ".join(new_id() for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        theirs = {identity[20:] for identity in pipe.read().split()}
    assert len(theirs) == 100
    assert not theirs & {new_id()[20:] for _ in range(200)}


def test_a_timestamp_is_rfc_3339_in_utc_with_milliseconds() -> None:
    for _ in range(1000):
        text = timestamp()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
        assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(seconds=1)


@settings(database=None)
@given(second=st.integers(0, 253_402_300_799))
def test_a_second_is_written_as_it_is_read(second: int) -> None:
    assert datetime.fromisoformat(rfc3339(second)).timestamp() == second


@settings(database=None)
@given(given_id=st.none() | st.binary(max_size=200))
def test_a_request_id_is_the_caller_s_or_a_new_one_and_always_harmless(given_id: bytes | None) -> None:
    identity = request_id(given_id)
    assert re.fullmatch(r"[A-Za-z0-9._:/+=@-]{1,128}", identity)
    assert (given_id is not None and identity.encode() == given_id) or len(identity) == 36
