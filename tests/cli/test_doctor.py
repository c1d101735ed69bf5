"""`tiffin doctor`: what it finds in installations that are well, and in ones that are not."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from cli.checks import environment
from cli.checks.finding import FAIL, OK, WARN
from cli.checks.servers import stale
from models.definition import Definition
from registry import store
from storage.settings import StorageSettings
from tests.cli.conftest import Ran, Tiffin
from tests.storage.servers import User, server_processes
from tests.training import small
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
