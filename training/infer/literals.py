"""Python source of values, laid out as `ruff format` leaves it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

WIDTH = 120
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Name:
    """An expression that is written as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of `name`. Keyword arguments have their names, positional ones an empty one."""

    name: str
    arguments: tuple[tuple[str, Any], ...]


def source(value: Any, column: int = 0, indent: int = 0) -> str:
    """`value` as an expression that begins at `column` in a line of `indent` levels, and is followed by a comma.

    It stands on one line where it fits, else with one part to a line.
    """
    value = as_call(value)
    flat = one_line(value)
    if column + width(flat) + 1 <= WIDTH:
        return flat
    match value:
        case Call(name, arguments):
            return f"{name}({_lines(arguments, indent, single=len(arguments) == 1 and not arguments[0][0])})"
        case tuple():
            return f"({_lines([('', part) for part in value], indent, single=False)})"
        case str():
            return _long_text(value, indent)
        case _:
            return flat


def one_line(value: Any) -> str:
    """`value` on one line, however long."""
    value = as_call(value)
    match value:
        case Name(text):
            made = text
        case Call(name, arguments):
            inside = ", ".join(f"{key}={one_line(part)}" if key else one_line(part) for key, part in arguments)
            made = f"{name}({inside})"
        case tuple():
            inside = ", ".join(one_line(part) for part in value)
            made = f"({inside},)" if len(value) == 1 else f"({inside})"
        case str():
            made = text_literal(value)
        case _:
            made = repr(value)
    return made


def as_call(value: Any) -> Any:
    """A frozen record of the vocabulary as the call that makes it: arguments that have their defaults are left out."""
    if isinstance(value, Name | Call | str) and not isinstance(value, Enum):
        return value
    if isinstance(value, Enum):
        return Name(f"{type(value).__name__}.{value.name}")
    if not is_dataclass(value) or isinstance(value, type):
        return value
    positional = type(value).__name__ in ("Level", "Schema")
    arguments = []
    for field in fields(value):
        part = getattr(value, field.name)
        if field.init and not (field.default == part and type(field.default) is type(part)):
            arguments.append(("" if positional else field.name, part))
    return Call(type(value).__name__, tuple(arguments))


def text_literal(text: str) -> str:
    """`text` in double quotes, in single ones where that saves escapes.

    >>> print(text_literal('say "hi"'), text_literal("it's"))
    'say "hi"' "it's"
    """
    body = repr('"' + text)[2:-1].replace("\\'", "'")
    if text.count('"') > text.count("'"):
        return "'" + body.replace("'", "\\'") + "'"
    return '"' + body.replace('"', '\\"') + '"'


def width(text: str) -> int:
    """Columns that a line takes; whatever is not ASCII counts as wide, so that no line is ever too long."""
    return sum(1 if character.isascii() else 2 for character in text if not unicodedata.combining(character))


def _lines(arguments: Sequence[tuple[str, Any]], indent: int, *, single: bool) -> str:
    """One argument to a line, between the brackets. A single positional one is not followed by a comma."""
    inner = INDENT * (indent + 1)
    made = []
    for key, part in arguments:
        head = f"{key}=" if key else ""
        made.append(f"{inner}{head}{source(part, len(inner) + width(head), indent + 1)}{'' if single else ','}")
    return "\n" + "\n".join(made) + f"\n{INDENT * indent}"


def _long_text(text: str, indent: int) -> str:
    """Text over several lines, in brackets, broken at spaces."""
    inner = INDENT * (indent + 1)
    parts: list[str] = []
    for word in _words(text):
        if parts and len(inner) + width(text_literal(parts[-1] + word)) <= WIDTH:
            parts[-1] += word
        else:
            parts.append(word)
    if len(parts) == 1:
        return text_literal(text)
    lines = "\n".join(inner + text_literal(part) for part in parts)
    return f"(\n{lines}\n{INDENT * indent})"


def _words(text: str) -> list[str]:
    """The words of `text`, each with the space that follows it."""
    words = text.split(" ")
    return [word + " " for word in words[:-1]] + words[-1:]
