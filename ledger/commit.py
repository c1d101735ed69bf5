"""Durability by commit: answers wait until PostgreSQL has committed their predictions, many in one transaction."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ledger import folders
from ledger.errors import FrameError
from ledger.feed import Feed, announcements
from ledger.frame import Frame, encode
from ledger.rejected import Rejected
from ledger.rows import Row, rows_of
from ledger.sink import Sink
from storage.errors import StorageUnavailableError

logger = logging.getLogger("tiffin.ledger")

Done = Callable[[StorageUnavailableError | None], None]
"""Is called once, in another thread: with None when the frames are committed, else with the reason why they are not."""
GROUP_BYTES = 4_000_000


class Committer:
    """One per worker, in place of the spool when `ledger.durability` is `commit`.

        committer = Committer(urls.database, urls.redis, state_dir, settings.ledger.commit_deadline_seconds)
        committer.start()
        committer.submit([frame], done)   # from the event loop; `done` passes on with loop.call_soon_threadsafe
        committer.close()

    What is submitted while a transaction is under way shares the next one, so one connection serves a whole worker. A
    deadline that passes is told on time, even if PostgreSQL hangs; the predictions may be committed all the same.
    """

    def __init__(self, database_url: str, redis_url: str | None, state_dir: Path, deadline_seconds: float) -> None:
        spool = folders.root(state_dir)
        self._rejected = Rejected(spool)
        self._spool = spool
        self._sink = Sink(database_url, "tiffin committer", self._rejected.row)
        self._feed = Feed(redis_url) if redis_url else None
        self._deadline = deadline_seconds
        self._queue: deque[_Submission] = deque()
        self._open: deque[_Submission] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._writer = threading.Thread(target=self._write, name="tiffin-committer", daemon=True)
        self._watch = threading.Thread(target=self._keep_deadlines, name="tiffin-deadlines", daemon=True)

    def start(self) -> None:
        """Begin to write; PostgreSQL need not be there."""
        self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writer.start()
        self._watch.start()

    def submit(self, frames: Sequence[Frame], done: Done) -> None:
        """Commit these frames together. Never blocks and never fails: `done` is told."""
        submission = _Submission(tuple(frames), done, time.monotonic() + self._deadline)
        with self._changed:
            self._queue.append(submission)
            self._open.append(submission)
            self._changed.notify_all()

    def close(self) -> None:
        """Commit what was submitted, and end; returns within the deadline and some."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join(self._deadline + 0.5)
        self._watch.join(self._deadline + 0.5)

    def _write(self) -> None:
        while (group := self._next_group()) is not None:
            try:
                self._commit(group)
            except Exception as error:  # whatever it is, the callers wait for an answer
                if not isinstance(error, StorageUnavailableError):
                    logger.exception("a group of predictions was not committed")
                self._settle(group, _unavailable(error))
            else:
                self._settle(group, None)
                if self._feed is not None and self._feed.is_listened_to():
                    self._feed.send(_entries(group))
        self._sink.close()
        if self._feed is not None:
            self._feed.close()

    def _next_group(self) -> list[_Submission] | None:
        """Wait for submissions and take those that fit into a transaction; None at the end."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            group: list[_Submission] = []
            size = 0
            while self._queue and size < GROUP_BYTES:
                submission = self._queue.popleft()
                if not submission.settled:
                    group.append(submission)
                    size += submission.bytes
            return group if group or not self._closing else None

    def _commit(self, group: list[_Submission]) -> None:
        rows: list[Row] = []
        for frame in (frame for submission in group for frame in submission.frames):
            try:
                rows += rows_of(frame)
            except FrameError as error:
                self._rejected.bytes(encode(frame), str(error), self._spool)
        try:
            self._sink.write(rows)
        except StorageUnavailableError:
            self._sink.write(rows)  # a connection that had died; what the first attempt has written is not repeated

    def _settle(self, group: Sequence[_Submission], error: StorageUnavailableError | None) -> None:
        for submission in group:
            with self._changed:
                if submission.settled:
                    continue
                submission.settled = True
                self._changed.notify_all()
            try:
                submission.done(error)
            except Exception:  # its event loop has ended; the others wait for their answers
                logger.exception("nobody hears what became of a prediction")

    def _keep_deadlines(self) -> None:
        """Tell those that wait too long; they are in the order of their deadlines."""
        while True:
            with self._changed:
                while self._open and self._open[0].settled:
                    self._open.popleft()
                if not self._open and self._closing:
                    return
                now = time.monotonic()
                late = [one for one in self._open if one.deadline <= now and not one.settled]
                if not late:
                    self._changed.wait(self._open[0].deadline - now if self._open else None)
                    continue
            reason = f"it has not committed within {self._deadline:g} s"
            self._settle(late, StorageUnavailableError("postgresql", reason))


class _Submission:
    """Frames that are committed together, and who waits for it."""

    __slots__ = ("bytes", "deadline", "done", "frames", "settled")

    def __init__(self, frames: tuple[Frame, ...], done: Done, deadline: float) -> None:
        self.frames = frames
        self.done = done
        self.deadline = deadline
        self.settled = False
        self.bytes = sum(len(frame.answer) + len(frame.body) + len(frame.features) for frame in frames)


def _entries(group: Sequence[_Submission]) -> list[bytes]:
    """What the live stream is told of a group."""
    found: list[bytes] = []
    for frame in (frame for submission in group for frame in submission.frames):
        with suppress(FrameError):  # it was set aside when it was to be committed
            found += announcements(frame, 0)
    return found


def _unavailable(error: Exception) -> StorageUnavailableError:
    if isinstance(error, StorageUnavailableError):
        return error
    return StorageUnavailableError("postgresql", "the predictions could not be written")
