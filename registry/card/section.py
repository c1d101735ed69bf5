"""One numbered part of a card."""

from __future__ import annotations

from dataclasses import dataclass

from registry.card.markup import Html, element


@dataclass(frozen=True, slots=True)
class Section:
    """`key` is its address on the page. A section without content is not shown."""

    key: str
    title: str
    content: tuple[Html, ...]

    def drawn(self, number: int) -> Html:
        heading = element("h2", f"{number}. {self.title}", id=f"{self.key}-heading")
        return element("section", heading, *self.content, id=self.key, aria_labelledby=f"{self.key}-heading")


def said(words: str, *more: str) -> Html:
    """A paragraph."""
    return element("p", words, *more)


def note(words: str, *more: str) -> Html:
    """A paragraph in small print."""
    return element("p", words, *more, class_="note")


def figure(caption: str, *drawings: Html, name: str = "") -> Html:
    """A drawing with its caption."""
    return element("figure", *drawings, element("figcaption", caption), class_=name or None)


def beside(name: str, *parts: Html) -> Html:
    """Next to each other where there is room."""
    return element("div", *parts, class_=name)
