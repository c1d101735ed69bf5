"""The shipper's process under fire: whatever is killed, every acknowledged prediction is stored exactly once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from ledger import folders, status
from ledger.configuration import Configuration, from_json, to_json
from ledger.feed import FIELD, LISTENED, STREAM
from ledger.frame import Frame
from ledger.keeper import Keeper, configuration
from ledger.settings import LedgerSettings
from ledger.spool import Spool
from storage import Urls
from storage.local import LocalServers
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.ledger import making, truth
from tests.ledger.processes import ShipperProcess, Writer
from tests.storage.servers import ROOT, execute, server_processes, wait_for

SETTINGS = LedgerSettings()


def count(url: str) -> int:
    ((found,),) = execute(url, "select count(*)::integer from predictions")
    return int(str(found))


def everything_is_shipped(state_dir: Path) -> bool:
    return folders.writers(folders.root(state_dir)) == []


def check(url: str, acknowledged: list[str]) -> None:
    """Each acknowledged prediction is in the table; it can be there only once. And every sum is right."""
    assert len(acknowledged) > 50
    assert set(acknowledged) - set(truth.ids(url)) == set()
    truth.check_sums(url)


def test_a_prediction_is_visible_within_a_second(ledger_url: str, tmp_path: Path) -> None:
    writer, seed = Spool.open(tmp_path, SETTINGS), random.Random(1)
    with ShipperProcess(tmp_path, ledger_url) as shipper:
        wait_for(lambda: status.read(tmp_path).running)
        for number in range(1, 4):
            writer.add(making.frame(making.prediction(seed)))
            writer.flush()
            wait_for(lambda number=number: count(ledger_url) == number)  # type: ignore[misc]
        wait_for(lambda: status.read(tmp_path).shipped == 3)
        assert shipper.end() == 0
    writer.close()
    said = status.read(tmp_path)
    assert (said.running, said.rejected, said.error) == (False, 0, "")


def test_killed_writers_and_killed_shippers_lose_and_repeat_nothing(ledger_url: str, tmp_path: Path) -> None:
    chance, acknowledged = random.Random(11), []
    for round_ in range(6):
        writers = [Writer(tmp_path, seed=2 * round_ + number) for number in range(2)]
        with ShipperProcess(tmp_path, ledger_url) as shipper:
            before = count(ledger_url)
            wait_for(lambda before=before: count(ledger_url) > before + 30)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.4))  # a random moment of its work
            shipper.kill()
        for writer in writers:
            acknowledged += writer.kill()
    with ShipperProcess(tmp_path, ledger_url):
        wait_for(lambda: everything_is_shipped(tmp_path))
    check(ledger_url, acknowledged)


def test_a_shipper_that_dies_between_copy_and_commit_changes_nothing(ledger_url: str, tmp_path: Path) -> None:
    """A lock on the rollups holds its transaction up after the copy."""
    writer = Writer(tmp_path, flushes=40, pause_seconds=0)
    acknowledged = writer.wait()
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, ledger_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        with ShipperProcess(tmp_path, ledger_url) as shipper:
            wait_for(lambda: _is_held_up(ledger_url))
            assert count(ledger_url) == 0
            shipper.kill()
        holder.stdin.close()
    wait_for(lambda: not _is_held_up(ledger_url))
    assert count(ledger_url) == 0
    with ShipperProcess(tmp_path, ledger_url):
        wait_for(lambda: everything_is_shipped(tmp_path))
    check(ledger_url, acknowledged)


_HOLD = """
import sys, psycopg2
connection = psycopg2.connect(sys.argv[1])
connection.cursor().execute("lock table rollups in exclusive mode")
print("held", flush=True)
sys.stdin.read()
connection.rollback()
"""


def _is_held_up(url: str) -> bool:
    query = "select 1 from pg_stat_activity where application_name = 'tiffin shipper' and wait_event_type = 'Lock'"
    return bool(execute(url, query))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """Servers of this module's own, to be killed."""
    folder = tmp_path_factory.mktemp("killed")
    with LocalServers(folder) as local:
        urls = local.start()
        migrate(urls["postgresql"])
        yield folder, urls


def restart(folder: Path) -> None:
    """Start again what was killed, under the same addresses."""
    LocalServers(folder).revive()


def test_postgresql_that_crashes_again_and_again_loses_and_repeats_nothing(
    servers: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, urls = servers
    url = urls["postgresql"]
    writer = Writer(tmp_path)
    with ShipperProcess(tmp_path, url, urls["redis"]) as shipper:
        for crash in (signal.SIGQUIT, signal.SIGKILL, signal.SIGQUIT):
            before = count(url)
            wait_for(lambda before=before: count(url) > before + 50)  # type: ignore[misc]
            server_processes(folder)["postgresql"].send_signal(crash)
            wait_for(lambda: "postgresql" not in server_processes(folder))
            wait_for(lambda: status.read(tmp_path).error != "")
            assert status.read(tmp_path).oldest_unshipped_seconds > 0
            restart(folder)
            before = count(url)
            wait_for(lambda before=before: count(url) > before, seconds=5)  # type: ignore[misc]
        wait_for(lambda: status.read(tmp_path).error == "")
        acknowledged = writer.kill()
        wait_for(lambda: everything_is_shipped(tmp_path))
        assert shipper.process.poll() is None
    check(url, acknowledged)


def test_the_live_stream_goes_on_while_postgresql_is_down_and_the_ledger_while_redis_is(
    servers: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, urls = servers
    url = urls["postgresql"]
    with redis.Redis.from_url(urls["redis"]) as client:
        client.delete(STREAM)
        client.set(LISTENED, b"")
        seed, stored = random.Random(9), count(url)
        writer = Spool.open(tmp_path, SETTINGS)

        def predict() -> str:
            answer = making.prediction(seed)
            writer.add(making.frame(answer, entity="C1"))
            writer.flush()
            return str(answer["prediction_id"])

        with ShipperProcess(tmp_path, url, urls["redis"]) as shipper:
            wait_for(lambda: status.read(tmp_path).running)
            server_processes(folder)["postgresql"].kill()
            said = [predict() for _ in range(5)]
            wait_for(lambda: client.xlen(STREAM) == 5)
            found = [json.loads(fields[FIELD.encode()]) for _, fields in client.xrange(STREAM)]
            assert [entry["prediction_id"] for entry in found] == said
            assert found[0]["entity"] == "C1"
            restart(folder)
            wait_for(lambda: count(url) == stored + 5)
            server_processes(folder)["redis"].kill()
            wait_for(lambda: "redis" not in server_processes(folder))
            said += [predict() for _ in range(3)]
            wait_for(lambda: count(url) == stored + 8)
            wait_for(lambda: status.read(tmp_path).feed_skipped == 3)
            restart(folder)
            client.set(LISTENED, b"")
            wait_for(lambda: predict() != "" and bool(client.exists(STREAM)))
            shipper.end()
        writer.close()


def test_busy_processors_are_left_to_others_for_a_while(ledger_url: str, tmp_path: Path) -> None:
    seed, writer = random.Random(4), Spool.open(tmp_path, SETTINGS)

    def predict() -> None:
        writer.add(making.frame(making.prediction(seed)))
        writer.flush()

    with ShipperProcess(tmp_path, ledger_url, patience_seconds=4):
        wait_for(lambda: status.read(tmp_path).running)
        with busy_processors():
            time.sleep(1)  # until that is seen
            predict()
            begin = time.monotonic()
            wait_for(lambda: count(ledger_url) == 1)
            assert time.monotonic() - begin > 2
            predict()
            wait_for(lambda: status.read(tmp_path).oldest_unshipped_seconds > 0.5)
            assert count(ledger_url) == 1
        wait_for(lambda: count(ledger_url) == 2)
    writer.close()


@contextmanager
def busy_processors() -> Iterator[None]:
    """All that this process may use are busy."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def test_damage_is_set_aside_and_the_rest_is_shipped(ledger_url: str, tmp_path: Path) -> None:
    writer = Writer(tmp_path, flushes=60, pause_seconds=0)
    acknowledged = writer.wait()
    (folder,) = folders.writers(folders.root(tmp_path))
    segment = folders.segments(folder)[0]
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    with segment.open("ab") as file:
        file.write(content[24:500])
    with ShipperProcess(tmp_path, ledger_url):
        wait_for(lambda: everything_is_shipped(tmp_path))
        wait_for(lambda: status.read(tmp_path).rejected == 1)
    stored = truth.ids(ledger_url)
    lost = set(acknowledged) - set(stored)
    assert 1 <= len(lost) <= 7  # one damaged frame, of one to seven predictions
    (rejected,) = (folders.root(tmp_path) / folders.REJECTED).iterdir()
    entry = json.loads(rejected.read_text())
    assert entry["reason"] == "damaged"
    truth.check_sums(ledger_url)


def test_what_cannot_become_a_row_is_set_aside_with_its_reason(ledger_url: str, tmp_path: Path) -> None:
    writer, seed = Spool.open(tmp_path, SETTINGS), random.Random(1)
    writer.add(Frame(model="m", operation="predict", answer=b'{"oops": 1}', request_id="r"))
    writer.add(making.frame(making.prediction(seed, created_at="yesterday evening")))
    writer.add(making.frame(making.prediction(seed)))
    writer.close()
    with ShipperProcess(tmp_path, ledger_url):
        wait_for(lambda: everything_is_shipped(tmp_path))
        wait_for(lambda: status.read(tmp_path).rejected == 2)
    assert count(ledger_url) == 1
    (rejected,) = (folders.root(tmp_path) / folders.REJECTED).iterdir()
    reasons = [json.loads(line)["reason"] for line in rejected.read_text().splitlines()]
    assert "prediction_id" in reasons[0]
    assert "timestamp" in reasons[1]


def test_on_sigterm_it_ships_what_is_there(ledger_url: str, tmp_path: Path) -> None:
    with ShipperProcess(tmp_path, ledger_url) as shipper:
        wait_for(lambda: status.read(tmp_path).running)
        acknowledged = Writer(tmp_path, flushes=200, pause_seconds=0).wait()
        assert shipper.end() == 0
    assert everything_is_shipped(tmp_path)
    check(ledger_url, acknowledged)


def test_it_ends_on_sigterm_while_postgresql_stands_still(servers: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder, urls = servers
    writer = Spool.open(tmp_path, SETTINGS)
    with ShipperProcess(tmp_path, urls["postgresql"]) as shipper:
        wait_for(lambda: status.read(tmp_path).running)
        server = server_processes(folder)["postgresql"]
        family = [server, *server.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            writer.add(making.frame(making.prediction(random.Random(1))))
            writer.flush()
            assert shipper.end() == 0
        finally:
            for process in family:
                process.resume()
    writer.close()
    assert not everything_is_shipped(tmp_path)


def test_only_one_shipper_works_and_the_next_one_takes_over(ledger_url: str, tmp_path: Path) -> None:
    seed = random.Random(1)
    writer = Spool.open(tmp_path, SETTINGS)
    with ShipperProcess(tmp_path, ledger_url) as first:
        wait_for(lambda: status.read(tmp_path).running)
        with ShipperProcess(tmp_path, ledger_url) as second:
            wait_for(lambda: b"another shipper" in second.log.read_bytes())
            writer.add(making.frame(making.prediction(seed)))
            writer.flush()
            wait_for(lambda: count(ledger_url) == 1)
            assert status.read(tmp_path).pid == first.process.pid
            first.kill()
            writer.add(making.frame(making.prediction(seed)))
            writer.close()
            wait_for(lambda: count(ledger_url) == 2)
            wait_for(lambda: status.read(tmp_path).pid == second.process.pid)


def test_it_ends_when_its_parent_is_killed(ledger_url: str, tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from ledger.configuration import from_json
from ledger.keeper import Keeper, configuration
keeper = Keeper(from_json(sys.argv[1].encode()))
keeper.start()
print(keeper.pid, flush=True)
time.sleep(60)
"""
    pid = os.getpid()
    told = to_json(Configuration(state_dir=tmp_path, database_url=ledger_url, parent_pid=pid))
    own = code.replace("keeper = Keeper(from_json(sys.argv[1].encode()))", _OWN)
    parent = subprocess.Popen([sys.executable, "-c", own, told.decode()], cwd=ROOT, stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        shipper = int(parent.stdout.readline())
        wait_for(lambda: status.read(tmp_path).running)
        parent.kill()
        wait_for(lambda: not status.read(tmp_path).running)
    assert shipper != parent.pid


_OWN = """
import msgspec, os
keeper = Keeper(msgspec.structs.replace(from_json(sys.argv[1].encode()), parent_pid=os.getpid()))
"""


def test_the_keeper_starts_a_dead_shipper_again_and_stops_it(ledger_url: str, tmp_path: Path) -> None:
    keeper = Keeper(Configuration(state_dir=tmp_path, database_url=ledger_url, parent_pid=os.getpid()))
    keeper.start()
    wait_for(lambda: status.read(tmp_path).running)
    first = keeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: keeper.pid not in {None, first})
    wait_for(lambda: status.read(tmp_path).pid == keeper.pid)
    acknowledged = Writer(tmp_path, flushes=50, pause_seconds=0).wait()
    keeper.stop()
    keeper.stop()
    assert keeper.pid is None
    assert not status.read(tmp_path).running
    check(ledger_url, acknowledged)


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false"])
def test_the_keeper_goes_on_trying_when_no_process_can_be_made_or_it_ends_at_once(
    ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, program: str
) -> None:
    monkeypatch.setattr("ledger.keeper.LONGEST_PAUSE_SECONDS", 1.0)
    long = {f"model-{number}": 30 for number in range(10_000)}  # more than a pipe holds: who does not read it breaks it
    given = Configuration(state_dir=tmp_path, database_url=ledger_url, parent_pid=os.getpid(), retention=long)
    keeper = Keeper(given)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", program)
        keeper.start()
        wait_for(lambda: len(_complaints(caplog)) >= 3)
        assert keeper.pid is None
    wait_for(lambda: status.read(tmp_path).running)
    keeper.stop()
    assert not status.read(tmp_path).running


def _complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [record.getMessage() for record in caplog.records]
    return [one for one in said if "shipper does not start" in one or "not told its configuration" in one]


def test_the_configuration_survives_its_journey() -> None:
    given = Configuration(state_dir=Path("/x y"), database_url="postgresql://a:b@c/d", retention={"fraud": 30})
    assert from_json(to_json(given)) == given


def test_the_shipper_is_told_every_setting_that_it_needs(tmp_path: Path) -> None:
    chosen = LedgerSettings(
        retention_days=1, retention={"fraud": 2}, hourly_rollup_days=3, daily_rollup_days=4, pending_outcome_days=5
    )
    told = configuration(StorageSettings(state_dir=tmp_path), chosen, Urls("postgresql://a/b", "redis://c"))
    assert (told.state_dir, told.database_url, told.redis_url) == (tmp_path, "postgresql://a/b", "redis://c")
    assert told.parent_pid == os.getpid()
    for name in set(type(chosen).model_fields) & set(Configuration.__struct_fields__):
        assert getattr(told, name) == getattr(chosen, name), name


def test_the_shipper_is_lean() -> None:
    heavy = ("sqlalchemy", "pydantic", "bentoml", "numpy")
    code = f"import sys, ledger.ship; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_writing_predictions_loads_nothing_heavy() -> None:
    heavy = ("pandas", "sklearn", "shap", "xgboost", "numba", "sqlalchemy")
    code = f"import sys, ledger.spool, ledger.commit; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_status_is_known_without_a_shipper(tmp_path: Path, settings: StorageSettings) -> None:
    assert status.read(tmp_path) == status.Status()
    writer = Spool.open(tmp_path, SETTINGS)
    writer.add(making.frame(making.prediction(random.Random(1))))
    writer.close()
    said = status.read(tmp_path)
    assert said.spool_bytes > 500
    assert said.oldest_unshipped_seconds > 0
    (folders.root(tmp_path) / status.FILE).write_bytes(b"\xff")
    assert status.read(tmp_path).spool_bytes == said.spool_bytes
