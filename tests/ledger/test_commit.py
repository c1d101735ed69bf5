"""Durability by commit: who was told that it is committed finds it in the table, and nobody waits for ever."""

from __future__ import annotations

import random
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from ledger import folders
from ledger.commit import Committer
from ledger.connection import connect
from ledger.feed import LISTENED, STREAM
from ledger.frame import Frame
from storage.addresses import urls
from storage.errors import StorageUnavailableError
from storage.local import LocalServers
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.ledger import making, truth
from tests.storage.nonsense import ANSWERS, nonsense
from tests.storage.servers import execute, server_processes, wait_for

DEADLINE_SECONDS = 2.0


class Answers:
    """What submissions were told, in the order in which that came."""

    def __init__(self) -> None:
        self.told: list[tuple[str, StorageUnavailableError | None, float]] = []
        self._lock = threading.Lock()

    def submit(self, committer: Committer, seed: random.Random, **given: Any) -> str:
        answer = making.prediction(seed)
        identity = str(answer["prediction_id"])
        self.submit_frame(committer, making.frame(answer, **given), identity)
        return identity

    def submit_frame(self, committer: Committer, frame: Frame, name: str) -> None:
        started = time.monotonic()

        def done(error: StorageUnavailableError | None) -> None:
            with self._lock:
                self.told.append((name, error, time.monotonic() - started))

        committer.submit([frame], done)

    def committed(self) -> list[str]:
        return [name for name, error, _ in self.told if error is None]


@contextmanager
def running(url: str, tmp_path: Path, redis_url: str | None = None) -> Iterator[Committer]:
    committer = Committer(url, redis_url, tmp_path, DEADLINE_SECONDS)
    committer.start()
    try:
        yield committer
    finally:
        committer.close()


def test_what_was_told_to_be_committed_is_in_the_table(ledger_url: str, tmp_path: Path) -> None:
    seed, answers = random.Random(1), Answers()
    with running(ledger_url, tmp_path) as committer:
        threads = [
            threading.Thread(target=lambda own: [answers.submit(committer, own) for _ in range(100)], args=(one,))
            for one in (random.Random(number) for number in range(4))
        ]
        for thread in threads:
            thread.start()
        one = answers.submit(committer, seed, entity="C1")
        wait_for(lambda: one in answers.committed())
        assert one in truth.ids(ledger_url)
        for thread in threads:
            thread.join()
    assert sorted(answers.committed()) == truth.ids(ledger_url)
    assert len(answers.told) == 401
    truth.check_sums(ledger_url)


def test_who_cannot_be_told_keeps_no_other_waiting(ledger_url: str, tmp_path: Path) -> None:
    seed, answers = random.Random(9), Answers()

    def gone(_: StorageUnavailableError | None) -> None:
        raise RuntimeError("Event loop is closed")

    with running(ledger_url, tmp_path) as committer:
        committer.submit([making.frame(making.prediction(seed))], gone)
        one = answers.submit(committer, seed)
        wait_for(lambda: one in answers.committed())


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_redis_does_not_matter(ledger_url: str, tmp_path: Path, answer: bytes) -> None:
    seed, answers = random.Random(9), Answers()
    with nonsense(answer) as url, running(ledger_url, tmp_path, url) as committer:
        for _ in range(2):
            one = answers.submit(committer, seed)
            wait_for(lambda one=one: one in answers.committed())  # type: ignore[misc]


def test_many_share_a_transaction(ledger_url: str, tmp_path: Path) -> None:

    seed, answers = random.Random(1), Answers()
    with connect(ledger_url, "test") as connection, connection.cursor() as cursor:
        with running(ledger_url, tmp_path) as committer:
            for _ in range(500):
                answers.submit(committer, seed)
            wait_for(lambda: len(answers.told) == 500)
        cursor.execute("select count(distinct xmin::text) from predictions")
        ((transactions,),) = cursor.fetchall()
    assert transactions < 100


def test_the_live_stream_is_told_too(ledger_url: str, tmp_path: Path, settings: StorageSettings) -> None:
    redis_url = urls(settings).redis
    with redis.Redis.from_url(redis_url) as client:
        client.delete(STREAM)
        client.set(LISTENED, b"")
        answers = Answers()
        with running(ledger_url, tmp_path, redis_url) as committer:
            answers.submit(committer, random.Random(1))
            wait_for(lambda: client.xlen(STREAM) == 1)


def test_what_cannot_become_a_row_is_kept_aside(ledger_url: str, tmp_path: Path) -> None:
    answers = Answers()
    with running(ledger_url, tmp_path) as committer:
        bad = Frame(model="m", operation="predict", answer=b"{}", request_id="r")
        answers.submit_frame(committer, bad, "bad")
        good = answers.submit(committer, random.Random(1))
        wait_for(lambda: len(answers.told) == 2)
    assert answers.committed() == ["bad", good]
    (rejected,) = (folders.root(tmp_path) / folders.REJECTED).iterdir()
    assert "prediction_id" in rejected.read_text()


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    answers = Answers()
    with running("postgresql://tiffin:hunter2@127.0.0.1:1/tiffin", tmp_path) as committer:
        answers.submit(committer, random.Random(1))
        wait_for(lambda: len(answers.told) == 1)
    ((_, error, _),) = answers.told
    assert isinstance(error, StorageUnavailableError)
    assert "hunter2" not in str(error)


def test_a_redis_that_hangs_holds_up_no_commit(
    ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.feed._TIMEOUT_SECONDS", DEADLINE_SECONDS + 3)
    answers, seed = Answers(), random.Random(1)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # it never accepts, nor answers
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        with running(ledger_url, tmp_path, url) as committer:
            for number in range(1, 4):
                answers.submit(committer, seed)
                wait_for(lambda number=number: len(answers.told) == number)  # type: ignore[misc]
    assert len(answers.committed()) == 3


class Listener:
    """Told of one submission, and watched for whether anything still holds it."""

    def __call__(self, error: StorageUnavailableError | None) -> None:
        self.told = True


@contextmanager
def nothing_commits(url: str) -> Iterator[None]:
    with closing(connect(url, "in the way")) as connection, connection.cursor() as cursor:
        cursor.execute("begin; lock table predictions in access exclusive mode")
        yield
        cursor.execute("rollback")


def test_what_nobody_waits_for_any_more_is_forgotten_while_postgresql_hangs(ledger_url: str, tmp_path: Path) -> None:
    seed, answers = random.Random(1), Answers()
    committer = Committer(ledger_url, None, tmp_path, deadline_seconds=0.2)
    waits = "select 1 from pg_stat_activity where application_name = 'tiffin committer' and wait_event = 'relation'"
    with closing(committer), nothing_commits(ledger_url):
        committer.start()
        answers.submit(committer, seed)
        wait_for(lambda: execute(ledger_url, waits) == [(1,)])
        listeners = [Listener() for _ in range(20)]
        watched = [weakref.ref(one) for one in listeners]
        for at in range(20):
            committer.submit([making.frame(making.prediction(seed))], listeners[at])
        wait_for(lambda: all(hasattr(one, "told") for one in listeners))
        listeners.clear()
        wait_for(lambda: not any(one() for one in watched))
        assert execute(ledger_url, waits) == [(1,)]


def test_when_too_much_waits_more_is_refused_at_once(
    ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.commit.MOST_BYTES", 1_000_000)
    monkeypatch.setattr("ledger.commit.GROUP_BYTES", 100_000)
    seed, answers = random.Random(1), Answers()
    with closing(Committer(ledger_url, None, tmp_path, deadline_seconds=30)) as committer:
        for number in range(30):  # nothing is taken before its start
            answers.submit(committer, seed, body=making.encoded({"record": {"x": "y" * 100_000}}))
            assert len(answers.told) == max(0, number - 8)
        assert {str(error) for _, error, _ in answers.told} == {
            "postgresql is not available: 1000000 bytes of predictions wait to be committed already"
        }
        committer.start()
        wait_for(lambda: len(answers.told) == 30)
        one = answers.submit(committer, seed)
        wait_for(lambda: one in answers.committed())
    assert len(truth.ids(ledger_url)) == len(answers.committed()) == 10


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A server of this module's own, to be killed and stopped."""
    folder = tmp_path_factory.mktemp("committing")
    with LocalServers(folder, redis=False) as local:
        url = local.start()["postgresql"]
        migrate(url)
        yield folder, url


def test_nobody_waits_longer_than_the_deadline_for_a_server_that_hangs(
    servers: tuple[Path, str], tmp_path: Path
) -> None:
    folder, url = servers
    seed, answers = random.Random(1), Answers()
    with running(url, tmp_path) as committer:
        first = answers.submit(committer, seed)
        wait_for(lambda: answers.committed() == [first])
        server = server_processes(folder)["postgresql"]
        family = [server, *server.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            for _ in range(20):
                answers.submit(committer, seed)
            wait_for(lambda: len(answers.told) == 21, seconds=DEADLINE_SECONDS + 5)
        finally:
            for process in family:
                process.resume()
        late = answers.told[1:]
        assert all(error is not None and seconds >= DEADLINE_SECONDS for _, error, seconds in late)
        again = answers.submit(committer, seed)
        wait_for(lambda: again in answers.committed())


def test_a_crash_of_postgresql_is_told_and_its_return_is_noticed(servers: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = servers
    seed, answers = random.Random(2), Answers()
    stopping = threading.Event()

    def load(committer: Committer) -> None:
        while not stopping.wait(0.002):
            answers.submit(committer, seed)

    with running(url, tmp_path) as committer:
        thread = threading.Thread(target=load, args=(committer,))
        thread.start()
        try:
            wait_for(lambda: len(answers.committed()) > 20)
            server_processes(folder)["postgresql"].kill()
            wait_for(lambda: any(error is not None for _, error, _ in answers.told))
            LocalServers(folder, redis=False).revive()
            before = len(answers.committed())
            wait_for(lambda: len(answers.committed()) > before + 20, seconds=5)
        finally:
            stopping.set()
            thread.join()
    assert set(answers.committed()) <= set(truth.ids(url))
    truth.check_sums(url)
