"""Settings and URLs: what is accepted, and that no password is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from storage import Urls, urls
from storage.addresses import redact
from storage.errors import StorageUnavailableError
from storage.settings import StorageSettings

SECRET = "hunter2"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_the_usual_postgresql_schemes_mean_the_same(scheme: str) -> None:
    settings = StorageSettings.model_validate({"database_url": f"{scheme}://tiffin:{SECRET}@db:5432/tiffin"})
    assert settings.database_url
    assert settings.database_url.get_secret_value() == f"postgresql://tiffin:{SECRET}@db:5432/tiffin"


@pytest.mark.parametrize(
    ("field", "url", "message"),
    [
        ("database_url", f"mysql://tiffin:{SECRET}@db/tiffin", "postgresql://"),
        ("database_url", f"postgresql+asyncpg://tiffin:{SECRET}@db/tiffin", "postgresql://"),
        ("database_url", f"tiffin:{SECRET}@db/tiffin", "postgresql://"),
        ("database_url", f"postgresql://tiffin:{SECRET}/x@db/tiffin", "percent-encoded"),
        ("database_url", f"postgresql://tiffin:{SECRET}@/tiffin", "names no host"),
        ("database_url", f"postgresql://tiffin:{SECRET}@db", "names no database"),
        ("redis_url", f"http://:{SECRET}@cache", "redis://"),
        ("redis_url", f"redis://:{SECRET}#x@cache:6379", "percent-encoded"),
        ("redis_url", f"redis://:{SECRET}@", "names no host"),
        ("redis_url", f"unix://:{SECRET}@", "names no socket"),
    ],
)
def test_wrong_urls_are_refused_without_showing_the_password(field: str, url: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        StorageSettings.model_validate({field: url})
    assert field in str(caught.value)
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)


def test_settings_and_urls_do_not_show_the_password() -> None:
    settings = StorageSettings.model_validate(
        {"database_url": f"postgresql://tiffin:{SECRET}@db/tiffin", "redis_url": f"redis://:{SECRET}@cache"}
    )
    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()
    assert SECRET not in repr(urls(settings))


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="databse_url"):
        StorageSettings.model_validate({"databse_url": "postgresql://db/tiffin"})


def test_every_setting_is_described_and_has_a_default() -> None:
    for name, field in StorageSettings.model_fields.items():
        assert field.description, name
        assert not field.is_required(), name
        if name.endswith("_seconds"):
            assert "seconds" in field.description, name


def test_urls_of_the_settings_need_no_local_server(tmp_path: Path) -> None:
    settings = StorageSettings.model_validate(
        {"database_url": "postgres://db/tiffin", "redis_url": "redis://cache", "state_dir": tmp_path}
    )
    assert urls(settings) == Urls(database="postgresql://db/tiffin", redis="redis://cache")


def test_without_url_and_local_server_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError, match="DATABASE_URL") as caught:
        urls(StorageSettings(state_dir=tmp_path))
    assert caught.value.dependency == "postgresql"
    with pytest.raises(StorageUnavailableError, match="REDIS_URL"):
        urls(StorageSettings.model_validate({"state_dir": tmp_path, "database_url": "postgres://db/tiffin"}))


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://u:p%40ss@db/x", "p@ss and p%40ss"),
        ("unix:///redis.sock?password=p@ss", "p@ss and p@ss"),
        ("postgresql://db/x?password=p%40ss", "p@ss and p@ss"),
    ],
)
def test_passwords_are_cut_out_of_texts_in_every_form(url: str, text: str) -> None:
    assert redact(text, url) == "*** and ***"
