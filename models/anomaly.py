"""Anomaly: does this service behave unlike itself right now, and in what?"""

from models.definition import (
    AnomalyPolicy,
    Definition,
    Detected,
    Gate,
    Isolation,
    Kind,
    Number,
    Recipe,
    Schema,
    Target,
)


def describe(detected: Detected) -> dict[str, object]:
    """Whether it is an anomaly, and how far the score lies above the threshold; the platform adds the features."""
    return {"is_anomaly": detected.is_anomaly, "distance": detected.score - detected.threshold}


def _metric(name: str, description: str, unit: str, maximum: float, example: float) -> Number:
    return Number(name=name, description=description, unit=unit, minimum=0, maximum=maximum, example=example)


definition = Definition(
    name="anomaly",
    title="Service anomaly",
    purpose="Notice when a web service behaves unlike itself, though no single metric need be out of range.",
    kind=Kind.ANOMALY,
    schema=Schema(
        (
            _metric("request_rate", "Requests", "1/s", 1_000_000, 244.0),
            _metric("requests_vs_usual", "Requests over the usual ones of that hour", "ratio", 1000, 1.02),
            _metric("cpu", "Processor in use", "%", 100, 37.8),
            _metric("cpu_ms_per_request", "Processor time of a request", "ms", 1_000_000, 62.0),
            _metric("memory", "Memory in use", "%", 100, 53.4),
            _metric("gc_share", "Part of the time spent on collecting garbage", "fraction", 1, 0.012),
            _metric("open_connections", "Open connections", "connections", 10_000_000, 431),
            _metric("cache_hit_rate", "Part of the look-ups that the cache answered", "fraction", 1, 0.94),
            _metric("disk_read_mb", "Read from disk", "MB/s", 100_000, 2.1),
            _metric("disk_write_mb", "Written to disk", "MB/s", 100_000, 3.4),
            _metric("kb_in_per_request", "Received per request", "kB", 10_000_000, 4.0),
            _metric("kb_out_per_request", "Sent per request", "kB", 10_000_000, 54.6),
            _metric("latency_p50_ms", "Median time to answer", "ms", 600_000, 19.9),
            _metric("latency_p99_ms", "Time in which 99 of 100 requests are answered", "ms", 600_000, 92.5),
            Number(
                name="queue_length",
                description="Requests that wait",
                unit="requests",
                minimum=0,
                maximum=1_000_000,
                example=1,
                whole=True,
            ),
            _metric("error_rate", "Part of the requests answered with an error", "fraction", 1, 0.002),
        )
    ),
    target=Target(column="is_anomaly", description="1 where operators marked the minute; learning does not see it"),
    recipe=Recipe(isolation=Isolation(trees=200, sample=1024)),
    gates=(
        Gate(metric="flagged", at_most=0.03),
        Gate(metric="roc_auc", at_least=0.9),
        Gate(metric="average_precision", at_least=0.35),
    ),
    policy=AnomalyPolicy(share=0.015, drivers=5, answer=describe),
    limits=(
        "Unusual is not wrong: a release or a campaign is flagged as a failure is. About every second flag is false.",
        "Each minute is judged by itself; a slow drift is seen only once it has gone far.",
        "It knows one service. Another one, or the same after a change of hardware, needs its own model.",
    ),
)
