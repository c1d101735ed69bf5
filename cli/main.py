"""The `tiffin` command line: its commands, and what happens to their errors.

Only typer is imported here and at the top of the commands' files; what a command needs it imports when it runs.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import doctor, models, serve, train
from cli.errors import explain
from storage.signals import end_in_order


class Guarded(TyperGroup):
    """The group of all commands: a foreseeable error becomes a message on stderr and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            from cli.console import complain

            complain(explained)
            raise typer.Exit(1) from error


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
    from cli.console import show_warnings

    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # read when BentoML is imported
    end_in_order()
    show_warnings()


app.command("serve")(serve.serve)
app.command("train")(train.train)
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.doctor)


def main() -> None:
    """The console script."""
    app(prog_name="tiffin")


if __name__ == "__main__":
    main()
