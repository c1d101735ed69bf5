"""`tiffin doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson

if TYPE_CHECKING:
    from cli.checks.finding import Finding


def doctor(
    port: Annotated[
        int, typer.Option(min=1, max=65535, metavar="PORT", help="Port that the server uses or is to use.")
    ] = 3000,
    as_json: AsJson = False,
) -> None:
    """Check this installation; say what is wrong and how to mend it.

    Starts and changes nothing. The exit code is 1 when something fails; warnings do not count.

    \b
    Examples:
      tiffin doctor
      tiffin doctor --port 8080 --json
    """
    from cli.checks.finding import FAIL
    from cli.checks.run import examine
    from cli.console import hide_warnings, write_json

    hide_warnings()  # what the rooms warn of is what the checks find
    findings = examine(port)
    failed = [finding for finding in findings if finding.status == FAIL]
    if as_json:
        write_json({"ok": not failed, "checks": [finding.as_json() for finding in findings]})
    else:
        _show(findings)
    if failed:
        raise typer.Exit(1)


def _show(findings: Sequence[Finding]) -> None:
    from rich.markup import escape

    from cli.checks.finding import FAIL, OK, WARN
    from cli.console import stdout
    from cli.tables import table

    styles = {OK: "green", WARN: "yellow", FAIL: "bold red"}
    made = table("", "check", "found", "remedy")
    for finding in findings:
        style = styles[finding.status]
        words = (finding.check, finding.found, finding.remedy)
        made.add_row(f"[{style}]{finding.status}[/{style}]", *map(escape, words))
    out = stdout()
    out.print(made)
    out.print(", ".join(f"{sum(finding.status == status for finding in findings)} {status}" for status in styles))
