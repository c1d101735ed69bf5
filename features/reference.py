"""The reference of all views as Markdown: `python -m features.reference > docs/views.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from features.views import View, views

HEAD = """\
# Feature views

Written by `python -m features.reference > docs/views.md` from `features/views/` and the models' schemas. What a view is
and how to add one: [features.md](features.md).
"""


def reference() -> str:
    """The page: a section for each view with its keys, sources and columns."""
    return "\n".join([HEAD, *(line for view in views().values() for line in _section(view))])


def _section(view: View) -> Iterator[str]:
    about: dict[str, Any] = view.describe()
    keys = ", ".join(f"`{key['name']}` ({key['what']}, e.g. `{key['example']}`)" for key in about["keys"])
    sources = ", ".join(f"`{table}` (`{column}`)" for table, column in about["sources"].items())
    yield f"## {view.name}\n"
    models = ", ".join(f"`{model}`" for model in about["models"]) or "no model yet"
    yield f"{about['what']}. Features of {models}.\n"
    yield f"- Entity: {keys}. Known {about['known']}; thin for the first {about['least_history']}."
    yield f"- Sources, with the time from which a row is known: {sources}."
    yield f"- A cached row is fresh for {about['ttl']}, and kept for {about['stale']} for when the database is away.\n"
    yield "| column | what | values |\n| --- | --- | --- |"
    yield from (_row(column) for column in about["columns"])
    yield ""


def _row(column: dict[str, Any]) -> str:
    what = "; ".join(filter(None, (column.get("description", ""), column["note"])))
    return f"| `{column['name']}` | {what} | {_values(column)} |"


def _values(column: dict[str, Any]) -> str:
    match column.get("type"):
        case "category":
            return ", ".join(column["levels"])
        case "flag":
            return "true, false"
        case "number" | "series":
            return f"{column['minimum']:,.12g} to {column['maximum']:,.12g} {column['unit']}"
        case kind:
            return str(kind or "")


if __name__ == "__main__":
    sys.stdout.write(reference())
