"""The rooms and what each may import; the README's tree."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from settings import Settings

ROOT = Path(__file__).parent.parent
GROUND = {"models", "storage"}
MAY_IMPORT: dict[str, set[str]] = {
    "models": set(),
    "storage": set(),
    "features": GROUND,
    "registry": GROUND,
    "ledger": GROUND,
    "training": GROUND | {"features", "registry"},
    "inference": {"models", "registry"},
    "monitoring": GROUND | {"registry", "ledger"},
    "serving": GROUND | {"features", "registry", "inference", "ledger", "monitoring"},
}
TOP = {"service", "settings", "cli", "tests", "benchmarks"}
ROOMS = sorted(room for room in MAY_IMPORT if (ROOT / room).is_dir())


def imports(file: Path) -> Iterator[str]:
    """The first part of every absolute import in the file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            assert node.module is not None
            yield node.module.split(".")[0]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    ours = set(MAY_IMPORT) | TOP
    for file in (ROOT / room).rglob("*.py"):
        strangers = {name for name in imports(file) if name in ours} - MAY_IMPORT[room] - {room}
        assert not strangers, f"{file.relative_to(ROOT)} imports {', '.join(sorted(strangers))}"


def test_every_folder_with_python_is_a_room_or_stands_at_the_top() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders <= set(MAY_IMPORT) | TOP


ONLY_TRAINING = ("pandas", "sklearn", "shap", "xgboost", "numba", "llvmlite", "onnx")
ONLY_WORKERS = ("onnxruntime", "sqlalchemy", "fastapi", "aiohttp", "redis")


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        ("service", ONLY_TRAINING + ONLY_WORKERS),
        ("service, serving.assembly, serving.application, serving.management", ONLY_TRAINING),
    ],
    ids=["supervisor", "worker"],
)
def test_a_process_starts_without_the_libraries_that_only_others_need(modules: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, {modules}; print(sorted(set({unwanted!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_service_reports_nothing_to_the_outside() -> None:
    variables = ("BENTOML_DO_NOT_TRACK", "ORT_DISABLE_TELEMETRY")
    environment = {name: value for name, value in os.environ.items() if name not in variables}
    code = f"import os, service; print([os.environ[name] for name in {variables}])"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "['True', '1']", done.stdout + done.stderr


def test_the_readme_shows_the_tree_as_it_is() -> None:
    block = re.search(r"```\n(\S+/ .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None, "the README has no tree"
    shown = {line.split()[0].rstrip("/") for line in block.group(1).splitlines() if line.strip()}
    hidden = re.compile(r"\.|__pycache__|.*\.egg-info|requirements.*|build$|dist$")
    there = {path.name for path in ROOT.iterdir() if not hidden.match(path.name) and not _empty(path)}
    assert shown == there


def _empty(path: Path) -> bool:
    """Folders that git would not keep."""
    return path.is_dir() and not any(file.is_file() and "__pycache__" not in file.parts for file in path.rglob("*"))


def test_configuration_yaml_lists_every_setting_with_a_comment() -> None:
    text = (ROOT / "configuration.yaml").read_text()
    for room, part in Settings.model_fields.items():
        assert isinstance(part.annotation, type)
        assert issubclass(part.annotation, BaseModel)
        listed = yaml.safe_load(text)[room]
        assert set(listed) == set(part.annotation.model_fields), room
        for name in listed:
            assert re.search(rf"^  {name}: .*  # .", text, re.MULTILINE), f"{room}.{name} has no comment"
