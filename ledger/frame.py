"""A frame: what a serving worker hands to the ledger for one answered request."""

from __future__ import annotations

from typing import Literal

import msgspec

from ledger.errors import FrameError

Operation = Literal["predict", "batch", "explain"]


class Frame(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One answered request, in bytes that exist already; nothing is parsed before the shipper does it.

    A batch is one frame, whatever its size. Challengers in the shadow are frames of their own: same request, their
    answer. Making one takes 0.3 us, `Spool.add` 1.2 us for a kilobyte.

        Frame(model="fraud", operation="predict", answer=body_of_the_answer, body=body_of_the_request,
              request_id=exchange.request_id, caller=key_id)
    """

    model: str
    operation: Operation
    answer: bytes
    """The encoded answer: a prediction, one with its `explanation`, or a batch with its `items`."""
    request_id: str
    body: bytes = b""
    """Record requests: the request's JSON as it came. Empty for entities, and where features are not kept."""
    features: bytes = b""
    """Entity requests: the features that were used, as a JSON object by name; of a batch a list of them by the items'
    index, null where there are none. Empty for records, and where the model's features are not kept."""
    entity: str | None = None
    """The canonical text of the request's entity; None for records and batches."""
    entities: bytes = b""
    """A batch of entities: their canonical texts as a JSON list by the items' index, null where there is none."""
    as_of: str | None = None
    """RFC 3339 with a zone, where the request gave one."""
    caller: str | None = None
    """Who asked: the key's id; None without keys."""
    supposed: bool = False
    """The request replaced values of the entity's features: what would be is no entity's latest score."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


def encode(frame: Frame) -> bytes:
    """The frame as the spool holds it."""
    return _encode(frame)


def decode(payload: bytes | memoryview) -> Frame:
    """The frame in a payload of the spool. Raises FrameError."""
    try:
        return _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FrameError(str(error)) from error
