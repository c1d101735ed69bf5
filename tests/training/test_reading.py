"""Files as people have them: separators, encodings, archives, and what is wrong with a damaged one."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.errors import DataError
from training.headings import headings
from training.reading import read

ROWS = "name,amount,note\nAnna,1,a\nBjörn,2,b\nÇelik,3,c\n"
EXPECTED = [["Anna", "1", "a"], ["Björn", "2", "b"], ["Çelik", "3", "c"]]


def written(folder: Path, content: bytes | str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def problem(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.origin == str(path)
    return "; ".join(caught.value.problems)


def cells(frame: pd.DataFrame) -> list[list[object]]:
    return [list(row) for row in frame.itertuples(index=False)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_separator_is_found_and_all_columns_are_text(tmp_path: Path, separator: str, end: str) -> None:
    frame = read(written(tmp_path, ROWS.replace(",", separator).replace("\n", end)))
    assert list(frame.columns) == ["name", "amount", "note"]
    assert cells(frame) == EXPECTED


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
        ("cp1252", b""),
    ],
)
def test_the_encoding_is_found_with_or_without_a_mark(tmp_path: Path, encoding: str, mark: bytes) -> None:
    frame = read(written(tmp_path, mark + ROWS.encode(encoding)))
    assert list(frame.columns) == ["name", "amount", "note"]
    assert cells(frame) == EXPECTED


def test_a_file_put_together_from_two_encodings_is_read_line_by_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = b"town,n\n" + "Zürich,1\n".encode() * 3 + "Zürich,1\n".encode("cp1252") * 2
    frame = read(written(tmp_path, content))
    assert frame["town"].unique().tolist() == ["Zürich"]
    assert "2 of 6 lines are Windows-1252 text, such as line 5, and the others UTF-8" in caplog.text
    assert "neither UTF-8 nor Windows-1252 text (line 7)" in problem(written(tmp_path, content + b"\x81,1\n"))


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rows.csv", content)
        archive.writestr("__MACOSX/._rows.csv", b"junk")
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zipped])
def test_packed_files_are_unpacked_whatever_their_name(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    assert cells(read(written(tmp_path, pack(ROWS.encode()), "rows.csv"))) == EXPECTED


def test_quoted_fields_may_hold_separators_quotes_and_new_lines(tmp_path: Path) -> None:
    frame = read(written(tmp_path, 'a,b\n"x, y","say ""hi""\nthere"\n"",2\n'))
    assert frame["a"].iloc[0] == "x, y"
    assert frame["b"].iloc[0] == 'say "hi"\nthere'
    assert frame["a"].isna().tolist() == [False, True]


def test_decimal_commas_do_not_pass_for_separators(tmp_path: Path) -> None:
    rows = "".join(f"{i},5;{i},25;{i},125\n" for i in range(50))
    frame = read(written(tmp_path, "a;b;c\n" + rows))
    assert list(frame.columns) == ["a", "b", "c"]
    assert frame["b"].iloc[3] == "3,25"


def test_the_separator_that_excel_declares_is_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frame = read(written(tmp_path, "sep=;\na;b\n1;2\n"))
    assert cells(frame) == [["1", "2"]]
    assert not caplog.records


def test_titles_above_the_header_are_skipped_and_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frame = read(written(tmp_path, "Credit report 2021\n\n" + ROWS))
    assert cells(frame) == EXPECTED
    assert "2 lines above the header were skipped" in caplog.text


def test_names_are_stripped_and_every_column_gets_one_of_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = read(written(tmp_path, ", age ,age,age_2,\n1,2,3,4,5\n"))
    assert list(frame.columns) == ["column_1", "age", "age_3", "age_2", "column_5"]
    assert "2 columns are named 'age'; the later one is called 'age_3'" in caplog.text


def test_only_the_first_renamed_columns_are_spoken_of() -> None:
    names, findings = headings(["a"] * 9)
    assert names[-1] == "a_9"
    assert findings[4:] == ["9 columns are named 'a'; the later one is called 'a_6'", "and so for 3 more columns"]


def test_a_parquet_file_keeps_its_types_whatever_it_is_called(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.5, None], "when": pd.to_datetime(["2026-01-01", "2026-01-02"]), " a ": ["u", "v"]})
    frame.to_parquet(tmp_path / "rows.data")
    found = read(tmp_path / "rows.data")
    assert list(found.columns) == ["x", "when", "a"]
    assert found["x"].dtype == np.float64
    assert pd.api.types.is_datetime64_any_dtype(found["when"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"a,b\n", "it holds a header and no rows"),
        (b"a,b\n1,2\n3,4,5\n6\n", "line 3: 3 fields, but the header names 2 columns"),
        (b'a,b\n1,"x\ny"\n3,4,5\n6,7\n', "line 4: 3 fields, but the header names 2 columns"),
        (b"a,b\n1,x,2\n3,y,4\n", "line 1: the header names 2 columns, but the lines below it have 3 fields"),
        (b"a,b\n1,\x00\n" + b"2,3\n" * 50, "it is not text"),
        (b"a,b\n1,\x81\x8d\n", "neither UTF-8 nor Windows-1252"),
        (gzip.compress(ROWS.encode())[:-9], "damaged or cut off"),
        (b"PK\x03\x04 and nothing else", "damaged or cut off"),
        (b"PAR1 and nothing else", "damaged Parquet file"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "save the sheet as CSV"),
        (b'[{"a": 1, "b": 2}, {"a": 3, "b": 4}]', "it is JSON"),
        (b'{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', "it is JSON"),
        (b"<!DOCTYPE html><html>", "it is a web page or XML"),
    ],
)
def test_a_damaged_file_is_refused_with_the_line_or_the_remedy(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in problem(written(tmp_path, content))


def test_only_the_first_ragged_lines_are_named_and_the_others_counted(tmp_path: Path) -> None:
    found = problem(written(tmp_path, "a,b\n" + "1,2\n" * 50 + "1,2,3\n" * 8))
    assert "line 52: 3 fields" in found
    assert "and 3 more such lines" in found
    assert "must stand in double quotes" in found


def test_an_archive_of_several_files_and_a_workbook_are_refused(tmp_path: Path) -> None:
    for names, words in ((("a.csv", "b.csv"), "it holds 2 files"), (("[Content_Types].xml",), "Excel workbook")):
        with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
            for name in names:
                archive.writestr(name, ROWS)
        assert words in problem(tmp_path / "rows.zip")


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    assert problem(tmp_path / "none.csv") == "there is no such file"
    assert "it cannot be read" in problem(tmp_path)


def test_a_record_longer_than_the_readers_block_is_read(tmp_path: Path) -> None:
    long = "x" * 3_000_000
    frame = read(written(tmp_path, f'a,b\n1,"{long}"\n2,y\n'))
    assert len(frame["b"].iloc[0]) == len(long)
