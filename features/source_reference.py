"""The reference of all sources as Markdown: `python -m features.source_reference > docs/sources.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec

from features.columns import Column, columns, example
from features.sources import sources
from storage.tables import SOURCES

HEAD = """\
# Sources of events

Written by `python -m features.source_reference > docs/sources.md` from the tables. What becomes of events:
[features.md](features.md). `/docs` shows the same with a form. A row's `event_id` is its own: sent twice, it
counts once.
"""


def reference() -> str:
    """The page: a section for each source with its columns and a row that works when sent."""
    return "\n".join([HEAD, *(line for name in sources() for line in _section(name))])


def _section(name: str) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"A row says that {SOURCES[name].comment}. `{sources()[name].time}` is when it was known.\n"
    yield "| column | what | values | required |\n| --- | --- | --- | --- |"
    yield from (
        f"| `{one.name}` | {one.what} | {_values(one)} | {'yes' if one.required else 'no'} |" for one in columns(name)
    )
    yield f"\n```json\nPOST /v1/events/{name}\n{msgspec.json.encode(example(name)).decode()}\n```\n"


def _values(column: Column) -> str:
    match column.kind:
        case "level":
            return ", ".join(column.levels)
        case "number" | "whole":
            whole = "whole, " if column.kind == "whole" else ""
            return f"{whole}{column.minimum:,.12g} to {column.maximum:,.12g} {column.unit}"
        case "text":
            return f"text of 1 to {column.longest} characters"
        case "time":
            return "time with its zone, ISO 8601"
        case _:
            return "true, false"


if __name__ == "__main__":
    sys.stdout.write(reference())
