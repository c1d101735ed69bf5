"""A TCP port in front of a server's Unix socket, which can be made to fail in ways that a server does not by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, Self

from tests.storage.nonsense import ANSWERS

Fault = Literal["none", "frozen", "slow", "cut", "nonsense"]
SLOW_SECONDS = 2.0


class Proxy:
    """Passes bytes on, from entering the `with` to leaving it.

    frozen: it takes everything and passes nothing on. slow: what a client sends comes 2 s later. cut: the connection
    ends in the middle of the first answer. nonsense: clients are answered with bytes that mean nothing.
    """

    def __init__(self, socket_path: str) -> None:
        self._path = socket_path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._clients: set[asyncio.StreamWriter] = set()
        self._fault: Fault = "none"
        self._server: asyncio.Server | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """Meanwhile it fails like this; connections that saw nonsense are ended."""
        self._fault = fault
        try:
            yield
        finally:
            self._fault = "none"
            if fault == "nonsense":
                self._run(self._end_all())

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _close(self) -> None:
        self._fault = "none"
        if self._server is not None:
            self._server.close()
        await self._end_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _end_all(self) -> None:
        for client in list(self._clients):
            client.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._clients.add(client)
        try:
            from_server, server = await asyncio.open_unix_connection(self._path)
        except OSError:
            client.transport.abort()
            return
        try:
            await asyncio.gather(self._up(reader, server, client), self._down(from_server, client))
        finally:
            self._clients.discard(client)
            client.transport.abort()
            server.transport.abort()

    async def _up(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while content := await reader.read(65536):
                await self._thaw()
                if self._fault == "slow":
                    await asyncio.sleep(SLOW_SECONDS)
                if self._fault == "nonsense":
                    client.write(ANSWERS[-1])
                else:
                    server.write(content)
            server.write_eof()

    async def _down(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while content := await reader.read(65536):
                await self._thaw()
                if self._fault == "cut":
                    client.write(content[: len(content) // 2])
                    await client.drain()
                    break
                client.write(content)
        client.transport.abort()

    async def _thaw(self) -> None:
        while self._fault == "frozen":
            await asyncio.sleep(0.02)
