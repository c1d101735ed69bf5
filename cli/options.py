"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON document to stdout, and nothing else there.")]
"""For machines: the same facts as the text for people."""
