"""The spool: what it writes, when it refuses, what a reader finds."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import folders, spool
from ledger.errors import SpoolError, SpoolFullError
from ledger.frame import Frame, decode
from ledger.positions import Positions
from ledger.segment import ENTRY, HEAD_BYTES, MARK, entry_head, pieces
from ledger.settings import LedgerSettings
from ledger.spool import Spool
from ledger.tail import Reading, Tail
from tests.ledger import making
from tests.storage.servers import ROOT

SETTINGS = LedgerSettings()


def a_frame(number: int = 0, size: int = 10) -> Frame:
    return Frame(model="fraud", operation="predict", answer=b"x" * size, request_id=str(number))


def tail(state_dir: Path) -> Tail:
    return Tail(folders.root(state_dir), Positions(state_dir / "positions.json"))


def requests(readings: list[Reading]) -> list[str]:
    return [decode(piece.content).request_id for reading in readings for piece in reading.pieces if piece.whole]


def read_all(state_dir: Path) -> list[str]:
    """All frames of a new reader, in its order."""
    reader = tail(state_dir)
    found: list[str] = []
    while readings := reader.read():
        found += requests(readings)
        reader.advance(readings)
        reader.clear(readings)
    return found


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool.open(tmp_path, SETTINGS)
    yield opened
    opened.close()


def only_segment(state_dir: Path) -> Path:
    (folder,) = folders.writers(folders.root(state_dir))
    (segment,) = folders.segments(folder)
    return segment


def test_what_was_flushed_is_read_at_once_and_only_once(writer: Spool, tmp_path: Path) -> None:
    reader = tail(tmp_path)
    assert reader.read() == []
    for number in range(3):
        writer.add(a_frame(number))
    assert reader.read() == []
    writer.flush()
    readings = reader.read()
    assert requests(readings) == ["0", "1", "2"]
    reader.advance(readings)
    assert reader.read() == []


def test_a_frame_comes_back_as_it_was(writer: Spool, tmp_path: Path) -> None:
    given = Frame(
        model="churn",
        operation="batch",
        answer=b"\x00\xff answer",
        request_id="r\0\n",
        body=b"{}",
        features=b"[]",
        entity="U1:I2",
        entities=b'["a"]',
        as_of="2026-03-01T00:00:00Z",
        caller="key",
    )
    writer.add(given)
    writer.flush()
    ((piece,),) = [reading.pieces for reading in tail(tmp_path).read()]
    assert decode(piece.content) == given


def test_a_closed_spool_is_shipped_and_leaves_nothing_behind(tmp_path: Path) -> None:
    writer = Spool.open(tmp_path, SETTINGS)
    writer.add(a_frame(1))
    writer.close()
    assert read_all(tmp_path) == ["1"]
    assert folders.writers(folders.root(tmp_path)) == []


def test_an_open_segment_is_never_removed(writer: Spool, tmp_path: Path) -> None:
    writer.add(a_frame(1))
    writer.flush()
    assert read_all(tmp_path) == ["1"]
    assert only_segment(tmp_path).exists()


def test_segments_are_closed_at_their_size_and_read_in_order(
    writer: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 1000)
    for number in range(100):
        writer.add(a_frame(number, size=50))
        writer.flush()
    assert len(folders.segments(folders.writers(folders.root(tmp_path))[0])) > 5
    assert read_all(tmp_path) == [str(number) for number in range(100)]
    assert only_segment(tmp_path).exists()


def test_segments_are_closed_at_their_age(writer: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT_SECONDS", 0.0)
    for number in range(3):
        writer.add(a_frame(number))
        writer.flush()
    assert len(folders.segments(folders.writers(folders.root(tmp_path))[0])) == 3


def test_a_frame_that_is_larger_than_a_read_is_read_whole(writer: Spool, tmp_path: Path) -> None:
    writer.add(a_frame(1, size=5_000_000))
    writer.add(a_frame(2))
    writer.flush()
    assert read_all(tmp_path) == ["1", "2"]


def test_a_busy_writer_does_not_starve_the_others(tmp_path: Path) -> None:
    writers = [Spool.open(tmp_path, SETTINGS) for _ in range(3)]
    for number, one in enumerate(writers):
        for _ in range(10):
            one.add(a_frame(number, size=1000))
        one.flush()
    reader = tail(tmp_path)
    first = {requests(reader.read(size=2000))[0] for _ in range(3)}
    assert first == {"0", "1", "2"}
    for one in writers:
        one.close()


def test_a_torn_end_is_waited_for_while_its_writer_lives_and_dropped_afterwards(tmp_path: Path) -> None:
    writer = Spool.open(tmp_path, SETTINGS)
    writer.add(a_frame(1))
    writer.flush()
    whole = only_segment(tmp_path).read_bytes()
    with only_segment(tmp_path).open("ab") as file:
        file.write(whole[HEAD_BYTES:-3])
    reader = tail(tmp_path)
    readings = reader.read()
    assert requests(readings) == ["1"]
    reader.advance(readings)
    assert reader.read() == []
    writer.close()
    (reading,) = reader.read()
    assert [(piece.whole, piece.is_torn) for piece in reading.pieces] == [(False, True)]
    assert reading.finished


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_damaged_the_other_frames_are_found(seed: int) -> None:
    chance = random.Random(seed)
    payloads = [chance.randbytes(chance.randrange(60)) + MARK * chance.randrange(2) for _ in range(8)]
    victim = chance.randrange(8)
    entries = [entry_head(payload) + payload for payload in payloads]
    hurt = bytearray(entries[victim])
    place = chance.randrange(len(hurt))
    hurt[place] ^= 1 << chance.randrange(8)
    content = b"".join([*entries[:victim], bytes(hurt), *entries[victim + 1 :]])
    found = list(pieces(memoryview(content), final=True))
    assert [bytes(piece.content) for piece in found if piece.whole] == payloads[:victim] + payloads[victim + 1 :]
    assert [piece.start for piece in found] == [0, *(piece.end for piece in found[:-1])]
    assert found[-1].end == len(content)


def test_every_cut_leaves_a_torn_end_and_what_stands_before_it() -> None:
    payloads = [b"first", b"second " * 5]
    content = b"".join(entry_head(payload) + payload for payload in payloads)
    begin = ENTRY.size + len(payloads[0])
    for cut in range(begin + 1, len(content)):
        whole, torn = pieces(memoryview(content)[:cut], final=True)
        assert bytes(whole.content) == payloads[0]
        assert torn.is_torn
        assert [piece.whole for piece in pieces(memoryview(content)[:cut], final=False)] == [True]


def test_a_segment_without_its_head_is_damage_not_an_error(tmp_path: Path) -> None:
    folder = folders.root(tmp_path) / "1-dead"
    folder.mkdir(parents=True)
    payload = b"still there"
    (folder / "000000000001.spool").write_bytes(b"garbage" + entry_head(payload) + payload)
    (reading,) = tail(tmp_path).read()
    assert [(piece.whole, bytes(piece.content)) for piece in reading.pieces] == [(False, b"garbage"), (True, payload)]


def test_a_segment_that_the_disk_does_not_give_holds_no_other_up(tmp_path: Path) -> None:
    root = folders.root(tmp_path)
    (root / "1-dead" / "000000000001.spool").mkdir(parents=True)  # reading a folder fails as a bad disk does
    other = Spool.open(tmp_path, SETTINGS)
    other.add(a_frame(1))
    other.close()
    reader = tail(tmp_path)
    assert requests(reader.read()) == ["1"]


def test_positions_that_do_not_read_only_mean_reading_again(tmp_path: Path, writer: Spool) -> None:
    writer.add(a_frame(1))
    writer.flush()
    for content in (b"", b"\xff", b'{"a": "b"}', b"[1]"):
        (tmp_path / "positions.json").write_bytes(content)
        assert requests(tail(tmp_path).read()) == ["1"]


def test_a_reader_goes_on_where_it_was(tmp_path: Path, writer: Spool) -> None:
    reader = tail(tmp_path)
    writer.add(a_frame(1))
    writer.flush()
    reader.advance(reader.read())
    reader.positions.save()
    writer.add(a_frame(2))
    writer.flush()
    assert requests(tail(tmp_path).read()) == ["2"]


def test_beyond_its_limit_the_spool_refuses_and_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 1_000_000)
    writer = Spool.open(tmp_path, LedgerSettings(spool_max_bytes=20_000_000))
    for number in range(19):
        writer.add(a_frame(number, size=1_000_000))
        writer.flush()
    writer.add(a_frame(98, size=1_000_000))
    writer.add(a_frame(99, size=1_000_000))
    with pytest.raises(SpoolFullError, match="spool_max_bytes") as caught:
        writer.flush()
    assert caught.value.frames == 2
    assert writer.frames == 0
    assert read_all(tmp_path) == [str(number) for number in range(19)]
    writer.add(a_frame(100))
    writer.flush()
    writer.close()
    assert read_all(tmp_path)[-1] == "100"


def test_the_limit_counts_all_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "LOOK_SECONDS", 0.0)
    limited = LedgerSettings(spool_max_bytes=20_000_000)
    one, other = Spool.open(tmp_path, limited), Spool.open(tmp_path, limited)
    one.add(a_frame(size=19_500_000))
    one.flush()
    other.add(a_frame(size=1_000_000))
    with pytest.raises(SpoolFullError):
        other.flush()
    one.close()
    other.close()


def test_a_disk_that_takes_only_a_part_keeps_nothing_of_that_flush(tmp_path: Path) -> None:
    """A limit on the file size stands for a full disk: the kernel writes what fits and says so."""
    code = """
import resource, sys
from pathlib import Path
from ledger.errors import SpoolFullError
from ledger.frame import Frame
from ledger.settings import LedgerSettings
from ledger.spool import Spool
spool = Spool.open(Path(sys.argv[1]), LedgerSettings())
def write(number, size):
    spool.add(Frame(model="fraud", operation="predict", answer=b"x" * size, request_id=str(number)))
    try:
        spool.flush()
    except SpoolFullError as error:
        print("full", error.frames)
    else:
        print("ok")
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
write(1, 6_000)
write(2, 6_000)
write(3, 6_000)
write(4, 20_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
write(5, 20_000)
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["ok", "full", "1", "ok", "full", "1", "ok"]
    assert read_all(tmp_path) == ["1", "3", "5"]


@pytest.mark.parametrize("only_the_writers", [True, False])
def test_a_folder_that_somebody_removed_is_made_anew(
    tmp_path: Path, writer: Spool, monkeypatch: pytest.MonkeyPatch, only_the_writers: bool
) -> None:
    monkeypatch.setattr(spool, "LOOK_SECONDS", 0.0)
    writer.add(a_frame(1))
    writer.flush()
    removed = only_segment(tmp_path).parent
    shutil.rmtree(removed if only_the_writers else removed.parent)
    for number in (2, 3):
        writer.add(a_frame(number))
        writer.flush()
    (folder,) = folders.writers(folders.root(tmp_path))
    assert folder != removed
    assert not folders.is_dead(folder)
    assert requests(tail(tmp_path).read()) == ["2", "3"]
    writer.close()
    assert folders.is_dead(folder)


def test_a_folder_that_is_removed_and_cannot_be_made_anew_is_an_error_until_it_can(
    tmp_path: Path, writer: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "LOOK_SECONDS", 0.0)
    root = folders.root(tmp_path)
    writer.add(a_frame(1))
    writer.flush()
    shutil.rmtree(root)
    root.write_text("in the way")
    writer.add(a_frame(2))
    with pytest.raises(SpoolError):
        writer.flush()
    root.unlink()
    writer.add(a_frame(3))
    writer.flush()
    assert read_all(tmp_path) == ["3"]


@pytest.mark.parametrize("fsync", [True, False])
def test_with_fsync_the_names_of_new_segments_are_on_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: bool
) -> None:
    synced: list[Path] = []
    fsync_of_the_system = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync_of_the_system(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    opened = Spool.open(tmp_path, LedgerSettings(fsync=fsync))
    for number in range(2):
        opened.add(a_frame(number))
        opened.flush()
    folder = only_segment(tmp_path).parent
    assert synced == ([folder, folder.parent, tmp_path] if fsync else [])
    opened.close()


def test_a_state_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    with pytest.raises(SpoolError, match="spool"):
        Spool.open(tmp_path, SETTINGS)


def test_a_killed_writer_loses_nothing_that_it_had_flushed(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from ledger import spool
from ledger.frame import Frame
from ledger.settings import LedgerSettings
spool.SEGMENT_BYTES = 200_000
writer = spool.Spool.open(Path(sys.argv[1]), LedgerSettings())
number = 0
while True:
    for _ in range(number % 5 + 1):
        number += 1
        writer.add(Frame(model="m", operation="predict", answer=b"x" * (number * 37 % 3000), request_id=str(number)))
    writer.flush()
    print(number, flush=True)
"""
    for round_ in range(5):
        folder = tmp_path / str(round_)
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(100 + 300 * round_)]
        process.send_signal(signal.SIGKILL)
        with process:
            said += process.stdout.read().splitlines()  # what was said before the kill came
        acknowledged = int(said[-1])
        found = read_all(folder)
        assert found == [str(number) for number in range(1, len(found) + 1)]
        assert len(found) >= acknowledged > 0
        assert folders.writers(folders.root(folder)) == []


def test_what_a_writer_left_that_never_had_a_folder_is_removed(tmp_path: Path) -> None:
    root = folders.root(tmp_path)
    hidden = root / ".77-abc"
    hidden.mkdir(parents=True)
    (hidden / folders.LOCK).touch()
    folders.remove_half_made(root)
    assert hidden.exists()
    os.utime(hidden, (0, 0))
    folders.remove_half_made(root)
    assert not hidden.exists()


def test_frames_of_models_without_features_hold_none() -> None:
    answer = making.prediction(random.Random(1))
    assert answer["answer"]["drivers"][0]["value"] == 12.5
    held = making.encoded(making.kept(answer))
    assert b"12.5" not in held
    assert b"contribution" in held


def test_what_waits_in_an_old_segment_can_be_shipped_although_nothing_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Spool.open(tmp_path, SETTINGS)
    writer.rest()
    writer.add(making.frame(making.prediction(random.Random(1))))
    writer.flush()
    (folder,) = folders.writers(folders.root(tmp_path))
    writer.rest()
    assert len(folders.segments(folder)) == 1  # it is young
    monkeypatch.setattr(spool, "SEGMENT_SECONDS", 0.0)
    writer.rest()
    assert len(folders.segments(folder)) == 2
    writer.rest()
    assert len(folders.segments(folder)) == 2  # nothing has come since
    writer.close()
