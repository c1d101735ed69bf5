"""What is being measured right now, how much is left."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Display:
    """A progress bar on a terminal, plain lines elsewhere. Its redraws are rare: they cost a core that is measured."""

    def __init__(self, console: Console, steps: int) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            refresh_per_second=1,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("getting ready", total=steps)
        self._begun = False

    def step(self, text: str) -> None:
        """One more measurement begins."""
        self._progress.update(self._task, advance=1 if self._begun else 0)
        self._begun = True
        self.say(text)

    def say(self, text: str) -> None:
        """What happens now, within the current step."""
        self._progress.update(self._task, description=text)
        if not self._console.is_terminal:
            self._console.print(text, highlight=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._progress.update(self._task, advance=1, description="done")
        self._progress.stop()
