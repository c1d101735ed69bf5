"""What importing this room costs a serving worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.storage.servers import ROOT

HEAVY = {"pandas", "numpy", "pyarrow", "sqlalchemy", "sklearn"}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [("features.online", set()), ("features.settings", set()), ("features.events", {"sqlalchemy"})],
)
def test_a_module_loads_only_what_it_needs(module: str, allowed: set[str]) -> None:
    script = f"import json, sys, {module}; print(json.dumps(list(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, check=True)
    assert HEAVY & set(json.loads(done.stdout)) <= allowed
