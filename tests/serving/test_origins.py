"""Pages of other sites, which any visitor's browser opens, may neither change anything nor listen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from models import catalogue
from serving.origins import Origins
from serving.settings import ServingSettings
from storage.settings import StorageSettings
from tests.serving.apps import App, Parts
from tests.serving.versions import trained

DASHBOARD = "https://dashboard.example"
EVIL = "https://evil.example"


@pytest.fixture(scope="module")
def own(settings: StorageSettings) -> Iterator[Mapping[str, App]]:
    def parts(*, fast_path: bool) -> Parts:
        serving = ServingSettings(fast_path=fast_path, allowed_origins=(DASHBOARD,))
        return Parts(storage=settings, versions=dict(trained()), serving=serving, definitions=catalogue())

    with App(parts(fast_path=True)) as fast, App(parts(fast_path=False)) as slow:
        yield {"fast": fast, "slow": slow}


@pytest.mark.parametrize(
    ("origin", "host", "fits"),
    [
        (b"", b"tiffin", True),
        (b"http://localhost:3000", b"localhost:3000", True),
        (b"https://Tiffin.example", b"tiffin.example:443", True),
        (b"http://tiffin.example:80", b"tiffin.example", True),
        (b"http://[::1]:3000", b"[::1]:3000", True),
        (b"https://dashboard.example", b"tiffin", True),
        (b"http://localhost:3001", b"localhost:3000", False),
        (b"http://localhost:3000.evil.example", b"localhost:3000", False),
        (b"https://evil.example", b"tiffin", False),
        (b"null", b"tiffin", False),
        (b"null", b"", False),
        (b"http://", b"", False),
        (b"\xff\x00", b"tiffin", False),
    ],
)
def test_only_its_own_site_and_those_that_are_listed_fit(origin: bytes, host: bytes, fits: bool) -> None:
    assert (Origins([DASHBOARD]).unfit(origin, host) is None) == fits


@pytest.mark.parametrize("way", ["fast", "slow"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/fraud/predict", {"record": {}}),
        ("/v1/models/nothing/predict", {"record": {}}),
        ("/v1/events/customers", {"event_id": 1}),
        ("/v1/outcomes", {"outcome": True}),
        ("/v1/admin/purge", {}),
    ],
)
def test_what_a_foreign_page_sends_is_refused_before_it_is_read(
    own: Mapping[str, App], way: str, path: str, body: Any
) -> None:
    refused = own[way].post(path, body, {"Origin": EVIL, "Content-Type": "", "X-Request-ID": "page"})
    assert (refused.status_code, refused.json()["code"]) == (403, "foreign_origin")
    assert refused.json()["request_id"] == refused.headers["x-request-id"] == "page"
    for fitting in ({}, {"Origin": "http://tiffin"}, {"Origin": DASHBOARD}):
        assert own[way].post(path, body, fitting).status_code in (404, 422)


def test_what_changes_nothing_may_be_asked_for_from_anywhere(own: Mapping[str, App]) -> None:
    for path in ("/v1/models", "/livez", "/docs"):
        assert own["fast"].request("GET", path, headers={"Origin": EVIL}).status_code == 200


@pytest.mark.parametrize(("origin", "status"), [(EVIL, 403), (DASHBOARD, 101), ("http://tiffin", 101), (None, 101)])
def test_a_foreign_page_does_not_listen(own: Mapping[str, App], origin: str | None, status: int) -> None:
    assert own["fast"]._runner.run(_open_stream(own["fast"], origin)) == status


async def _open_stream(app: App, origin: str | None) -> int:
    """The status that a WebSocket is answered with; the client goes away at once."""
    said: asyncio.Queue[Any] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    headers = [(b"host", b"tiffin")] + ([(b"origin", origin.encode())] if origin else [])
    scope = {
        "type": "websocket",
        "path": "/v1/stream",
        "query_string": b"",
        "headers": headers,
        "extensions": {"websocket.http.response": {}},
    }
    task = asyncio.create_task(app._asgi(scope, said.get, heard.put))
    async with asyncio.timeout(20):
        first = await heard.get()
        await said.put({"type": "websocket.disconnect", "code": 1001})
        await task
    return 101 if first["type"] == "websocket.accept" else int(first["status"])
