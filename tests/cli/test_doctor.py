"""`tiffin doctor`: what it finds in installations that are well, and in ones that are not."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.checks import environment, servers
from cli.checks.finding import FAIL, OK, WARN
from cli.checks.servers import stale
from models.definition import Definition
from registry import store
from registry.releases import Release
from serving.orphans import Orphan
from storage.settings import StorageSettings
from tests.cli.conftest import Ran, Tiffin
from tests.storage.servers import ROOT, User, server_processes
from tests.training import kinds, small
from training.train import train

PORT = "39171"


@pytest.fixture
def one_model(small_models: Mapping[str, Definition], monkeypatch: pytest.MonkeyPatch) -> store.Version:
    """A catalogue of `small` alone, with a version."""
    monkeypatch.setattr("models.catalogue", lambda: {"small": small.definition})
    found = store.versions(small.definition)
    return found[0] if found else train(small.definition, small.Given(small.frame(1500)))


def finding(ran: Ran, check: str) -> dict[str, Any]:
    """The one finding of that check."""
    (found,) = (entry for entry in ran.json["checks"] if entry["check"] == check)
    return dict(found)


def test_a_sound_installation_passes(
    tiffin: Tiffin, online: StorageSettings, one_model: store.Version, csv: str
) -> None:
    version = tiffin("train", "small", "--data", csv, "--json").json["trained"][0]["version"]
    ran = tiffin("doctor", "--port", PORT, "--json")
    assert ran.code == 0, ran.stdout
    assert ran.json["ok"]
    assert finding(ran, "model small")["found"] == f"{version} (champion) answers its example and explains"
    assert "version 18" in finding(ran, "PostgreSQL")["found"]
    assert finding(ran, "migrations")["status"] == OK
    assert "version " in finding(ran, "Redis")["found"]
    assert finding(ran, "port") == {"status": OK, "check": "port", "found": f"{PORT} is free", "remedy": ""}
    text = tiffin("doctor", "--port", PORT)
    assert "0 FAIL" in text.stdout
    assert str(environment.model_store()) in text.stdout


def test_every_failure_has_a_remedy_and_the_exit_code_is_1(
    tiffin: Tiffin, online: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:1")
    monkeypatch.setattr("models.catalogue", lambda: {"untrained": small.definition})
    monkeypatch.setattr(store, "_usable", lambda definition: iter(()))
    ran = tiffin("doctor", "--json")
    assert ran.code == 1
    assert finding(ran, "migrations")["found"].startswith("none, this code needs")
    assert finding(ran, "Redis")["status"] == finding(ran, "model small")["status"] == FAIL
    assert "`tiffin train small`" in finding(ran, "model small")["remedy"]
    assert all(entry["remedy"] for entry in ran.json["checks"] if entry["status"] != OK)
    assert "hunter2" not in ran.stdout + ran.stderr


def test_local_servers_that_do_not_run_are_no_fault(tiffin: Tiffin, offline: Path, one_model: store.Version) -> None:
    ran = tiffin("doctor", "--json", "--port", PORT)
    assert ran.code == 0, ran.stdout
    assert finding(ran, "PostgreSQL")["found"] == "a local server, not running; `tiffin serve` starts it"
    assert not offline.exists()


def test_it_changes_nothing_and_reports_nothing_to_the_outside(offline: Path, tmp_path: Path) -> None:
    """In a process of its own: this one's model store has been made long ago. ONNX Runtime's reports leave a file."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"ORT_DISABLE_TELEMETRY", "CI"}}
    environment = {**inherited, "BENTOML_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "cli.main", "doctor", "--json", "--port", PORT]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    (store_row,) = (entry for entry in json.loads(done.stdout)["checks"] if entry["check"] == "model store")
    assert "(made when it is needed)" in store_row["found"]
    assert list(tmp_path.iterdir()) == []


def test_a_model_store_that_cannot_be_made_is_one_failure_with_its_remedy(offline: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "BENTOML_HOME": str(tmp_path / "file" / "home")}
    command = [sys.executable, "-m", "cli.main", "doctor", "--json", "--port", PORT]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the check itself failed" not in done.stdout
    (store_row,) = (entry for entry in json.loads(done.stdout)["checks"] if entry["check"] == "model store")
    assert store_row["status"] == FAIL
    assert "BENTOML_HOME" in store_row["remedy"]


def keep_release(state: Path, champion: str) -> None:
    state.mkdir()
    release = Release(model="small", champion=champion, updated_at=datetime.now(UTC), updated_by="test")
    (state / "releases.json").write_text(json.dumps({"small": release.model_dump(mode="json")}))


def test_a_champion_that_is_not_here_is_one_row_whether_or_not_another_answers(
    tiffin: Tiffin, offline: Path, one_model: store.Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_release(offline, "small:gone")
    found = finding(tiffin("doctor", "--json"), "model small")
    assert found["status"] == WARN
    assert found["found"].startswith("there is no version 'small:gone' in the model store")
    assert found["found"].endswith("the newest, answers instead")
    monkeypatch.setattr(store, "_usable", lambda definition: iter(()))
    found = finding(tiffin("doctor", "--json"), "model small")
    assert found["status"] == FAIL
    assert found["found"].endswith("and no other version is usable")


def test_a_broken_copy_of_the_releases_is_a_row_and_nothing_else(
    tiffin: Tiffin, offline: Path, one_model: store.Version
) -> None:
    offline.mkdir()
    (offline / "releases.json").write_text('{"small": {"model": 3}}')
    ran = tiffin("doctor", "--json", "--port", PORT)
    assert (ran.code, ran.stderr) == (0, "")
    found = finding(ran, "last known releases")
    assert found["status"] == WARN
    assert "does not read: small.model: Input should be a valid string" in found["found"]


@pytest.mark.parametrize("version", ["12", "", "\0 rubbish"])
def test_data_of_another_postgresql_fails(
    tiffin: Tiffin, offline: Path, one_model: store.Version, version: str
) -> None:
    data = offline / "servers" / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text(version)
    found = finding(tiffin("doctor", "--json"), "PostgreSQL")
    assert found["status"] == FAIL
    assert "this is 18; move it away" in found["found"]


def test_a_broken_model_file_fails_and_is_named(
    tiffin: Tiffin, offline: Path, one_model: store.Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.broken", lambda: {"mine": "models/mine.py, line 7: ValueError: no"})
    ran = tiffin("doctor", "--json")
    assert finding(ran, "model mine")["found"] == "does not load: models/mine.py, line 7: ValueError: no"
    assert finding(ran, "model mine")["status"] == FAIL
    assert finding(ran, "model small")["status"] == OK


def test_a_port_that_an_orphan_holds_is_said_to_be_that(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        orphan = Orphan(psutil.Process(), "1")
        monkeypatch.setattr("serving.orphans.orphans", lambda: [orphan])
        (found,) = servers.port(held.getsockname()[1])
    assert found.status == WARN
    assert found.found.endswith(f"held by a worker whose server was killed: process {os.getpid()}")


def test_a_wrong_setting_does_not_keep_the_rest_from_being_checked(
    tiffin: Tiffin, one_model: store.Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIFFIN_SERVING__WORKERS", "none")
    ran = tiffin("doctor", "--json")
    assert ran.code == 1
    assert "serving.workers" in finding(ran, "settings")["found"]
    assert finding(ran, "Python")["status"] == OK
    assert finding(ran, "models")["status"] == WARN


def test_a_version_that_answers_wrongly_is_found(
    tiffin: Tiffin, offline: Path, one_model: store.Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.loaded.PARITY", -1.0)
    ran = tiffin("doctor", "--json")
    assert ran.code == 1
    assert "its example scores" in finding(ran, "model small")["found"]


def test_a_policy_that_fails_on_the_example_is_found_in_its_file(
    tiffin: Tiffin, offline: Path, one_model: store.Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = kinds.with_policy(small.definition, answer=lambda decided: {"part": 1 / 0})
    monkeypatch.setattr("models.catalogue", lambda: {"small": failing})
    found = finding(tiffin("doctor", "--json"), "model small")
    assert (found["status"], found["remedy"]) == (FAIL, "mend models/small.py")
    assert "its policy fails on the example: ZeroDivisionError" in found["found"]


def test_servers_left_by_a_killed_process_are_stale(state_dir: Path) -> None:
    with User(state_dir) as user:
        user.urls()
        (used,) = stale(state_dir)
        assert used.status == OK
        assert "in use" in used.found
        user.process.kill()
        user.process.wait()
    (left,) = stale(state_dir)
    assert left.status == WARN
    assert "left running by a killed process" in left.found
    pids = [str(process.pid) for process in server_processes(state_dir).values()]
    assert f"`kill -INT {' '.join(pids)}` ends them now" in left.remedy
    with User(state_dir) as user:
        user.urls()
        user.leave()
    assert server_processes(state_dir) == {}


def test_a_port_that_somebody_else_has_is_named(tiffin: Tiffin, offline: Path, one_model: store.Version) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        other.close()
    with socket.create_server(("127.0.0.1", port)):
        found = finding(tiffin("doctor", "--json", "--port", str(port)), "port")
    assert found["status"] == WARN
    assert f"port {port} on 127.0.0.1 is in use by process {os.getpid()}" in found["found"]


def test_installed_packages_are_held_against_the_lock_file(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("typer==0.0.1 \\\n    --hash=sha256:ab\nno-such-package==1.0 ; python_version >= '3.11'\n")
    lock.write_text(lock.read_text() + "pywin32==306 ; sys_platform == 'nothing'\n")
    missing, other = environment.packages(lock)
    assert (missing.status, missing.found) == (FAIL, "not installed: no-such-package")
    assert other.status == WARN
    assert "(locked 0.0.1)" in other.found
    lock.write_text(f"typer=={metadata.version('typer')}\n")
    (whole,) = environment.packages(lock)
    assert (whole.status, whole.found) == (OK, "1 as locked")
    (none,) = environment.packages(tmp_path / "nothing")
    assert none.status == WARN


def test_folders_and_disks_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [entry.status for entry in environment.writable("it", tmp_path / "a" / "b", "remedy")] == [OK]
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    assert [entry.status for entry in environment.writable("it", tmp_path / "file", "remedy")] == [FAIL]
    monkeypatch.setattr(environment, "NO_SPACE_GB", 1e9)
    assert [entry.status for entry in environment.disk_space({tmp_path, tmp_path / "a"})] == [FAIL]
