"""PostgreSQL and Redis that are there and do not do what they should: nothing hangs, nothing is lost, and it passes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from features.sample import SMALL, load_sample
from models import catalogue
from storage.addresses import read_servers
from storage.database import open_engine
from storage.local import LocalServers
from storage.migrations import migrate
from storage.settings import StorageSettings
from tests.end_to_end.proxy import Fault, Proxy
from tests.end_to_end.server import Server
from tests.serving.versions import store, trained
from tests.storage.servers import execute, wait_for

RETURN_SECONDS = 5.0
LONGEST_SECONDS = 12.0
"""The longest deadline, that of questions to the ledger, and what a busy machine adds."""
RECORD = {"record": catalogue()["fraud"].schema.example}


@dataclass
class Site:
    """A server with PostgreSQL and Redis behind proxies."""

    server: Server
    database: Proxy
    cache: Proxy
    url: str
    customers: list[str]
    asked: int = 0

    def new_customer(self) -> dict[str, str]:
        self.asked += 1
        return {"customer_id": self.customers[self.asked % len(self.customers)]}

    def ask(self) -> dict[str, httpx.Response]:
        """Everything that there is to ask, at once."""
        get, post = self.server.get, self.server.post
        new, known = self.new_customer(), {"customer_id": self.customers[0]}
        questions: dict[str, tuple[Any, tuple[Any, ...]]] = {
            "record": (post, ("/v1/models/fraud/predict", RECORD)),
            "known": (post, ("/v1/models/delinquency/predict", {"entity": known})),
            "new": (post, ("/v1/models/delinquency/predict", {"entity": new})),
            "batch": (post, ("/v1/models/delinquency/batch", {"entities": [known, self.new_customer()]})),
            "history": (get, (f"/v1/entities/{self.customers[0]}/history",)),
            "stats": (get, ("/v1/models/fraud/stats",)),
            "event": (post, ("/v1/events/payments", {**PAYMENT, "event_id": f"pay-{self.asked}-{time.time_ns()}"})),
            "outcome": (post, ("/v1/outcomes", {"prediction_id": ANYTHING, "outcome": True})),
            "ready": (get, ("/readyz",)),
            "health": (get, ("/v1/health",)),
            "metrics": (get, ("/metrics",)),
        }
        with ThreadPoolExecutor(len(questions)) as pool:
            asked = {name: pool.submit(ask, *given) for name, (ask, given) in questions.items()}
            return {name: answer.result() for name, answer in asked.items()}

    def statuses(self) -> dict[str, int]:
        """After a look at each answer: none came too late, says too much, or is no problem document."""
        found = self.ask()
        for name, answer in found.items():
            assert answer.elapsed.total_seconds() < LONGEST_SECONDS, name
            assert "Traceback" not in answer.text
            assert str(self.server.state_dir) not in answer.text
            if answer.status_code != 200:
                assert answer.headers["content-type"] == "application/problem+json", name
        return {name: answer.status_code for name, answer in found.items()}

    def is_well(self) -> bool:
        return set(self.statuses().values()) == {200}


PAYMENT = {
    "customer_id": "nobody",
    "instalment_id": "nobody-1",
    "paid_at": "2026-03-01T09:30:00Z",
    "amount": 1.0,
}
ANYTHING = "01a1ff41-bb42-7001-8cdc-faa5cecfc329"
ASIDE = ("record", "known", "health", "metrics")
"""What works without PostgreSQL."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    trained()
    folder = tmp_path_factory.mktemp("faults")
    with LocalServers(folder / "behind"):
        urls = read_servers(folder / "behind")
        migrate(urls["postgresql"])
        engine = open_engine(urls["postgresql"], StorageSettings())
        load_sample(engine, size=SMALL)
        engine.dispose()
        customers = [str(one) for (one,) in execute(urls["postgresql"], "select distinct customer_id from customers")]
        database, cache = urlsplit(urls["postgresql"]), urlsplit(urls["redis"])
        socket = f"{parse_qs(database.query)['host'][0]}/.s.PGSQL.5432"
        with Proxy(socket) as to_database, Proxy(cache.path) as to_cache:
            settings = {
                "DATABASE_URL": f"postgresql://{database.username}@127.0.0.1:{to_database.port}{database.path}",
                "REDIS_URL": f"redis://:{cache.password}@127.0.0.1:{to_cache.port}/0",
                "TIFFIN_SERVING__WORKERS": "2",
            }
            (folder / "server").mkdir()
            with Server(folder / "server", home=store(), settings=settings) as server:
                server.wait_until_ready()
                found = Site(server, to_database, to_cache, urls["postgresql"], sorted(customers))
                wait_for(found.is_well)
                yield found


def is_stored(site: Site, answer: httpx.Response) -> None:
    """The prediction arrives in the ledger, soon after the fault has ended."""
    path = f"/v1/predictions/{answer.json()['prediction_id']}"
    site.server.wait_for_status(path, 200, seconds=RETURN_SECONDS)


@pytest.mark.parametrize("fault", ["frozen", "slow", "cut", "nonsense"])
def test_a_database_that_fails_in_its_own_way_stops_only_what_needs_it(site: Site, fault: Fault) -> None:
    with site.database.fault(fault):
        site.server.wait_for_status("/readyz", 503, seconds=10)
        made = site.server.post("/v1/models/fraud/predict", RECORD)
        statuses = site.statuses()
        assert {statuses[name] for name in ASIDE} == {200}, statuses
        assert set(statuses.values()) <= {200, 503}, statuses
    wait_for(site.is_well, seconds=RETURN_SECONDS)
    is_stored(site, made)


def test_a_batch_has_what_the_cache_knows_while_the_database_hangs(site: Site) -> None:
    known = [{"customer_id": one} for one in site.customers[:3]]
    path = "/v1/models/delinquency/batch"
    assert site.server.post(path, {"entities": known}).json()["summary"]["failed"] == 0
    with site.database.fault("frozen"):
        for _ in range(4):  # from the first on, whichever worker answers
            nobody = {"customer_id": f"new-{time.time_ns()}"}
            answer = site.server.post(path, {"entities": [*known, nobody]}).json()
            assert answer["summary"]["succeeded"] == 3, answer
            assert answer["items"][3]["error"]["code"] == "storage_unavailable"
    wait_for(site.is_well, seconds=RETURN_SECONDS)


def test_a_database_that_may_only_be_read_keeps_predictions_waiting_and_says_so(site: Site) -> None:
    name = urlsplit(site.url).path[1:]
    elsewhere = site.url.replace(f"/{name}?", "/postgres?")

    def set_read_only(state: str) -> None:
        execute(elsewhere, f"alter database {name} set default_transaction_read_only = {state}")
        execute(elsewhere, f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")

    set_read_only("on")
    try:
        wait_for(lambda: site.ask()["event"].status_code == 503)
        made = site.server.post("/v1/models/fraud/predict", RECORD)
        refused = {name: status for name, status in site.statuses().items() if status != 200}
        assert refused == {"event": 503, "outcome": 503}
        wait_for(lambda: "predictions wait" in json.dumps(site.server.get("/v1/health").json()["reasons"]))
    finally:
        set_read_only("off")
    wait_for(site.is_well, seconds=RETURN_SECONDS)
    is_stored(site, made)


@pytest.mark.parametrize("fault", ["frozen", "slow", "cut", "nonsense"])
def test_a_redis_that_fails_in_its_own_way_stops_nothing(site: Site, fault: Fault) -> None:
    with site.cache.fault(fault):
        for _ in range(2):
            assert set(site.statuses().values()) == {200}
        with httpx.stream("GET", f"{site.server.url}/v1/stream", timeout=10) as answer:
            assert answer.status_code == 200
            heard = ""
            for text in answer.iter_text():
                heard += text
                if "paused" in heard:
                    break
    wait_for(lambda: site.server.get("/v1/health").json()["status"] == "ok", seconds=RETURN_SECONDS)
    assert site.is_well()
