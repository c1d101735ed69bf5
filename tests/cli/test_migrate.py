"""`tiffin migrate`, and a start whose role may not do the same."""

from __future__ import annotations

import pytest

from cli.installation import set_up
from storage.errors import NewerDatabaseError
from storage.migrations import current, head, migrate
from storage.settings import StorageSettings
from tests.cli.conftest import Tiffin
from tests.storage.servers import execute


def test_it_brings_the_tables_up_to_date_and_says_where_they_are(tiffin: Tiffin, online: StorageSettings) -> None:
    assert online.database_url is not None
    for _ in range(2):
        ran = tiffin("migrate", "--json")
        assert (ran.code, ran.json) == (0, {"revision": head()})
        assert current(online.database_url.get_secret_value()) == head()


def test_a_start_whose_role_may_not_make_tables_goes_on_and_says_what_to_do(
    online: StorageSettings,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("models.catalogue", dict)
    ((name,),) = execute(database_url, "select current_database()")
    execute(database_url, f"create role {name}_reader")
    execute(database_url, f"alter role current_user in database {name} set role to {name}_reader")
    try:
        with set_up(None, as_json=False) as done:
            assert done.promoted == {}
        said = " ".join(capsys.readouterr().err.split())
        assert "permission denied" in said
        assert "`tiffin migrate`" in said
    finally:
        elsewhere = database_url.replace(f"/{name}?", "/postgres?")
        execute(elsewhere, f"alter role current_user in database {name} reset role")
        execute(elsewhere, f"drop role {name}_reader")


def test_a_database_of_a_newer_version_stops_a_start(
    online: StorageSettings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.catalogue", dict)
    migrate(database_url)
    execute(database_url, "update alembic_version set version_num = '9999'")
    with pytest.raises(NewerDatabaseError), set_up(None, as_json=False):
        pass
