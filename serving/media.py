"""Media types that a caller would rather have: the Accept header (RFC 9110, 12.5.1)."""

from __future__ import annotations

HTML = "text/html"
JSON = "application/json"


def prefers_json(accept: str) -> bool:
    """Whether JSON is wanted more than HTML: by its weight, then by how exactly it is named.

    >>> [prefers_json(accept) for accept in ("application/json", "application/json, */*", "*/*", "text/html")]
    [True, True, False, False]
    """
    return _wish(accept, JSON) > _wish(accept, HTML)


def _wish(accept: str, media: str) -> tuple[float, int]:
    """Weight and exactness of the most exact range that holds `media`; RFC 9110 lets that one decide."""
    ranges = {media: 2, media.partition("/")[0] + "/*": 1, "*/*": 0}
    found = [(ranges[name], weight) for name, weight in map(_weighed, accept.split(",")) if name in ranges]
    exactness, weight = max(found, default=(0, 0.0))
    return weight, exactness if weight else 0  # what is not wanted at all is named in vain


def _weighed(one: str) -> tuple[str, float]:
    """A media range and its weight; one that does not read counts as not wanted."""
    name, *parameters = (part.strip().lower() for part in one.split(";"))
    weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return name, min(1.0, max(0.0, float(weight)))
    except ValueError:
        return name, 0.0
