"""What is said of a model whose file does not load, while the others are served."""

from __future__ import annotations

from storage.settings import StorageSettings
from tests.serving.apps import App, Parts
from tests.serving.versions import trained


def test_a_model_whose_file_does_not_load_is_named_and_the_others_answer(settings: StorageSettings) -> None:
    with App(Parts(storage=settings, versions=dict(trained()))) as app:
        app.worker.broken = ("mine",)
        answer = app.get("/readyz")
        assert answer.status_code == 503
        assert "model mine: its file does not load; the server's log says why" in answer.json()["detail"]
        assert app.get("/v1/health").json()["status"] == "degraded"
        record = app.worker.definitions["churn"].schema.example
        assert app.post("/v1/models/churn/predict", {"record": record}).status_code == 200
