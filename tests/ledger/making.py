"""Frames as a serving worker makes them, of predictions that tests make up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ledger.frame import Frame, Operation, encode
from ledger.privacy import stripped

LEVELS = ((0.6, "CRITICAL"), (0.3, "HIGH"), (0.1, "MEDIUM"), (0.0, "LOW"))


def identity(moment: datetime, seed: random.Random) -> str:
    """A UUID version 7 of that moment."""
    digits = f"{int(moment.timestamp() * 1000):012x}"
    tail = f"{seed.getrandbits(72):018x}"
    return f"{digits[:8]}-{digits[8:]}-7{tail[:3]}-8{tail[3:6]}-{tail[6:]}"


def prediction(seed: random.Random, *, moment: datetime | None = None, **given: Any) -> dict[str, Any]:
    """An answer of the model `delinquency`, or with other fields as given."""
    moment = moment or datetime.now(UTC)
    score = given.get("score", seed.betavariate(1, 6))
    return {
        "prediction_id": identity(moment, seed),
        "model": "delinquency",
        "version": "delinquency:a1",
        "role": "champion",
        "score": score,
        "label": score is not None and score >= 0.4,
        "level": next((name for least, name in LEVELS if (score or 0) >= least), "LOW"),
        "threshold": 0.4,
        "confidence": "high",
        "answer": {"risk": "LOW", "drivers": [{"feature": "balance", "value": 12.5, "contribution": 0.3}]},
        "cached": False,
        "stale": False,
        "warnings": [],
        "created_at": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "latency_ms": round(seed.uniform(0.2, 3), 3),
        **given,
    }


def record(seed: random.Random) -> dict[str, Any]:
    """Features as a caller sends them."""
    return {f"feature_{number:02d}": round(seed.gauss(0, 100), 6) for number in range(25)}


def frame(answer: dict[str, Any], operation: Operation = "predict", **given: Any) -> Frame:
    """A frame of one answer; its request is made up when none is given."""
    if "body" not in given and "features" not in given:
        given["body"] = encoded({"record": {"balance": 12.5, "plan": "basic"}})
    values = {"model": answer["model"], "request_id": "req-1", "caller": "key-1", **given}
    return Frame(operation=operation, answer=encoded(answer), **values)


def batch(answers: Sequence[dict[str, Any] | None], **given: Any) -> Frame:
    """A frame of a batch; None stands for an item that failed."""
    items = [
        {"index": index, "error": {"code": "invalid_features"}} if one is None else {"index": index, "prediction": one}
        for index, one in enumerate(answers)
    ]
    model = next(one["model"] for one in answers if one is not None)
    return frame({"model": model, "items": items, "summary": {}, "latency_ms": 1.0}, "batch", **given)


def encoded(value: Any) -> bytes:
    return msgspec.json.encode(value)


def frame_bytes(frame: Frame) -> bytes:
    """The frame as the spool holds it."""
    return encode(frame)


def kept(answer: dict[str, Any]) -> dict[str, Any]:
    """What a worker hands over for a model whose features are not kept."""
    return stripped(answer)
