"""HTML elements as values. Whatever is not an element is text, and text is always escaped."""

from __future__ import annotations

import html
import re

_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
"""What a page cannot hold, and what changes the direction of the text around it."""
_VOID = ("meta",)


class Html(str):
    """Markup: made by this module alone."""

    __slots__ = ()


def text(given: str) -> Html:
    """Any text, escaped for content and for attribute values.

    >>> text("a < 'b'")
    'a &lt; &#x27;b&#x27;'
    """
    return given if isinstance(given, Html) else Html(html.escape(_UNFIT.sub("\ufffd", given)))


def element(name: str, *children: str | None, **attributes: str | float | None) -> Html:
    """An element. None among children and attributes is nothing; `class_` is `class`, `aria_label` is `aria-label`.

    >>> element("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(text(child) for child in children if child is not None)
    return Html(f"<{name}{written}>") if name in _VOID else Html(f"<{name}{written}>{inner}</{name}>")


def joined(*parts: str | None) -> Html:
    """One after the other."""
    return Html("".join(text(part) for part in parts if part is not None))


def style(rules: str) -> Html:
    """A style sheet of our own: nothing of the data is ever part of it."""
    assert "<" not in rules
    return Html(f"<style>{rules}</style>")


def document(language: str, *children: str) -> Html:
    """The whole page."""
    return Html(f"<!DOCTYPE html>\n{element('html', *children, lang=language)}\n")


def _plain(value: str | float) -> str:
    """Coordinates need no more than a tenth of a pixel."""
    return value if isinstance(value, str) else f"{round(value, 1):g}"
