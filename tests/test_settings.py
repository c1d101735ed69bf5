"""Settings: where they come from, which one counts, and what is said about a wrong one."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest

from settings import FILE, ROOT, Settings, SettingsError, load
from storage import state

NO_ENVIRONMENT: Mapping[str, str] = {}
SECRET = "hunter2"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    return file


def refused(file: Path, environment: Mapping[str, str] = NO_ENVIRONMENT) -> str:
    """The message about what is wrong; neither it nor its traceback may hold the secret."""
    with pytest.raises(SettingsError) as raised:
        load(file, environment)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    return str(raised.value)


def test_the_shipped_file_holds_the_defaults() -> None:
    assert load(FILE, NO_ENVIRONMENT) == load(Path("/dev/null"), NO_ENVIRONMENT)


def test_the_environment_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, "serving: {workers: 3, max_nesting: 9}\nlogs: {levels: {serving: debug, cli: error}}")
    settings = load(file, {"TIFFIN_SERVING__WORKERS": "5", "TIFFIN_LOGS__LEVELS__CLI": "warning"})
    assert (settings.serving.workers, settings.serving.max_nesting) == (5, 9)
    assert settings.logs.levels == {"serving": "debug", "cli": "warning"}
    assert settings.serving.max_batch_records == Settings().serving.max_batch_records


def test_a_variable_may_hold_a_list_or_a_mapping(tmp_path: Path) -> None:
    environment = {"TIFFIN_SERVING__READY_REQUIRES": "[redis]", "TIFFIN_LOGS__LEVELS": "{access: error}"}
    settings = load(written(tmp_path, "logs: {levels: {cli: error}}"), environment)
    assert settings.serving.ready_requires == ("redis",)
    assert settings.logs.levels == {"access": "error"}


def test_another_file_can_be_named_by_the_environment(tmp_path: Path) -> None:
    file = written(tmp_path, "serving: {workers: 7}")
    assert load(environment={"TIFFIN_CONFIGURATION": str(file)}).serving.workers == 7


@pytest.mark.parametrize("text", ["", "# nothing\n", "serving:\n", "{}"])
def test_an_empty_file_or_room_means_the_defaults(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text), NO_ENVIRONMENT) == load(FILE, NO_ENVIRONMENT)


def test_relative_folders_count_from_the_project(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "storage: {state_dir: elsewhere}\nlogs: {file: /var/log/t}"), NO_ENVIRONMENT)
    assert settings.storage.state_dir == ROOT / "elsewhere"
    assert settings.logs.file == Path("/var/log/t")
    assert load(FILE, NO_ENVIRONMENT).storage.state_dir == ROOT / ".tiffin"


def test_every_unknown_and_wrong_setting_is_named_at_once_with_its_source(tmp_path: Path) -> None:
    file = written(tmp_path, "serving: {worker: 2, max_nesting: 1}\nserver: {port: 1}\nlogs: {level: [info]}")
    environment = {
        "TIFFIN_INFERENCE__THREADS": "many",
        "TIFFIN_LOGS__FORMATS__X": "json",
        "TIFFIN_STORAG__STATE_DIR": "x",
        "TIFFIN_SERVING__READY_REQUIRES": "[models, luck]",
        "TIFFIN_LOGS__LEVELS": "{serving: loud}",
    }
    message = refused(file, environment)
    for line in (
        f"serving.worker (from {file}): unknown setting; did you mean serving.workers?",
        f"serving.max_nesting (from {file}): must be at least 4, not 1",
        f"server (from {file}): unknown setting",
        f"logs.level (from {file}): must be 'debug', 'info', 'warning' or 'error', not [\"info\"]",
        'inference.threads (from TIFFIN_INFERENCE__THREADS): must be a whole number, not "many"',
        "logs.formats (from TIFFIN_LOGS__FORMATS__X): unknown setting; did you mean logs.format?",
        "storag (from TIFFIN_STORAG__STATE_DIR): unknown setting; did you mean storage?",
        "serving.ready_requires.1 (from TIFFIN_SERVING__READY_REQUIRES): must be 'database', 'redis' or 'models', not",
        "logs.levels.serving (from TIFFIN_LOGS__LEVELS): must be 'debug', 'info', 'warning' or 'error', not \"loud\"",
    ):
        assert f"  {line}" in message
    assert len(message.splitlines()) == 10


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("serving: {workers: true}", "serving.workers (from {file}): must be a whole number, not true"),
        ("serving: {workers: '1'}", 'serving.workers (from {file}): must be a whole number, not "1"'),
        ("serving: {workers: 1.5}", "serving.workers (from {file}): must be a whole number, not 1.5"),
        ("serving: {fast_path: 1}", "serving.fast_path (from {file}): must be true or false, not 1"),
        (
            "serving: {shutdown_seconds: .inf}",
            "serving.shutdown_seconds (from {file}): must be a finite number, not inf",
        ),
        ("inference: {deadline_ms: .nan}", "inference.deadline_ms (from {file}): must be a finite number, not nan"),
        ("serving: {shutdown_seconds: 0}", "serving.shutdown_seconds (from {file}): must be more than 0, not 0"),
        (
            "inference: {initial_rows: 64, max_rows: 8}",
            "inference.initial_rows (from {file}): must be at most inference.max_rows, 8, not 64",
        ),
        (
            "serving: {ready_requires: models}",
            'serving.ready_requires (from {file}): must be a list, for example ["database", "models"], not "models"',
        ),
        (
            "logs: {levels: {servin: info}}",
            "logs.levels.servin (from {file}): no such name; it must be 'access', 'cli'",
        ),
        ("logs: {file: 3}", "logs.file (from {file}): must be text, not 3"),
        ("serving:\n  workers: 1\n  workers: 2", "'workers' stands twice\n  in "),
        ("serving: {}\nlogs: {}\nserving: {}", "'serving' stands twice\n  in "),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_what_it_must_be(tmp_path: Path, text: str, line: str) -> None:
    file = written(tmp_path, text)
    message = refused(file)
    assert line.format(file=file) in message
    assert "Input should" not in message


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("TIFFIN_SERVING_WORKERS", "TIFFIN_SERVING__WORKERS"),
        ("TIFFIN_WORKERS", "TIFFIN_SERVING__WORKERS"),
        ("tiffin_serving__workers", "TIFFIN_SERVING__WORKERS"),
        ("Tiffin_Workers", "TIFFIN_SERVING__WORKERS"),
        ("TIFFIN_STATE_DIR", "TIFFIN_STORAGE__STATE_DIR"),
        ("TIFFIN_FOO", ""),
        ("TIFFIN_PORT", ""),
    ],
)
def test_a_variable_that_is_no_setting_stops_the_start_with_the_nearest_name(variable: str, near: str) -> None:
    message = refused(FILE, {variable: "2"})
    expected = f"  {variable} (from the environment): unknown setting" + (f"; did you mean {near}?" if near else "")
    assert message.splitlines()[1:] == [expected]


def test_what_kubernetes_says_about_a_service_named_tiffin_is_no_setting() -> None:
    environment = {
        "TIFFIN_PORT": "tcp://10.0.0.1:3000",
        "TIFFIN_PORT_3000_TCP": "tcp://10.0.0.1:3000",
        "TIFFIN_PORT_3000_TCP_ADDR": "10.0.0.1",
        "TIFFIN_SERVICE_HOST": "10.0.0.1",
        "TIFFIN_SERVICE_PORT": "3000",
        "TIFFIN_SERVICE_PORT_HTTP": "3000",
        "TIFFIN_WORKER_SERVICE_HOST": "10.0.0.2",
        "TIFFIN_SUPERVISOR": "1",
    }
    assert load(FILE, environment) == load(FILE, NO_ENVIRONMENT)


def test_a_variable_that_replaces_a_mapping_is_named_for_what_is_wrong_in_it(tmp_path: Path) -> None:
    message = refused(written(tmp_path, "logs: {levels: {cli: info}}"), {"TIFFIN_LOGS__LEVELS": "{cli: loud}"})
    assert "logs.levels.cli (from TIFFIN_LOGS__LEVELS)" in message


def test_a_variable_does_not_hide_a_room_that_is_no_mapping(tmp_path: Path) -> None:
    file = written(tmp_path, "serving: 5")
    assert f"serving (from {file}): must be a mapping" in refused(file, {"TIFFIN_SERVING__WORKERS": "2"})


@pytest.mark.parametrize(
    "content", [b"serving: [", b"- serving", b"text", b"\xff\xfe", b"a: &x [*x]", b"a: &x {b: *x}", b"{[1]: 2}"]
)
def test_a_file_that_does_not_read_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "settings.yaml"
    file.write_bytes(content)
    assert str(file) in refused(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert f"cannot read {tmp_path / 'none'}" in refused(tmp_path / "none")
    assert "cannot read" in refused(tmp_path)


@pytest.mark.parametrize("variable", ["DATABASE_URL", "TIFFIN_STORAGE__DATABASE_URL"])
@pytest.mark.parametrize(
    "url",
    [
        f"mysql://tiffin:{SECRET}@db/tiffin",
        f"postgresql://tiffin:{SECRET}",
        f"{SECRET}",
        f"postgresql://a:{SECRET}@h:x/d",
    ],
)
def test_a_refused_url_is_named_by_its_variable_and_never_shown(tmp_path: Path, variable: str, url: str) -> None:
    message = refused(written(tmp_path, ""), {variable: url, "REDIS_URL": f"ftp://:{SECRET}@r"})
    assert f"storage.database_url (from {variable})" in message
    assert "storage.redis_url (from REDIS_URL)" in message


def test_a_variable_that_is_not_yaml_is_named_and_never_shown(tmp_path: Path) -> None:
    environment = {"TIFFIN_STORAGE__REDIS_URL": f"@{SECRET}: ["}
    assert "TIFFIN_STORAGE__REDIS_URL is not YAML" in refused(written(tmp_path, ""), environment)


def test_a_secret_in_the_file_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, f"storage: {{database_url: 'postgresql://tiffin:{SECRET}@db/tiffin'}}")
    assert "set DATABASE_URL or DATABASE_URL_FILE" in refused(file)


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    url = f"postgresql://tiffin:{SECRET}@db/tiffin"
    (tmp_path / "secret").write_text(f"{url}\n")
    settings = load(FILE, {"DATABASE_URL_FILE": str(tmp_path / "secret")})
    assert settings.storage.database_url is not None
    assert settings.storage.database_url.get_secret_value() == url
    assert "DATABASE_URL_FILE names" in refused(FILE, {"DATABASE_URL_FILE": str(tmp_path / "none")})
    (tmp_path / "secret").write_text(f"mysql://{SECRET}")
    assert "storage.database_url (from DATABASE_URL_FILE)" in refused(
        FILE, {"DATABASE_URL_FILE": str(tmp_path / "secret")}
    )
    (tmp_path / "secret").write_bytes(b"\xff" + SECRET.encode())
    assert "not UTF-8" in refused(FILE, {"DATABASE_URL_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize("other", ["DATABASE_URL_FILE", "TIFFIN_STORAGE__DATABASE_URL"])
def test_a_secret_that_is_given_twice_is_refused(other: str) -> None:
    message = refused(FILE, {"DATABASE_URL": f"postgresql://t:{SECRET}@db/t", other: f"postgresql://t:{SECRET}@db2/t"})
    assert f"DATABASE_URL and {other} are both set" in message
    assert load(FILE, {"DATABASE_URL": "postgresql://db/t", other: ""}).storage.database_url is not None


def test_state_lies_in_the_checkout_but_never_in_a_bento(tmp_path: Path) -> None:
    checkout, bento = tmp_path / "checkout", tmp_path / "bentos" / "tiffin" / "abc" / "src"
    for folder in (checkout, bento):
        folder.mkdir(parents=True)
    (bento.parent / "bento.yaml").touch()
    assert state.default_folder(checkout, NO_ENVIRONMENT) == checkout / ".tiffin"
    assert state.default_folder(bento, {"XDG_STATE_HOME": "/state"}) == Path("/state/tiffin")
    for environment in (NO_ENVIRONMENT, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "not/absolute"}):
        assert state.default_folder(bento, environment) == Path.home() / ".local/state/tiffin"
    assert state.home(bento, {"XDG_STATE_HOME": "/state"}) == Path("/state/tiffin")


def test_state_lies_elsewhere_when_the_code_may_not_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root, as whom tests may run, may write anywhere
    assert state.default_folder(tmp_path, {"XDG_STATE_HOME": "/state"}) == Path("/state/tiffin")


def test_settings_do_not_print_their_secrets() -> None:
    environment = {"DATABASE_URL": f"postgresql://tiffin:{SECRET}@db/tiffin", "REDIS_URL": f"redis://:{SECRET}@db"}
    settings = load(FILE, environment)
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.storage.redis_url)):
        assert SECRET not in text
