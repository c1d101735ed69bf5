"""Progress of trainings: bars on a terminal, a line per finished stage anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from cli import console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from training.progress import Progress as Hears

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "read": 5,
        "features": 10,
        "split": 7,
        "search": 10,
        "tune": 8,
        "fit": 26,
        "evaluate": 10,
        "refit": 10,
        "export": 8,
        "store": 6,
    }
)
"""Share of each stage in the bar of a training, in percent; not every training has all of them."""


class Trainings(Protocol):
    """Shows several trainings, one after the other."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def training(self, model: str) -> Hears:
        """What the training of that model tells its progress to."""

    def finished(self, model: str, outcome: str) -> None:
        """That training has ended; `outcome` in one or two words."""


def trainings(models: Sequence[str]) -> Trainings:
    """The display that suits stderr."""
    return Bars(models) if console.stderr().is_terminal else Lines(models)


class Lines:
    """For logs: `[2/10] fraud: fit 3.1 s`."""

    def __init__(self, models: Sequence[str]) -> None:
        self._numbers = {model: f"[{number}/{len(models)}] {model}" for number, model in enumerate(models, 1)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def training(self, model: str) -> Hears:
        began: dict[str, float] = {}
        ended: set[str] = set()

        def hear(stage: str, done: int, total: int) -> None:
            started = began.setdefault(stage, time.monotonic())
            if done == total and stage not in ended:  # the fit tells its last round, then its end
                ended.add(stage)
                console.say(f"{self._numbers[model]}: {stage} {time.monotonic() - started:.1f} s")

        return hear

    def finished(self, model: str, outcome: str) -> None:
        console.say(f"{self._numbers[model]}: {outcome}")


class Bars:
    """For terminals: a bar per model with its stage, and one over all when there are several."""

    def __init__(self, models: Sequence[str]) -> None:
        self._progress = _progress()
        self._all = self._progress.add_task("all", total=len(models), stage="") if len(models) > 1 else None
        self._tasks = {model: self._progress.add_task(model, total=100, stage="", start=False) for model in models}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def training(self, model: str) -> Hears:
        task = self._tasks[model]
        self._progress.start_task(task)

        def hear(stage: str, done: int, total: int) -> None:
            shown = f"{stage} {done:,} of {total:,}" if total > 1 else stage
            self._progress.update(task, completed=percent(stage, done / total), stage=shown)

        return hear

    def finished(self, model: str, outcome: str) -> None:
        task = self._tasks[model]
        self._progress.update(task, completed=100, stage=outcome)
        self._progress.stop_task(task)
        if self._all is not None:
            self._progress.advance(self._all)


def percent(stage: str, part: float) -> float:
    """How far a training is (0 to 100) when `part` (0 to 1) of a stage is done.

    >>> percent("fit", 0.5)
    53.0
    """
    before = 0.0
    for name, weight in WEIGHTS.items():
        if name == stage:
            return before + weight * part
        before += weight
    return before


def _progress() -> Progress:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[stage]}"),
        console=console.stderr(),
    )


@contextmanager
def counted(text: str, total: int) -> Iterator[Advance]:
    """A bar over `total` equal pieces of work; off a terminal, nothing."""
    screen = console.stderr()
    if not screen.is_terminal:
        yield lambda _: None
        return
    with _progress() as progress:
        task: TaskID = progress.add_task(text, total=total, stage="")

        def advance(what: str) -> None:
            progress.update(task, advance=1, stage=what)

        yield advance


@contextmanager
def fraction(text: str) -> Iterator[Fraction]:
    """A bar that is told how much is done, 0 to 1; off a terminal, nothing."""
    screen = console.stderr()
    if not screen.is_terminal:
        yield lambda done, what: None
        return
    with _progress() as progress:
        task: TaskID = progress.add_task(text, total=1.0, stage="")

        def show(done: float, what: str) -> None:
            progress.update(task, completed=done, stage=what)

        yield show


class Fraction(Protocol):
    """Called with the part that is done and a word for it."""

    def __call__(self, done: float, what: str, /) -> None: ...


class Advance(Protocol):
    """Called after each piece with a word for the next."""

    def __call__(self, what: str, /) -> None: ...
