"""The `tiffin` command line: its commands, and what happens to their errors.

Only typer is imported here and at the top of the commands' files; what a command needs it imports when it runs.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from cli import console, doctor, load, migrate, models, new, sample, serve, train
from cli.errors import Explained, explain, unexpected
from storage.signals import end_in_order

INTERRUPTED = 128 + signal.SIGINT
"""The exit code after Ctrl-C, which typer and `storage.signals` make of it."""


class Guarded(TyperGroup):
    """The group of all commands: an error becomes a message on stderr, with --json a document on stdout as well."""

    def main(self, args: Sequence[str] | None = None, *positional: Any, **extra: Any) -> NoReturn:
        given = sys.argv[1:] if args is None else list(args)
        console.expect_json("--json" in given)
        extra["standalone_mode"] = False
        try:
            code = super().main(given, *positional, **extra)
        except TyperException as error:  # wrong usage
            error.show()  # type: ignore[attr-defined]  # all of them are typer's copy of click's
            console.write_error(Explained(error.format_message()))
            code = error.exit_code
        except (Exception, SystemExit) as error:
            code = _failed(error)
        if code == INTERRUPTED:
            console.say("interrupted; run it again to go on")
        if code:
            console.write_error(Explained("the command ended before it was done"))
        sys.exit(code)


def _failed(error: Exception | SystemExit) -> Any:
    """Say what went wrong and return the exit code."""
    if isinstance(error, SystemExit):
        return error.code
    explained = explain(error) or unexpected(error)
    console.complain(explained)
    console.write_error(explained)
    return 1


app = typer.Typer(
    cls=Guarded,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's help pages take 0.4 s more to import than the plain ones
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from settings import VERSION

        typer.echo(f"tiffin {VERSION}")
        raise typer.Exit


@app.callback()
def tiffin(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train, serve, explain and watch decision models on tabular data."""
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # read when BentoML is imported
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when ONNX Runtime is; see service.py
    end_in_order()
    console.show_warnings()


app.command("serve")(serve.serve)
app.command("new")(new.new)
app.command("train")(train.train)
app.command("load")(load.load)
app.command("sample")(sample.sample)
app.command("migrate")(migrate.migrate)
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.doctor)


def main() -> None:
    """The console script."""
    app(prog_name="tiffin")


if __name__ == "__main__":
    main()
