"""`tiffin serve`: its address, what it sets up, and one real server from its start to its end."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

import settings as configuration
from cli import installation
from cli.address import Address, address
from cli.champions import connected, record_first
from cli.errors import CommandError
from cli.events import NOTHING, is_to_be_filled
from cli.refusals import Refusals
from models import catalogue
from models.definition import Definition
from registry import store
from registry.releases import Releases
from storage.addresses import read_servers
from storage.local import LocalServers
from storage.local.process import alive
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.cli.conftest import Tiffin
from tests.serving.versions import trained
from tests.storage.servers import ROOT, execute, server_processes, wait_for
from tests.training import small
from training.train import train

START_SECONDS = 120.0
"""How long a start may take on a machine that is busy with other things; on an idle one it is some 6 s."""


@pytest.fixture(scope="module")
def versions() -> None:
    """A small version of every model that ships."""
    trained()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    state: Path, port: int, log: Path, *options: str, home: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`tiffin serve` in a process of its own, killed with its children if the test has not ended it.

    `home` is another BENTOML_HOME than that of the tests.
    """
    environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    if home is not None:
        environment["BENTOML_HOME"] = str(home)
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "cli.main", "serve", "--port", str(port), *options],
            cwd=ROOT,
            env={**environment, "TIFFIN_STORAGE__STATE_DIR": str(state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        family = [psutil.Process(process.pid)]
        try:
            yield process
        finally:
            if process.poll() is None:
                family += family[0].children(recursive=True)
                for member in family:
                    member.kill()


def fill(state: Path) -> None:
    """A few events in the embedded database, which a start would fill with sample data else: that takes 20 s."""
    with LocalServers(state) as servers:
        url = servers.start()["postgresql"]
        migrate(url)
        values = "('1', 'U1', now(), 'begin', 'monthly')"
        execute(url, f"insert into subscriptions (event_id, user_id, changed_at, change, plan) values {values}")


def answers(port: int, path: str) -> int:
    """The status of a GET; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def wait_until_ready(process: subprocess.Popen[str], port: int, log: Path) -> None:
    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        return answers(port, "/readyz") == 200

    wait_for(ready, seconds=START_SECONDS)


@pytest.mark.usefixtures("versions")
def test_it_sets_up_serves_and_leaves_no_process_behind(tmp_path: Path) -> None:
    state, port, log = tmp_path / "state", free_port(), tmp_path / "log"
    fill(state)
    with serving(state, port, log, "--json") as process:
        wait_until_ready(process, port, log)
        family = psutil.Process(process.pid).children(recursive=True)
        servers = server_processes(state)
        assert set(servers) == {"postgresql", "redis"}
        assert answers(port, "/v1/models") == 200
        released = execute(read_servers(state)["postgresql"], "select model, champion, updated_by from releases")
        (worker,) = (one for one in family if "_bentoml_impl.worker.service" in " ".join(one.cmdline()))
        worker.kill()
        said = f"worker process {worker.pid} ended (killed by SIGKILL); a new one starts"
        wait_for(lambda: said in log.read_text(), seconds=20)
        wait_until_ready(process, port, log)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, log.read_text()
    assert [member for member in [*family, *servers.values()] if alive(member)] == []
    assert not (state / "servers.json").exists()
    newest = {name: store.newest(definition).tag for name, definition in catalogue().items()}
    assert {row[0]: row[1] for row in released} == newest
    assert {row[2] for row in released} == {"tiffin serve"}
    url = f"http://127.0.0.1:{port}"
    assert json.loads(output) == {"url": url, "trained": [], "untrained": [], "promoted": newest}
    assert "started local postgresql" not in log.read_text()  # BentoML's supervisor found the servers running
    assert f"serving on {url}" in log.read_text()


@pytest.mark.usefixtures("versions")
def test_a_signal_during_the_set_up_ends_everything(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "log"
    with serving(state, free_port(), log) as process:
        wait_for(lambda: "postgresql" in server_processes(state), seconds=START_SECONDS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in {0, -signal.SIGTERM, 128 + signal.SIGTERM}
    wait_for(lambda: server_processes(state) == {})


def test_ctrl_c_during_the_set_up_is_one_line_and_130(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "log"
    with serving(state, free_port(), log, home=tmp_path / "home") as process:
        wait_for(lambda: "train what has no version yet" in log.read_text(), seconds=START_SECONDS)
        wait_for(lambda: any("train" in child.cmdline() for child in psutil.Process(process.pid).children()))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert log.read_text().count("interrupted") == 1
    assert log.read_text().endswith("interrupted; run it again to go on\n")
    wait_for(lambda: server_processes(state) == {})


def test_a_port_in_use_is_named_before_anything_is_started(tiffin: Tiffin, offline: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = tiffin("serve", "--port", str(port))
    assert ran.code == 1
    assert f"port {port} on 127.0.0.1 is in use by process {os.getpid()}" in ran.stderr
    assert "--port 3001" in ran.stderr
    assert not offline.exists()


def test_an_address_is_an_ip_address() -> None:
    assert address("localhost", 3000).url == "http://127.0.0.1:3000"
    assert Address("0.0.0.0", 80).url == "http://localhost:80"
    assert Address("::1", 80).url == "http://[::1]:80"
    with pytest.raises(CommandError, match=r"'example\.com' is not an IP address"):
        address("example.com", 3000)


def test_only_models_without_a_champion_get_one(online: StorageSettings, database_url: str) -> None:
    migrate(database_url)
    first = train(small.definition, small.Given(small.frame(1500)))
    train(small.definition, small.Given(small.frame(1500)))
    with connected(database_url, online) as engine:
        Releases(engine).promote("small", first.tag, "somebody", "it is better", expected=None)
        assert record_first(engine, [small.definition], by="tiffin serve") == {}
        assert Releases(engine).champion("small") == first.tag


def test_what_has_no_version_is_trained_and_what_cannot_be_is_said(
    online: StorageSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[list[str]] = [["small", "other"], ["other"]]
    ordered: list[list[str]] = []
    order: Callable[..., None] = lambda names, as_json: ordered.append(list(names))  # noqa: E731
    monkeypatch.setattr(installation, "definitions", dict)
    monkeypatch.setattr(installation, "_missing", lambda: answers.pop(0))
    monkeypatch.setattr(installation, "_train", order)
    monkeypatch.setenv("TIFFIN_SERVING__WORKERS", "1")
    with installation.set_up(3, as_json=True) as done:
        assert configuration.load().serving.workers == 3
        assert ordered == [["small", "other"]]
        assert done.as_json() == {"trained": ["small"], "untrained": ["other"], "promoted": {}}
    said = capsys.readouterr().err
    assert "model 'other' has no usable version and will not answer" in said
    assert "delete models/other.py if you do not want it" in said


def test_models_without_events_are_named_with_the_remedy_and_keep_no_other_from_being_trained(
    online: StorageSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    ordered = ordering(monkeypatch, {"churn": catalogue()["churn"], "small": small.definition})
    with installation.set_up(None, as_json=True) as done:
        assert ordered == [["small"]]
        assert done.untrained == ["churn", "small"]
    said = capsys.readouterr().err
    assert "model 'churn' has no usable version and will not answer: the database holds no events to learn from" in said
    for remedy in ("for each of users, activity", "`tiffin load SOURCE FILE`", "`tiffin sample`", "--data FILE"):
        assert remedy in said
    execute(database_url, "insert into users (event_id, user_id, changed_at) values ('1', 'U1', now())")
    with installation.set_up(None, as_json=True):
        assert ordered[1:] == [["churn", "small"]]


def test_a_database_that_does_not_answer_keeps_only_models_from_being_trained_that_learn_from_it(
    online: StorageSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/tiffin")
    ordered = ordering(monkeypatch, {"churn": catalogue()["churn"], "small": small.definition})
    with installation.set_up(None, as_json=True):
        assert ordered == [["small"]]
    assert "it learns from events in the database, which does not answer" in capsys.readouterr().err


def test_an_empty_embedded_database_is_filled_by_the_training_even_when_no_version_lacks(
    offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered = ordering(monkeypatch, {"churn": catalogue()["churn"]})
    with installation.set_up(None, as_json=True):
        assert ordered == [["churn"]]
    monkeypatch.setattr(installation, "_missing", list)
    with installation.set_up(None, as_json=True):
        assert ordered[1:] == [[]]
    fill(offline)
    with installation.set_up(None, as_json=True):
        assert len(ordered) == 2
    assert not is_to_be_filled(StorageSettings(), NOTHING, [small.definition]), "no model learns from events"


def ordering(monkeypatch: pytest.MonkeyPatch, models: dict[str, Definition]) -> list[list[str]]:
    """A catalogue of models without versions; the list of what is ordered to be trained, which nobody trains."""
    ordered: list[list[str]] = []
    monkeypatch.setattr(installation, "definitions", lambda: models)
    monkeypatch.setattr(installation, "_missing", lambda: list(models))
    monkeypatch.setattr(installation, "_train", lambda names, as_json: ordered.append(list(names)))
    monkeypatch.setattr(installation, "_prepare", lambda settings: {})
    return ordered


def test_a_training_that_was_refused_is_not_tried_again_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ordered: list[list[str]] = []
    order: Callable[..., None] = lambda names, as_json: ordered.append(list(names))  # noqa: E731
    known = {"small": small.definition}
    monkeypatch.setattr(installation, "definitions", lambda: known)
    monkeypatch.setattr(installation, "_missing", lambda: ["small"])
    monkeypatch.setattr(installation, "_train", order)
    monkeypatch.setattr(installation, "_prepare", lambda settings: {})
    settings = configuration.load(environment={"TIFFIN_STORAGE__STATE_DIR": str(tmp_path)})
    Refusals(tmp_path).add(small.definition)
    assert installation._complete(settings, as_json=False).untrained == ["small"]
    assert ordered == []
    assert "`tiffin train small` was refused, and nothing has changed since; delete" in capsys.readouterr().err
    known["small"] = dataclasses.replace(small.definition, gates=())
    installation._complete(settings, as_json=False)
    assert ordered == [["small"]]
    Refusals(tmp_path).drop(small.definition)
    assert not Refusals(tmp_path).stands(small.definition)
