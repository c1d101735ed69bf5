"""The address that the server listens on."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    from serving.orphans import Orphan


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address and a port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the server."""
        host = "localhost" if ipaddress.ip_address(self.host).is_unspecified else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def address(host: str, port: int) -> Address:
    """The address. BentoML listens on IP addresses alone; "localhost" is taken for 127.0.0.1.

    Raises CommandError for other names.
    """
    host = "127.0.0.1" if host == "localhost" else host
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise CommandError(
            f"--host {host!r} is not an IP address", hint="127.0.0.1 for this machine alone, 0.0.0.0 for all"
        ) from error
    return Address(host, port)


def check_free(where: Address) -> None:
    """Raise CommandError when the port cannot be listened on, naming it and whoever has it."""
    fault = occupied(where)
    if fault:
        raise CommandError(fault, hint="choose another with --port, for example --port 3001")


def occupied(where: Address) -> str:
    """Why the port cannot be listened on; empty when it can."""
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as BentoML does
        try:
            probe.bind((where.host, where.port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"port {where.port} on {where.host} is in use{_by_whom(where.port)}"
            return f"port {where.port} on {where.host} cannot be used: {os.strerror(error.errno or 0)}"
    return ""


def end_orphans(where: Address) -> None:
    """End Tiffin's own workers that listen there though their server was killed."""
    from cli import console

    for orphan in orphans_at(where.port):
        with console.step(f"end worker process {orphan.process.pid}, whose server was killed"):
            orphan.end()


def orphans_at(port: int) -> list[Orphan]:
    """Tiffin's orphaned workers that listen on that port."""
    from serving.orphans import orphans

    return [orphan for orphan in orphans() if orphan.process.pid in _listeners(port)]


def _by_whom(port: int) -> str:
    """The process that listens there, as far as this account may know."""
    import psutil

    try:
        listeners = _listeners(port)
        return f" by process {listeners[0]} ({psutil.Process(listeners[0]).name()})" if listeners else ""
    except psutil.Error:
        return ""


def _listeners(port: int) -> list[int]:
    """The ids of processes that listen there, as far as this account may know."""
    import psutil

    try:
        return [
            connection.pid
            for connection in psutil.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid
        ]
    except psutil.Error:
        return []
