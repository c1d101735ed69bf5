"""A server's life: started with nothing to serve, given versions, told to stop in the middle of work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bentoml
import pytest
from bentoml._internal.models import ModelStore

from models import catalogue
from tests.end_to_end.connection import Connection, request
from tests.end_to_end.load import Load
from tests.end_to_end.server import Server
from tests.serving.versions import trained
from tests.storage.servers import wait_for

PREDICT = "/v1/models/fraud/predict"
BODY = {"record": catalogue()["fraud"].schema.example}
MODELS = list(catalogue())
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BENTOML_HOME without any model."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Iterator[Server]:
    """One worker that has found no model at its start."""
    settings = {"TIFFIN_SERVING__DRAIN_SECONDS": "1.5", "TIFFIN_SERVING__SHUTDOWN_SECONDS": "2"}
    with Server(tmp_path_factory.mktemp("server"), home=home, settings=settings) as server:
        server.wait_for_status("/livez", 200)
        yield server


def give_versions(home: Path, folder: Path) -> None:
    """Put the trained versions into the store of `home`, as `bentoml models import` does."""
    folder.mkdir(exist_ok=True)
    store = ModelStore(str(home / "models"))
    for version in trained().values():
        exported = bentoml.models.export_model(version.tag, str(folder))
        bentoml.models.import_model(exported, _model_store=store)


def test_a_server_without_models_is_alive_but_not_ready_and_says_why(server: Server) -> None:
    assert server.status("/livez") == server.status("/healthz") == 200
    answer = server.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert answer.elapsed.total_seconds() < 2
    assert answer.headers["retry-after"] == "1"
    for name in MODELS:
        assert f"model {name}: " in answer.json()["detail"]
        assert f"tiffin train {name}" in answer.json()["detail"]


def test_a_model_without_a_version_is_refused_as_unavailable_and_shown_as_such(server: Server) -> None:
    answer = server.post(PREDICT, BODY)
    assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
    assert answer.json()["retry_after"] == float(answer.headers["retry-after"])
    assert {item["status"] for item in server.get("/v1/models").json()["items"]} == {"unavailable"}
    health = server.get("/v1/health").json()
    assert health["status"] == "down"
    assert len(health["reasons"]) == len(MODELS)


def test_a_stored_version_is_served_within_seconds_without_a_restart(
    server: Server, home: Path, tmp_path: Path
) -> None:
    worker = server.workers()[0].pid
    give_versions(home, tmp_path)
    server.wait_for_status("/readyz", 200, seconds=25)  # with the first of them; the others may still be copied
    wait_for(lambda: server.get("/v1/health").json()["status"] == "ok", seconds=25)
    assert server.post(PREDICT, BODY).json()["version"] == trained()["fraud"].tag
    assert [process.pid for process in server.workers()] == [worker]


def refuses(server: Server) -> bool:
    """Whether a new connection is refused; one that is taken must be answered."""
    try:
        with Connection(server.port) as connection:
            return connection.ask("/livez", method="GET").status != 200
    except ConnectionRefusedError:
        return True
    except (AssertionError, ConnectionError):  # taken in the moment between
        return False


def test_two_workers_that_stop_refuse_new_connections_while_a_slow_one_holds_them(home: Path, tmp_path: Path) -> None:
    settings = {"TIFFIN_SERVING__WORKERS": "2", "TIFFIN_SERVING__DRAIN_SECONDS": "0.5"}
    with Server(tmp_path, home=home, settings=settings) as server:
        server.wait_for_status("/livez", 200)
        wait_for(lambda: server.log.read_text().count("Completed async startup hook") >= 2, seconds=60)
        with Connection(server.port) as stalled:
            stalled.send(request(PREDICT, BODY)[:-10])
            server.terminate()
            wait_for(lambda: refuses(server), seconds=4)
            assert server.process.poll() is None, "nobody holds it any more: this shows nothing"
            for _ in range(20):
                assert refuses(server)
            answer = stalled.receive()
            assert (answer.status, answer.json()["code"]) == (503, "overloaded")
            assert stalled.ended()
        assert server.wait_until_gone() < 5


def test_a_worker_that_is_told_to_stop_alone_takes_nothing_from_the_others(home: Path, tmp_path: Path) -> None:
    with Server(tmp_path, home=home, settings={"TIFFIN_SERVING__WORKERS": "2"}) as server:
        wait_for(lambda: server.log.read_text().count("Completed async startup hook") >= 2, seconds=60)
        gone = server.workers()[0]
        gone.terminate()
        while gone in server.workers():
            assert not refuses(server)
        wait_for(lambda: len(server.workers()) == 2, seconds=20)
        wait_for(lambda: server.log.read_text().count("Completed async startup hook") >= 3, seconds=60)
        for worker in server.workers():
            worker.terminate()
        wait_for(lambda: refuses(server))
        wait_for(lambda: server.log.read_text().count("Completed async startup hook") >= 5, seconds=60)
        wait_for(lambda: server.status("/livez") == 200)


def test_a_server_that_is_told_to_stop_answers_everything_it_has_taken_and_leaves_nothing_behind(
    server: Server, home: Path, tmp_path: Path
) -> None:
    if server.status("/readyz") != 200:
        give_versions(home, tmp_path)
        wait_for(lambda: server.get("/v1/health").json()["status"] == "ok", seconds=60)
    with (
        Connection(server.port) as stalled,
        Connection(server.port) as idle,
        Load(server.url, PREDICT, BODY) as kept,
        Load(server.url, PREDICT, BODY, keep_alive=False) as short,
    ):
        stalled.send(request(PREDICT, BODY)[:-10])
        assert idle.ask("/livez", method="GET").status == 200
        wait_for(lambda: kept.answered > 20 and short.answered > 20)
        server.terminate()
        wait_for(lambda: server.status("/readyz") == 503)
        for load in (kept, short):
            load.stop()
        assert server.status("/livez") == 200
        last = server.post(PREDICT, BODY)
        assert (last.status_code, last.headers["connection"]) == (200, "close")
        wait_for(lambda: refuses(server))
        assert server.process.poll() is None
        assert server.wait_until_gone() < 10
        assert stalled.receive().status == 503
        assert stalled.ended()
    assert set(kept.counts) == set(short.counts) == {200}, (kept.counts, short.counts)
