"""Bodies of the management API: read whole and refused with the same problems as those of inference."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from serving.front_door import is_json
from serving.parameters import fault_of
from serving.parsing import parse_object
from serving.problems import UnsupportedMediaType
from serving.suggestions import Suggestions
from serving.validation import SHOWN_ERRORS, invalid

REFERENCE = "#/components/schemas/{model}"
Shape = TypeVar("Shape", bound=BaseModel)


async def body_of(request: Request) -> bytes:
    """The body's bytes. Raises UnsupportedMediaType for other than JSON, TooLarge while it is read."""
    if not is_json(request.headers.get("content-type", "").encode("latin-1")):
        raise UnsupportedMediaType("send the body as JSON in UTF-8 with the header 'Content-Type: application/json'")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("send the body without content-encoding")
    return await request.body()


async def object_of(request: Request, shape: type[Shape], *, max_nesting: int) -> Shape:
    """The body as an object of that shape.

    FastAPI would answer 400 whatever goes wrong while it reads. Raises MalformedBody, TooLarge, UnsupportedMediaType,
    and InvalidFeatures with every field that does not fit.
    """
    body = await body_of(request)
    return await asyncio.to_thread(_read, body, shape, max_nesting)


def _read(body: bytes, shape: type[Shape], max_nesting: int) -> Shape:
    parse_object(body, max_nesting=max_nesting, plain=True)
    try:
        # As JSON, whose strict form takes no number for a time or a text.
        return shape.model_validate_json(body, strict=True)
    except ValidationError as error:
        known, suggestions = list(shape.model_fields), Suggestions()
        some = error.errors(include_url=False)[:SHOWN_ERRORS]
        raise invalid([fault_of(one, known, suggestions) for one in some], count=error.error_count()) from error


def described(shape: type[BaseModel], description: str, **examples: dict[str, Any]) -> dict[str, Any]:
    """What a route's `openapi_extra` says of such a body; the document holds the shape."""
    content = {
        "schema": {"$ref": REFERENCE.format(model=shape.__name__)},
        "examples": {name: {"value": example} for name, example in examples.items()},
    }
    body = {"required": True, "description": description, "content": {"application/json": content}}
    return {"requestBody": body}
