"""Files of events: read a part at a time, bad rows listed by line; loading again changes nothing."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import UnreadableFileError
from features.events import Events
from features.files import LONGEST_LINE, ROWS, parts
from features.loading import Loaded, load
from features.sources import source
from storage.queries import Queries
from tests.features.made_up import joined, spent
from tests.storage.servers import execute

COLUMNS = ("event_id", "customer_id", "joined_at")
Write = Callable[[Path, Sequence[dict[str, Any]]], Path]


def separated(separator: str, ending: str) -> Write:
    def write(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
        path = folder / f"rows.{ending}"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


def json_lines(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def parquet(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    typed = [
        {name: datetime.fromisoformat(value) if name.endswith("_at") else value for name, value in row.items()}
        for row in rows
    ]
    path = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(typed), path)
    return path


KINDS = {
    "csv": separated(",", "csv"),
    "semicolons": separated(";", "csv"),
    "tsv": separated("\t", "tsv"),
    "jsonl": json_lines,
    "parquet": parquet,
}
every = pytest.mark.parametrize("write", KINDS.values(), ids=KINDS)


@pytest.fixture
def events(queries: Queries) -> Events:
    return Events(queries, None)


def run(events: Events, name: str, path: Path) -> Loaded:
    return load(events, name, path, hear=lambda done, loaded: None)


def rejects(loaded: Loaded) -> list[dict[str, str]]:
    assert loaded.rejects is not None
    with loaded.rejects.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@every
def test_a_file_of_any_kind_is_loaded_once(write: Write, tmp_path: Path, events: Events, migrated_url: str) -> None:
    path = write(tmp_path, [spent(f"cüstomer {number}", number + 0.25) for number in range(50)])
    assert run(events, "transactions", path) == Loaded(rows=50, accepted=50)
    assert run(events, "transactions", path) == Loaded(rows=50, duplicates=50)
    ((rows, total),) = execute(
        migrated_url, "select count(distinct customer_id), sum(amount)::float8 from transactions"
    )
    assert (rows, total) == (50, sum(range(50)) + 50 * 0.25)


@every
def test_bad_rows_are_listed_by_their_line_and_the_others_loaded(
    write: Write, tmp_path: Path, events: Events, migrated_url: str
) -> None:
    rows = [spent("ada", number) for number in range(20)]
    rows[3]["kind"], rows[7]["customer_id"] = "gift", ""
    loaded = run(events, "transactions", write(tmp_path, rows))
    assert (loaded.rows, loaded.accepted, loaded.rejected) == (20, 18, 2)
    header = 1 if loaded.rejects is not None and loaded.rejects.name.startswith(("rows.csv", "rows.tsv")) else 0
    first, second = rejects(loaded)
    assert (first["line"], second["line"]) == (str(3 + 1 + header), str(7 + 1 + header))
    assert first["event_id"] == rows[3]["event_id"]
    assert first["problem"].startswith("kind: must be one of salary, income")
    assert json.loads(first["row"])["kind"] == "gift"
    assert second["problem"].startswith("customer_id: ")
    assert execute(migrated_url, "select count(*) from transactions") == [(18,)]


def test_a_list_of_rejected_rows_goes_when_there_are_none_any_more(tmp_path: Path, events: Events) -> None:
    rows = [joined("ada"), joined("")]
    assert run(events, "customers", json_lines(tmp_path, rows)).rejects == tmp_path / "rows.jsonl.rejected.csv"
    rows[1]["customer_id"] = "bob"
    assert run(events, "customers", json_lines(tmp_path, rows)) == Loaded(rows=2, accepted=1, duplicates=1)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"1,ada", "has 2 cells where the header has 3"),
        (b"1,ada,2026-03-01T12:00:00Z,x", "has 4 cells where the header has 3"),
        (b"1,a\xffda,2026-03-01T12:00:00Z", "customer_id: must not hold control characters"),
        (b"1,a\x00da,2026-03-01T12:00:00Z", "customer_id: must not hold control characters"),
        (b"1,ada,2026-03-01 12:00:00", "joined_at: must say its time zone"),
        (b"1," + b"x" * 200_000 + b",2026-03-01T12:00:00Z", "does not read: field larger"),
    ],
)
def test_lines_of_csv_that_are_no_rows_do_not_stop_the_others(
    line: bytes, problem: str, tmp_path: Path, events: Events
) -> None:
    csv.field_size_limit(131_072)  # as a process begins with; training reads larger fields
    path = tmp_path / "rows.csv"
    good = b"%d,bob,2026-03-01T12:00:00Z\r\n"
    path.write_bytes(b"\xef\xbb\xbfevent_id, customer_id ,joined_at\r\n" + good % 2 + line + b"\r\n\r\n" + good % 3)
    loaded = run(events, "customers", path)
    assert (loaded.rows, loaded.accepted, loaded.rejected) == (3, 2, 1)
    (listed,) = rejects(loaded)
    assert listed["line"] == "3"
    assert problem in listed["problem"]


def test_a_cell_may_hold_line_ends_where_it_is_quoted(tmp_path: Path, events: Events) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('event_id,customer_id,joined_at\n1,"a\nb",2026-03-01T12:00Z\n2,"b,c",2026-03-01T12:00Z\n')
    loaded = run(events, "customers", path)
    assert (loaded.accepted, rejects(loaded)[0]["line"]) == (1, "3")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "must be an object"),
        (b'"x"', "must be an object"),
        (b'{"event_id": NaN}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"\xff", "is not JSON"),
        (b'{"event_id": "' + b"x" * (2 * LONGEST_LINE) + b'"}', f"is longer than {LONGEST_LINE} bytes"),
        (b'{"event_id": {"$oid": 1}}', "event_id: must be text"),
    ],
)
def test_lines_that_are_no_json_do_not_stop_the_others(
    line: bytes, problem: str, tmp_path: Path, events: Events
) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_bytes(b"\n".join([json.dumps(joined("ada")).encode(), line, b"", json.dumps(joined("bob")).encode()]))
    loaded = run(events, "customers", path)
    assert (loaded.rows, loaded.accepted) == (3, 2)
    (listed,) = rejects(loaded)
    assert listed["line"] == "2"
    assert problem in listed["problem"]


def test_parquet_brings_its_own_types(tmp_path: Path, events: Events, migrated_url: str) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    columns = {
        "event_id": pa.array([1, 2, 3]),
        "user_id": pa.array(["ada", "bob", "eve"]).dictionary_encode(),
        "ended_at": pa.array([moment, moment, None], pa.timestamp("ns", "Europe/Berlin")),
        "watch_minutes": pa.array([1.5, float("nan"), 2.0]),
        "quizzes": pa.array([1, 2, 3], pa.int8()),
    }
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    loaded = run(events, "activity", path)
    assert (loaded.accepted, loaded.rejected) == (1, 2)
    assert [one["problem"] for one in rejects(loaded)] == [
        "watch_minutes: must be a finite number",
        "ended_at: is missing",
    ]
    assert execute(migrated_url, "select event_id, ended_at from activity") == [("1", moment)]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.txt", b"", "does not end in .csv"),
        ("rows.csv", b"", "is empty"),
        ("rows.csv", b"amount\n", "lack event_id, customer_id, joined_at"),
        (
            "rows.csv",
            b"event_id,customer,joined_at\n",
            "lack customer_id, and hold .* 'customer'; did you mean 'customer_id'",
        ),
        ("rows.csv", b"event_id,customer_id,customer_id,joined_at\n", "hold customer_id twice"),
        ("rows.parquet", b"PAR1 and so on", "does not read as Parquet"),
    ],
)
def test_a_file_of_which_no_row_could_be_right_is_refused(
    name: str, content: bytes, said: str, tmp_path: Path, events: Events
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=said):
        run(events, "customers", path)


@pytest.mark.parametrize("write", [KINDS["csv"], KINDS["jsonl"], KINDS["parquet"]], ids=["csv", "jsonl", "parquet"])
def test_memory_does_not_grow_with_the_file(write: Write, tmp_path: Path) -> None:
    peaks = []
    for count in (2 * ROWS, 6 * ROWS):
        path = write(tmp_path, [spent(f"customer {number}", 1) for number in range(count)])
        tracemalloc.start()
        done = []
        for part in parts(path, source("transactions")):
            assert len(part.lines) <= ROWS
            done.append(part.done)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert done == sorted(done)
        assert 0 <= done[0] < done[-1] <= 1
    assert peaks[1] < 1.5 * peaks[0]
