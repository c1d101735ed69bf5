"""Settings: where they come from, which one counts, and what is said about a wrong one."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest

from settings import FILE, ROOT, Settings, SettingsError, load

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
        f"serving.worker (from {file}): unknown setting",
        f"serving.max_nesting (from {file}): Input should be greater than or equal to 4",
        f"server (from {file}): unknown setting",
        f"logs.level (from {file}): Input should be 'debug', 'info', 'warning' or 'error'",
        "inference.threads (from TIFFIN_INFERENCE__THREADS): Input should be a valid integer",
        "logs.formats (from TIFFIN_LOGS__FORMATS__X): unknown setting",
        "storag (from TIFFIN_STORAG__STATE_DIR): unknown setting",
        "serving.ready_requires.1 (from TIFFIN_SERVING__READY_REQUIRES): Input should be",
        "logs.levels.serving (from TIFFIN_LOGS__LEVELS): Input should be",
    ):
        assert f"  {line}" in message
    assert len(message.splitlines()) == 10


def test_a_variable_that_replaces_a_mapping_is_named_for_what_is_wrong_in_it(tmp_path: Path) -> None:
    message = refused(written(tmp_path, "logs: {levels: {cli: info}}"), {"TIFFIN_LOGS__LEVELS": "{cli: loud}"})
    assert "logs.levels.cli (from TIFFIN_LOGS__LEVELS)" in message


def test_a_variable_does_not_hide_a_room_that_is_no_mapping(tmp_path: Path) -> None:
    file = written(tmp_path, "serving: 5")
    assert f"serving (from {file}): Input should be" in refused(file, {"TIFFIN_SERVING__WORKERS": "2"})


@pytest.mark.parametrize("content", [b"serving: [", b"- serving", b"text", b"\xff\xfe", b"a: &x [*x]"])
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


def test_settings_do_not_print_their_secrets() -> None:
    environment = {"DATABASE_URL": f"postgresql://tiffin:{SECRET}@db/tiffin", "REDIS_URL": f"redis://:{SECRET}@db"}
    settings = load(FILE, environment)
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.storage.redis_url)):
        assert SECRET not in text
