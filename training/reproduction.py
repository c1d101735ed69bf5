"""All it takes to train a version again."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from models.definition import Definition
from registry.details import Reproduction

DISTRIBUTIONS = ("xgboost-cpu", "numpy", "pandas", "scikit-learn", "onnx", "onnxruntime", "bentoml")
ROOT = Path(__file__).resolve().parent.parent


def reproduction(definition: Definition, arguments: Sequence[str]) -> Reproduction:
    """The facts about this code, this environment and this call. `arguments` follow `tiffin train NAME`."""
    return Reproduction(
        seed=definition.recipe.seed,
        commit=commit(ROOT),
        recipe=asdict(definition.recipe),
        libraries=libraries(),
        command=shlex.join(("tiffin", "train", definition.name, *arguments)),
    )


@cache
def libraries() -> dict[str, str]:
    """Name -> version of Python and of every library that a version's numbers depend on."""
    return {"python": platform.python_version()} | {
        name.removesuffix("-cpu"): importlib.metadata.version(name) for name in DISTRIBUTIONS
    }


def commit(folder: Path) -> str:
    """The Git commit that `folder` is at; "+dirty" follows when files were changed, "unknown" outside a repository."""
    try:
        head = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{head}+dirty" if changed else head


def _git(folder: Path, *arguments: str) -> str:
    command = ("git", "-C", str(folder), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
