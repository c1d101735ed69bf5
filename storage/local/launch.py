"""Runs a server's command as an ordinary account, either to its end or detached from the caller.

A program of its own, run by path with `python -I -S`, standard library only: what it does between fork and exec (new
session, other user, capabilities) is not safe in a process that has threads, and PostgreSQL refuses to run as root.

    launch.py [--account NAME] [--needs PATH]... [--detach --log PATH] -- COMMAND...

With `--detach` the command's process id is printed and the launcher ends; the command then belongs to init. An account
that cannot reach its command or the needed paths (a checkout below /root, mode 0700) keeps one capability, to read and
search directories, instead of the paths' modes being changed.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import pwd
import sys

PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    """Parse the command line and become the command, or its parent for a moment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--account")
    parser.add_argument("--needs", action="append", default=[])
    parser.add_argument("--detach", action="store_true")
    parser.add_argument("--log")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    os.umask(0o077)
    if options.detach:
        _detach(options.log)
    if options.account:
        _become(options.account, [options.command[0], *options.needs])
    os.execv(options.command[0], options.command)  # noqa: S606 - no shell is the point


def _detach(log: str) -> None:
    """Return in a child in a session of its own (a Ctrl-C at the terminal must not reach it), its output in `log`."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    child = os.fork()
    if child:
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def _become(account: str, paths: list[str]) -> None:
    """Change to `account`, with a capability only where it cannot reach `paths` without."""
    entry = pwd.getpwnam(account)
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    unreachable = [path for path in paths if not os.access(path, os.R_OK | os.X_OK)]
    if unreachable and not (libc and (_keep(libc, CAP_DAC_READ_SEARCH) or _keep(libc, CAP_DAC_OVERRIDE))):
        sys.exit(f"account {account!r} cannot reach {unreachable[0]}; let others search its parent folders (chmod o+x)")


def _keep(libc: ctypes.CDLL, capability: int) -> bool:
    """Whether this process now has, and hands on, that one capability."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    mask = 1 << capability
    data = (ctypes.c_uint32 * 6)(
        mask, mask, mask, 0, 0, 0
    )  # effective, permitted, inheritable; low words, then high words
    if libc.capset(header, data) != 0:
        return False
    return bool(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


if __name__ == "__main__":
    main()
