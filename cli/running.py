"""BentoML's server in this process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from cli import console

if TYPE_CHECKING:
    from cli.address import Address

SERVICE = "service:service"


def run(where: Address, *, quiet: bool) -> None:
    """Run what `bentoml serve` runs, until a signal ends it. `quiet`: its workers' lines on stdout go to stderr.

    In this process rather than by exec: Python, BentoML and the rooms are loaded already, which takes 3 s and more, and
    the local servers keep their user without a moment in which they have none.
    """
    from bentoml_cli.serve import serve_command

    from settings import ROOT

    os.chdir(ROOT)
    if quiet:
        sys.stdout.flush()
        os.dup2(2, 1)
    console.say(f"serving on {where.url} (what it offers: {where.url}/docs); Ctrl-C ends it")
    console.hide_warnings()
    arguments = ["serve", SERVICE, "--host", where.host, "--port", str(where.port)]
    serve_command.main(args=arguments, prog_name="bentoml", standalone_mode=False)
