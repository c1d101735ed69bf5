"""Durability by commit: answers wait until PostgreSQL has committed their predictions, many in one transaction."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from ledger import folders
from ledger.announcer import Announcer
from ledger.errors import FrameError
from ledger.feed import Feed
from ledger.frame import Frame, encode
from ledger.rejected import Rejected
from ledger.rows import Row, rows_of
from ledger.sink import Sink
from storage.errors import StorageUnavailableError

logger = logging.getLogger("tiffin.ledger")

Done = Callable[[StorageUnavailableError | None], None]
"""Is called once, mostly in another thread: with None when the frames are committed, else with the reason why not."""
GROUP_BYTES = 4_000_000
MOST_BYTES = 64_000_000
"""So much may wait for a transaction of one worker; what comes beyond that is refused at once."""
_AROUND_BYTES = 1000
"""What a frame takes beside its content."""


class Committer:
    """One per worker, in place of the spool when `ledger.durability` is `commit`.

        committer = Committer(urls.database, urls.redis, state_dir, settings.ledger.commit_deadline_seconds)
        committer.start()
        committer.submit([frame], done)   # from the event loop; `done` passes on with loop.call_soon_threadsafe
        committer.close()

    What is submitted while a transaction is under way shares the next one, so one connection serves a whole worker. A
    deadline that passes is told on time, even if PostgreSQL hangs; the predictions may be committed all the same when
    their transaction had begun. What waits is forgotten then, and there is a limit to it.
    """

    def __init__(self, database_url: str, redis_url: str | None, state_dir: Path, deadline_seconds: float) -> None:
        spool = folders.root(state_dir)
        self._rejected = Rejected(spool)
        self._spool = spool
        self._sink = Sink(database_url, "tiffin committer", self._rejected.row)
        self._announcer = Announcer(Feed(redis_url)) if redis_url else None
        self._deadline = deadline_seconds
        self._queue: deque[_Submission] = deque()
        self._queued_bytes = 0
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
        if self._announcer is not None:
            self._announcer.start()

    def submit(self, frames: Sequence[Frame], done: Done) -> None:
        """Commit these frames together. Never blocks and never fails: `done` is told, at once when too much waits."""
        with self._changed:
            submission = _Submission(tuple(frames), done, time.monotonic() + self._deadline)
            full = self._queued_bytes + submission.bytes > MOST_BYTES and self._queued_bytes > 0
            if not full:
                self._queue.append(submission)
                self._queued_bytes += submission.bytes
                self._open.append(submission)
                self._changed.notify_all()
        if full:
            reason = f"{MOST_BYTES} bytes of predictions wait to be committed already"
            self._settle([submission], StorageUnavailableError("postgresql", reason))

    def close(self) -> None:
        """Commit what was submitted, and end; returns within the deadline and some."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join(self._deadline + 0.5)
        self._watch.join(self._deadline + 0.5)
        if self._announcer is not None:
            self._announcer.stop(self._deadline + 0.5)

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
                self._announce(group)
            group.clear()  # what was committed, or was not, is not held while it waits for the next
        self._sink.close()

    def _announce(self, group: Sequence[_Submission]) -> None:
        if self._announcer is not None:
            for submission in group:
                self._announcer.add(submission.frames, submission.bytes)

    def _next_group(self) -> list[_Submission] | None:
        """Wait for submissions and take those that fit into a transaction; None at the end."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            group: list[_Submission] = []
            size = 0
            while self._queue and size < GROUP_BYTES:
                submission = self._take()
                if not submission.settled:
                    group.append(submission)
                    size += submission.bytes
            return group if group or not self._closing else None

    def _take(self) -> _Submission:
        """The first of the queue, with the lock held."""
        submission = self._queue.popleft()
        self._queued_bytes -= submission.bytes
        return submission

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
        """Tell those that wait too long, and let go of what they wait for: the writer may hang for long."""
        while True:
            with self._changed:
                now = time.monotonic()
                late = self._take_late(now)
                if not late:
                    if not self._open and self._closing:
                        return
                    self._changed.wait(self._open[0].deadline - now if self._open else None)
                    continue
            reason = f"it has not committed within {self._deadline:g} s"
            self._settle(late, StorageUnavailableError("postgresql", reason))
            with self._changed:
                while self._queue and self._queue[0].settled:
                    self._take()

    def _take_late(self, now: float) -> list[_Submission]:
        """Those whose deadline has passed, with the lock held; they are in the order of their deadlines."""
        late: list[_Submission] = []
        while self._open and (self._open[0].settled or self._open[0].deadline <= now):
            submission = self._open.popleft()
            if not submission.settled:
                late.append(submission)
        return late


class _Submission:
    """Frames that are committed together, and who waits for it."""

    __slots__ = ("bytes", "deadline", "done", "frames", "settled")

    def __init__(self, frames: tuple[Frame, ...], done: Done, deadline: float) -> None:
        self.frames = frames
        self.done = done
        self.deadline = deadline
        self.settled = False
        self.bytes = sum(map(_size_bytes, frames))


def _size_bytes(frame: Frame) -> int:
    parts = (frame.answer, frame.body, frame.features, frame.entities)
    return _AROUND_BYTES + sum(map(len, parts))


def _unavailable(error: Exception) -> StorageUnavailableError:
    if isinstance(error, StorageUnavailableError):
        return error
    return StorageUnavailableError("postgresql", "the predictions could not be written")
