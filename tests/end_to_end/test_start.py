"""A wrong setting stops the start, before anything else is started."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.server import STOP_SECONDS, Server
from tests.serving.versions import store
from tests.storage.servers import server_processes

WRONG = {
    "TIFFIN_SERVING__WORKERS": "none",
    "TIFFIN_SERVNG__WORKERS": "2",
    "TIFFIN_WORKERS": "2",
    "DATABASE_URL": "mysql://tiffin:hunter2@db/tiffin",
    "TIFFIN_LOGS__LEVELS": "{serving: loud}",
    "TIFFIN_SERVING__READY_REQUIRES": "[models, luck]",
}


def test_wrong_settings_stop_the_start_with_a_message_that_names_each(tmp_path: Path) -> None:
    with Server(tmp_path, home=store(), settings=WRONG) as server:
        assert server.process.wait(STOP_SECONDS) != 0
    said = server.log.read_text()
    assert "TIFFIN_WORKERS (from the environment): unknown setting" in said
    for variable in WRONG.keys() - {"TIFFIN_WORKERS"}:
        assert f"from {variable}" in said
    for setting in (
        "serving.workers",
        "servng",
        "storage.database_url",
        "logs.levels.serving",
        "serving.ready_requires.1",
    ):
        assert f"  {setting} " in said
    assert "hunter2" not in said
    assert not server_processes(server.state_dir)
