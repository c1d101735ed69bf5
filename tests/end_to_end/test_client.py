"""BentoML's own client, from BentoML's own schema."""

from __future__ import annotations

from collections.abc import Iterator

import bentoml
import pytest
from bentoml.exceptions import BentoMLException

from models import catalogue
from models.definition import Expansion
from tests.end_to_end.server import Server
from tests.serving.versions import trained

EXAMPLES = {name: definition.schema.example for name, definition in catalogue().items()}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[bentoml.SyncHTTPClient]:
    with bentoml.SyncHTTPClient(server.url) as client:
        yield client
        client._temp_dir.cleanup()  # BentoML 1.4.39 leaves that to the garbage collector, which warns


def test_the_client_has_three_methods_for_every_model(client: bentoml.SyncHTTPClient) -> None:
    expected = {f"{name}_{operation}" for name in catalogue() for operation in ("predict", "batch", "explain")}
    assert set(client.endpoints) == expected


@pytest.mark.parametrize("name", catalogue())
def test_predict_batch_and_explain_work_from_the_client(client: bentoml.SyncHTTPClient, name: str) -> None:
    decides = catalogue()[name].decides
    one = getattr(client, f"{name}_predict")(record=EXAMPLES[name], **({"threshold": 0.0} if decides else {}))
    if not isinstance(catalogue()[name].policy, Expansion):  # whose stored example is one of an answer's rows
        assert one["score"] == pytest.approx(trained()[name].details.example.score, rel=1e-5, abs=1e-5)
    assert (one["version"], one["label"]) == (trained()[name].tag, True if decides else None)
    many = getattr(client, f"{name}_batch")(records=[EXAMPLES[name], {"nonsense": 1}])
    assert [list(item) for item in many["items"]] == [["index", "prediction"], ["index", "error"]]
    explained = getattr(client, f"{name}_explain")(record=EXAMPLES[name], top=2, include=["features"])
    assert len(explained["explanation"]["contributions"]) == 2
    assert explained["features"] == EXAMPLES[name]


def test_a_problem_reaches_the_client_as_an_error_with_its_detail(client: bentoml.SyncHTTPClient) -> None:
    with pytest.raises(BentoMLException, match="1 field of the request is not valid") as raised:
        client.fraud_predict(record={**EXAMPLES["fraud"], "Amount": 100_001})
    assert raised.value.error_code == 422
