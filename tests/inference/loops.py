"""Running coroutines in tests, on both event loops that serve."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

import pytest
import uvloop

T = TypeVar("T")
MakeLoop = Callable[[], asyncio.AbstractEventLoop]
LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio"), pytest.param(uvloop.new_event_loop, id="uvloop")]
HANGS_SECONDS = 20.0
"""A test that takes longer has found something that hangs."""


def run(main: Coroutine[Any, Any, T], make_loop: MakeLoop) -> T:
    """What `main` returns. Fails when it hangs, and when any callback let an error escape into the loop."""
    escaped: list[dict[str, Any]] = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: escaped.append(context))
        async with asyncio.timeout(HANGS_SECONDS):
            return await main

    with asyncio.Runner(loop_factory=make_loop) as runner:
        result = runner.run(watched())
    assert not escaped, escaped
    return result


def on_both_loops(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Makes two tests of a coroutine function: one on asyncio's own loop, one on uvloop."""

    @pytest.mark.parametrize("make_loop", LOOPS)
    @functools.wraps(test)
    def on_loop(make_loop: MakeLoop, **arguments: Any) -> None:
        run(test(**arguments), make_loop)

    first = inspect.Parameter("make_loop", inspect.Parameter.KEYWORD_ONLY)
    rest = [parameter.replace(kind=first.kind) for parameter in inspect.signature(test).parameters.values()]
    on_loop.__signature__ = inspect.Signature([first, *rest])
    return cast(Callable[..., None], on_loop)


async def turns(count: int = 1) -> None:
    """Let the loop go round `count` times."""
    for _ in range(count):
        await asyncio.sleep(0)
