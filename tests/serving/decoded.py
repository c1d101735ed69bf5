"""What a decoder makes of bodies that hold records."""

from __future__ import annotations

from typing import Any

from serving.decoding import Decoder, Values
from serving.entities import EntitiesRequest, EntityRequest
from serving.problems import FieldError


def record(decoder: Decoder, body: bytes) -> Values:
    """The values of the one record in a body for predict."""
    asked, _ = decoder.predict(body)
    assert not isinstance(asked, EntityRequest)
    return asked


def records(decoder: Decoder, body: bytes) -> list[Values | list[FieldError] | Any]:
    """For each record of a batch its values or its errors."""
    asked, _ = decoder.batch(body)
    assert not isinstance(asked, EntitiesRequest)
    return asked
