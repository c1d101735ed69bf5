"""Cards of real versions, and what a reader gets to see of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from html.parser import HTMLParser

from models.definition import Definition
from registry.card import About, page
from registry.store import Version
from tests import small_version
from tests.training import kinds

VOID = ("meta",)
BINARY = "small_card"
NAMES = (BINARY, *kinds.DEFINITIONS)


@functools.cache
def version(name: str) -> Version:
    """The small model of that kind, trained once in a test run."""
    return small_version.save(definition(name)) if name == BINARY else kinds.version(name)


@functools.cache
def definition(name: str) -> Definition:
    return small_version.definition(BINARY) if name == BINARY else kinds.DEFINITIONS[name]


def drawn(found: Version, about: Definition, tag: str = "") -> str:
    """The page of a version as it would be stored now."""
    return page(found.details, About.of(about, tag or found.tag, found.reference()))


@dataclass
class Read(HTMLParser):
    """A page as a browser takes it apart: fails on elements that are not closed in their order."""

    names: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    """Element, attribute, value."""
    headings: dict[str, str] = field(default_factory=dict)
    """Text of each section by its id."""
    text: str = ""
    open: list[str] = field(default_factory=list)
    section: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attrs)["id"] or ""
            self.headings[self.section] = ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "section":
            self.section = ""

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += f" {data}"
        if self.section:
            self.headings[self.section] += f" {data}"

    def values(self, attribute: str) -> list[str]:
        return [value for _, name, value in self.attributes if name == attribute]


def read(page: str) -> Read:
    """Everything in the page; all elements were closed."""
    found = Read()
    found.feed(page)
    found.close()
    assert found.open == []
    return found
