"""Which web pages may use the server: browsers send a page's origin along, and the pages of others' sites are refused.

A server on somebody's own machine has no keys. Any page that he visits could open its live stream, or send it events.
"""

from __future__ import annotations

from collections.abc import Iterable

from serving.problems import ForeignOrigin

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, whose answers browsers keep from pages of another site."""
_USUAL_PORTS = {"http": ":80", "https": ":443", "ws": ":80", "wss": ":443"}


class Origins:
    """The server's own site and those in `allowed`, such as https://dashboard.example."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(one.lower() for one in allowed)

    def unfit(self, origin: bytes, host: bytes) -> ForeignOrigin | None:
        """Why a request with these headers is refused; None when it is not, as without an origin."""
        if not origin:
            return None
        text = origin.decode("latin-1").strip().lower()
        if text in self._allowed or _is_of_site(text, host.decode("latin-1").strip().lower()):
            return None
        return ForeignOrigin(
            f"a page of {text[:80]!r} may not use this server; serving.allowed_origins lists the sites that may"
        )


def _is_of_site(origin: str, host: str) -> bool:
    """Whether it is the site that the request is sent to. The scheme may have been changed by a proxy."""
    scheme, separator, site = origin.partition("://")
    if not separator or not site:
        return False
    usual = _USUAL_PORTS.get(scheme, "")
    return site.removesuffix(usual) == host.removesuffix(usual)
