"""The front door: answers inference requests itself, on the shortest way from bytes to bytes.

The same routes exist as BentoML APIs behind it (`serving.apis`); both give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

from monitoring import metrics
from monitoring.access import AccessLog
from registry.errors import UnknownModelError
from serving.endpoint import ModelEndpoint
from serving.exchange import Exchange
from serving.origins import Origins
from serving.problems import MethodNotAllowed, Problem, TooLarge, UnsupportedMediaType, problem_for

PREFIX = "/v1/models/"
OPERATIONS = ("predict", "batch", "explain")
Handler = Callable[[Exchange], None]


@dataclass(frozen=True, slots=True)
class Route:
    """Where an inference request goes. `template` is its path with the model's name left open, for metrics."""

    template: str
    handle: Handler


class FrontDoor:
    """Finds the route of a request and sees it through: media type, size, metrics, access log."""

    def __init__(
        self,
        endpoints: Mapping[str, ModelEndpoint],
        *,
        max_body_bytes: int,
        fast_path: bool = True,
        access: AccessLog | None = None,
        origins: Origins | None = None,
    ) -> None:
        self.max_body_bytes = max_body_bytes
        self.draining = False
        """Set when the process is about to end: every answer then asks its client to come back on a new connection."""
        self.origins = origins or Origins()
        self._access = access
        self._known = tuple(endpoints)
        self.answered = 0
        self._meters = Meters()
        self._routes = {
            f"{PREFIX}{name}/{operation}": Route(f"{PREFIX}{{model}}/{operation}", getattr(endpoint, operation))
            for name, endpoint in endpoints.items()
            for operation in OPERATIONS
        }
        self.by_url = {path.encode(): route for path, route in self._routes.items()} if fast_path else {}
        """What the protocol answers by itself."""

    def route(self, path: str) -> Route | None:
        """The route of an inference path, whether its model exists or not; None for every other path."""
        route = self._routes.get(path)
        if route is None and path.startswith(PREFIX):
            name, _, operation = path.removeprefix(PREFIX).partition("/")
            if operation in OPERATIONS and "/" not in name:
                return Route(f"{PREFIX}{{model}}/{operation}", lambda exchange: self._refuse_model(exchange, name))
        return route

    def leads_to_model(self, path: str) -> bool:
        """Whether an inference path names a model that exists."""
        return path in self._routes

    def handle(self, route: Route, exchange: Exchange) -> None:
        """Answer an inference request that has arrived whole."""
        exchange.finished = self.finished
        exchange.template = route.template
        problem = self.unfit(exchange)
        if problem is not None:
            exchange.refuse(problem)
        else:
            route.handle(exchange)

    def finished(self, exchange: Exchange, status: int) -> None:
        """Count and log an answered request."""
        seconds = perf_counter() - exchange.started
        self.answered += 1
        self._meters.observe(exchange.template, exchange.method, status, seconds)
        if self._access is not None:
            self._access.write(exchange.request_id, exchange.method, exchange.path, status, seconds)

    def too_large(self) -> TooLarge:
        return TooLarge(f"the body is larger than {self.max_body_bytes} bytes; send several smaller batches")

    def unfit(self, exchange: Exchange) -> Problem | None:
        """Why this request is refused before its body is read; None when it is not."""
        if exchange.origin:
            foreign = self.origins.unfit(exchange.origin, exchange.host)
            if foreign is not None:
                return foreign
        if exchange.method != "POST":
            return MethodNotAllowed("this path does not take this method; use POST", headers=[("allow", "POST")])
        if len(exchange.body) > self.max_body_bytes:
            return self.too_large()
        if exchange.content_type != b"application/json" and not is_json(exchange.content_type):
            return UnsupportedMediaType(
                "send the body as JSON in UTF-8 with the header 'Content-Type: application/json'"
            )
        if exchange.content_encoding not in (b"", b"identity"):
            return UnsupportedMediaType("send the body without content-encoding")
        return None

    def _refuse_model(self, exchange: Exchange, name: str) -> None:
        exchange.refuse(problem_for(UnknownModelError(name[:80], self._known)))


class Meters:
    """The request metrics' labelled children by route, found once."""

    def __init__(self) -> None:
        self._latency: dict[str, metrics.Observations] = {}
        self._requests: dict[tuple[str, str, int], metrics.Tally] = {}

    def observe(self, template: str, method: str, status: int, seconds: float) -> None:
        key = (template, method, status)
        counter = self._requests.get(key)
        if counter is None:
            known = method if method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS") else "other"
            counter = self._requests[key] = metrics.Tally(metrics.requests.labels(template, known, str(status)))
            if template not in self._latency:
                self._latency[template] = metrics.Observations(metrics.latency.labels(template))
        counter.inc()
        self._latency[template].observe(seconds)


def is_json(content_type: bytes) -> bool:
    """Whether a Content-Type header names JSON (RFC 6839 suffixes included); a missing one counts as JSON.

    JSON is UTF-8 (RFC 8259) and defines no `charset`, but clients send it: one that names another is not JSON.
    """
    essence, *parameters = (part.strip().lower() for part in content_type.split(b";"))
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset" and value.strip(b' "') not in (b"utf-8", b"utf8", b"us-ascii"):
            return False
    return essence in (b"", b"application/json") or (essence.startswith(b"application/") and essence.endswith(b"+json"))
