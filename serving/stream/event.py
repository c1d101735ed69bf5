"""What listeners are sent."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from serving.exchange import encode


class Announced(msgspec.Struct, gc=False):
    """What filters look at of a prediction in the feed."""

    model: str
    level: str | None = None


read_announced = msgspec.json.Decoder(Announced).decode


class Event:
    """One prediction of the feed: `identity` is its place, from which a client may go on; `data` is JSON.

    `block` is what server-sent events carry, put together once for all listeners, and `text` what WebSockets do.
    """

    __slots__ = ("block", "data", "identity", "level", "model")

    def __init__(self, identity: str, model: str, level: str | None, data: bytes) -> None:
        self.identity = identity
        self.model = model
        self.level = level
        self.data = data
        self.block = b"id: %s\nevent: prediction\ndata: %s\n\n" % (identity.encode(), data)

    @property
    def text(self) -> str:
        return f'{{"type":"prediction","id":"{self.identity}","prediction":{self.data.decode()}}}'


@dataclass(frozen=True, slots=True)
class Filter:
    """Which predictions a listener wants. Empty sets stand for all."""

    models: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()

    def __call__(self, event: Event) -> bool:
        return (not self.models or event.model in self.models) and (not self.levels or event.level in self.levels)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the stream itself.

    `skipped`: predictions were left out, `count` of them or an unknown number (null), for the reason given.
    `paused`, `resumed`: the feed cannot be read, and can again. `closed`: the server ends this stream.
    """

    kind: str
    reason: str
    count: int | None = None

    def as_json(self) -> bytes:
        return encode({"reason": self.reason, "count": self.count})
