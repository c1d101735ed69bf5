"""The one error format of all answers: RFC 9457 problem details.

Problem
├── MalformedBody         400  the body is not one JSON object
│   └── MalformedRequest  400  what came is not HTTP, or not as HTTP wants it
├── ForeignOrigin         403  a browser sends it for a page of another site
├── NotFound              404  no such path or thing
├── UnknownModel          404
├── UnknownEntity         404  nothing is known of it at that moment
├── MethodNotAllowed      405
├── RequestTimeout        408  the client took too long to send its request
├── TooLarge              413  body, batch or nesting beyond the limits
│   ├── UriTooLong        414
│   └── HeadersTooLarge   431
├── UnsupportedMediaType  415
├── InvalidFeatures       422  the body reads, its values do not fit: all field errors at once
├── InternalError         500  opaque outside, complete in the log
├── ModelUnavailable      503
├── NotReady              503  the readiness probe's answer
├── Overloaded            503  with Retry-After
└── StorageUnavailable    503
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from features.errors import UncomputableError, UnknownEntityError
from inference.errors import LoadFailedError, NotLoadedError, OverloadedError, RowFailedError, RunnerClosedError
from ledger.errors import LedgerError, QueryError, UnknownPredictionError, UnknownPurgeError
from models.definition import Value
from registry.errors import NoVersionError, UnknownModelError, UnknownVersionError, UnusableVersionError
from serving.identifiers import timestamp
from serving.suggestions import hint
from storage.cursors import CursorError
from storage.errors import StorageError, StorageUnavailableError

TYPE_BASE = "https://tiffin.dev/problems/"
MEDIA_TYPE = "application/problem+json"
SERVERS = {"postgresql": "PostgreSQL", "redis": "Redis"}
MAX_PATH = 256
"""Characters of the request's path that an answer repeats."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field. `field` is a path such as "record.Amount"; `given` is what stood there."""

    field: str
    code: str
    message: str
    given: Value | list[object] | dict[str, object] = None

    def as_json(self) -> dict[str, object]:
        return {"field": self.field, "code": self.code, "message": self.message, "given": self.given}


class Problem(Exception):  # noqa: N818 - RFC 9457 calls them problems
    """An answer other than 200. `retry_after_seconds` also becomes the Retry-After header."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        retry_after_seconds: float | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after_seconds = retry_after_seconds
        self.headers = tuple(headers)

    def as_json(self, instance: str, request_id: str) -> dict[str, object]:
        """The problem document for the request path `instance`."""
        return {
            "type": TYPE_BASE + self.code.replace("_", "-"),
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "instance": instance if len(instance) <= MAX_PATH else instance[:MAX_PATH] + "...",
            "request_id": request_id,
            "timestamp": timestamp(),
            "errors": [error.as_json() for error in self.errors],
            "retry_after": self.retry_after_seconds,
        }


class MalformedBody(Problem):
    status, code, title = 400, "malformed_body", "Malformed body"


class MalformedRequest(MalformedBody):
    title = "Malformed request"


class ForeignOrigin(Problem):
    status, code, title = 403, "foreign_origin", "Foreign origin"


class NotFound(Problem):
    status, code, title = 404, "not_found", "Not found"


class UnknownModel(Problem):
    status, code, title = 404, "unknown_model", "Unknown model"


class UnknownEntity(Problem):
    status, code, title = 404, "unknown_entity", "Unknown entity"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "Method not allowed"


class RequestTimeout(Problem):
    status, code, title = 408, "request_timeout", "Request timeout"


class TooLarge(Problem):
    status, code, title = 413, "too_large", "Too large"


class UriTooLong(TooLarge):
    status, title = 414, "URI too long"


class HeadersTooLarge(TooLarge):
    status, title = 431, "Request header fields too large"


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class InvalidFeatures(Problem):
    status, code, title = 422, "invalid_features", "Invalid features"


class InternalError(Problem):
    status, code, title = 500, "internal_error", "Internal error"

    def __init__(self) -> None:
        super().__init__("the server failed on this request; its log holds the reason under the request id")


class ModelUnavailable(Problem):
    status, code, title = 503, "model_unavailable", "Model unavailable"


class NotReady(Problem):
    status, code, title = 503, "not_ready", "Not ready"


class Overloaded(Problem):
    status, code, title = 503, "overloaded", "Overloaded"


class StorageUnavailable(Problem):
    status, code, title = 503, "storage_unavailable", "Storage unavailable"


def problem_for(error: BaseException) -> Problem:
    """The problem that tells a caller about `error`: the only place where errors of the rooms meet HTTP."""
    if isinstance(error, Problem):
        return error
    return _refused(error) or _unavailable(error) or InternalError()


def _refused(error: BaseException) -> Problem | None:
    """What was asked for is not there, or not to be had like this."""
    match error:
        case UnknownModelError():
            return UnknownModel(f"{error}{hint(error.name, error.known)}")
        case UnknownEntityError():
            return UnknownEntity(str(error))
        case UncomputableError():
            return InvalidFeatures(str(error), errors=[FieldError("entity", "not_computable", error.reason)])
        case UnknownVersionError() | UnknownPredictionError() | UnknownPurgeError():
            return NotFound(str(error))
        case QueryError():
            return _invalid_parameter(error.parameter, "invalid", error.message)
        case CursorError():
            message = "must be the next_cursor of a page of this list, as it was given"
            return _invalid_parameter("cursor", "cursor", message, error.text[:MAX_PATH])
        case _:
            return None


def _unavailable(error: BaseException) -> Problem | None:
    """It cannot be done now."""
    match error:
        case OverloadedError():
            return Overloaded(str(error), retry_after_seconds=round(error.retry_after_seconds, 3))
        case RunnerClosedError():
            return Overloaded("the server is shutting down; another replica may answer", retry_after_seconds=1.0)
        case NoVersionError() | UnusableVersionError() | LoadFailedError() | NotLoadedError():
            return ModelUnavailable(str(error), retry_after_seconds=5.0)
        case RowFailedError():
            return ModelUnavailable("the model failed on this record")
        case LedgerError():
            detail = "predictions cannot be recorded now, and none is given that is not"
            return StorageUnavailable(detail, retry_after_seconds=2.0)
        case StorageUnavailableError():
            server = SERVERS.get(error.dependency, error.dependency)
            return StorageUnavailable(f"this request needs {server}, which does not answer", retry_after_seconds=2.0)
        case StorageError():
            return StorageUnavailable("the storage this request needs cannot be used", retry_after_seconds=2.0)
        case _:
            return None


def _invalid_parameter(name: str, code: str, message: str, given: str | None = None) -> InvalidFeatures:
    fault = FieldError(f"query.{name}", code, message, given)
    return InvalidFeatures("the request's parameters are not valid", errors=[fault])
