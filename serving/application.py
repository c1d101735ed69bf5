"""BentoML's application, with Tiffin's front door, errors and probes in their places."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from _bentoml_impl.server.app import ServiceAppFactory
from _bentoml_sdk import Service
from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from inference.errors import InferenceError
from ledger.errors import LedgerError
from monitoring import metrics
from registry.errors import RegistryError
from serving.asgi import FrontDoorApp
from serving.exchange import Exchange
from serving.problems import (
    InternalError,
    MethodNotAllowed,
    NotFound,
    NotReady,
    Problem,
    problem_for,
)
from serving.protocol import install
from serving.settings import ServingSettings
from serving.worker import Worker
from storage.cursors import CursorError
from storage.errors import StorageError

logger = logging.getLogger("tiffin.serving")


def application(service: Service[Any], settings: ServingSettings, *, is_main: bool) -> FrontDoorApp:
    """What a worker serves. The service's instances have a `worker`."""
    factory = AppFactory(service, is_main=is_main)
    app = factory()
    app.state.serving = settings
    app.router.redirect_slashes = False
    add_problems(app)
    install(lambda: factory.worker.door, settings)
    return FrontDoorApp(app, lambda: factory.worker.door, lambda: factory.worker.stream, fast_path=settings.fast_path)


class AppFactory(ServiceAppFactory):
    """BentoML's application with problem documents for errors, and probes that say why."""

    @property
    def worker(self) -> Worker:
        assert self._service_instance is not None, "requests come after start-up"
        worker: Worker = self._service_instance.worker
        return worker

    async def api_endpoint(self, name: str, request: Request) -> Response:
        """BentoML answers some errors as JSON lists and invalid input as 400; here every error is a problem."""
        try:
            problem = self.worker.door.unfit(_exchange_of(request))
            if problem is not None:
                raise problem
            response: Response = await super().api_endpoint(name, request)
        except ClientDisconnect:
            raise
        except Exception as error:
            return await answer_exception(request, error)
        return response

    @property
    def middlewares(self) -> list[Middleware]:
        """BentoML's, less its metrics: they label every raw path, and a caller can make up any number of paths."""
        inherited: list[Any] = super().middlewares
        return [middleware for middleware in inherited if middleware.cls is not RunnerTrafficMetricsMiddleware]

    async def index_page(self, _: Request) -> Response:
        """BentoML's page loads scripts from outside; Tiffin's documents do not."""
        return RedirectResponse("/docs")

    async def readyz(self, _: Request) -> Response:
        reasons = self.worker.unready()
        if reasons:
            raise NotReady("; ".join(reasons), retry_after_seconds=1.0)
        return PlainTextResponse("\n".join(["ready", *self.worker.untrained(), ""]))

    async def livez(self, _: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def metrics(self, _: Request) -> Response:
        metrics.flush()
        return Response(await asyncio.to_thread(metrics.render), media_type=metrics.CONTENT_TYPE)


def add_problems(app: Starlette) -> None:
    """Answer every error of an application as a problem document.

    Starlette takes the handler of `Exception` for a last resort: it stands outside of all middleware, where BentoML's
    timeout has lost the error and answers after 60 s, and it logs. So errors that mean something are handled as what
    they are.
    """
    kinds = (HTTPException, Problem, InferenceError, RegistryError, StorageError, LedgerError, CursorError, Exception)
    for kind in kinds:
        app.add_exception_handler(kind, answer_exception)


async def answer_exception(request: Request, error: Exception) -> Response:
    """The problem document for an exception that reached the application."""
    identity = getattr(request.state, "request_id", "")
    problem = _problem(error)
    if isinstance(problem, InternalError):
        logger.error("request failed", exc_info=error, extra={"request_id": identity, "path": request.url.path})
    answers: list[Response] = []

    def respond(status: int, media_type: bytes, body: bytes, headers: Any) -> None:
        names = {name.decode(): value.decode() for name, value in headers}
        answers.append(Response(body, status, headers=names, media_type=media_type.decode()))

    Exchange(request.method, request.url.path, identity, respond).refuse(problem)
    return answers[0]


def _problem(error: Exception) -> Problem:
    if isinstance(error, HTTPException):
        if error.status_code == 404:
            return NotFound("there is nothing at this path; /docs lists what there is")
        if error.status_code == 405:
            headers = dict(error.headers or {})
            if headers.get("Allow") == "GET":
                headers["Allow"] = "GET, HEAD"  # `serving.asgi` asks for HEAD as for GET
            remedy = f"use {headers.get('Allow', 'another')}"
            return MethodNotAllowed(f"this path does not take this method; {remedy}", headers=list(headers.items()))
        if error.status_code >= 500:
            return InternalError()
        return Other(error.status_code, str(error.detail))
    return problem_for(error)


class Other(Problem):
    """An HTTP error of the framework that has no class of its own."""

    code, title = "bad_request", "Bad request"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status  # type: ignore[misc]


def _exchange_of(request: Request) -> Exchange:
    """What the front door's checks need of a request; its body is bounded while it is read."""
    return Exchange(
        request.method,
        request.url.path,
        "",
        lambda *_: None,
        content_type=request.headers.get("content-type", "").encode("latin-1"),
        content_encoding=request.headers.get("content-encoding", "").encode("latin-1"),
    )
