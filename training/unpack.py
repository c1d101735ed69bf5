"""The text of a file: unpacked and decoded."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import logging
import lzma
import re
import zipfile
from pathlib import Path

from training.errors import DataError

logger = logging.getLogger("tiffin.training")

PARQUET = b"PAR1"
_PACKED = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ\x00": lzma.decompress}
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_JSON = re.compile(r"\s*(?:\[\s*)?\{\s*[\"}]")
_MARKUP = re.compile(r"\s*<(?:!doctype|html|\?xml)", re.IGNORECASE)
_NO_WORKBOOK = "it is an Excel workbook: save the sheet as CSV (UTF-8) and give that file"


def unpacked(path: Path) -> bytes:
    """The bytes of the file, or of the one file that the archive holds; its content says how it is packed.

    Raises DataError when it cannot be read, is a workbook, or is an archive of several files.
    """
    try:
        content = path.read_bytes()
        for mark, unpack in _PACKED.items():
            if content.startswith(mark):
                return unpack(content)
        return _from_zip(path, content) if content.startswith(_ZIP) else content
    except FileNotFoundError as error:
        raise DataError(str(path), ["there is no such file"]) from error
    except (EOFError, ValueError, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise DataError(str(path), [f"it cannot be unpacked, so it is damaged or cut off: {error}"]) from error
    except OSError as error:
        raise DataError(str(path), [f"it cannot be read: {error.strerror or error}"]) from error


def _from_zip(path: Path, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if "[Content_Types].xml" in names:
            raise DataError(str(path), [_NO_WORKBOOK])
        if len(names) != 1:
            shown = ", ".join(names[:5]) or "none"
            raise DataError(str(path), [f"it holds {len(names)} files ({shown}); pack the one that is meant alone"])
        try:
            return archive.read(names[0])
        except (RuntimeError, NotImplementedError) as error:  # a password, or an unknown way of packing
            raise DataError(str(path), [f"{names[0]} cannot be unpacked: {error}"]) from error


def decoded(path: Path, content: bytes) -> str:
    """The text of `content`: as its byte-order mark says, else UTF-8, else Windows-1252. Of a file that was put
    together from both each line is read as what it is, and a warning says so.

    Raises DataError when it is neither, no text at all, or JSON or markup.
    """
    text = _text(path, content)
    if _JSON.match(text):
        raise DataError(str(path), ["it is JSON: give its records as CSV or Parquet"])
    if _MARKUP.match(text):
        raise DataError(str(path), ["it is a web page or XML: give a CSV or a Parquet file"])
    return text


def _text(path: Path, content: bytes) -> str:
    if content.startswith(_OLD_EXCEL):
        raise DataError(str(path), [_NO_WORKBOOK])
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _as(path, content[len(mark) :], encoding)
    if b"\0" in content[:4096]:
        return _as(path, content, _without_mark(path, content))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _of_both(path, content) or _as(path, content, "cp1252")


def _of_both(path: Path, content: bytes) -> str:
    """The text of a file some of whose lines are UTF-8 beyond ASCII and some Windows-1252; empty for any other."""
    lines = content.splitlines(keepends=True)
    others = {number for number, line in enumerate(lines) if not _is_utf8(line)}
    if all(number in others or line.isascii() for number, line in enumerate(lines)):
        return ""
    logger.warning(
        "%s: %s of %s lines are Windows-1252 text, such as line %s, and the others UTF-8: each is read as what it is",
        path,
        f"{len(others):,}",
        f"{len(lines):,}",
        min(others) + 1,
    )
    return "".join(
        _as(path, line, "cp1252", number + 1) if number in others else line.decode("utf-8")
        for number, line in enumerate(lines)
    )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _without_mark(path: Path, content: bytes) -> str:
    """UTF-16 of Latin text has a zero in every second byte."""
    even, odd = content[:4096:2].count(0), content[1:4096:2].count(0)
    if max(even, odd) < 0.3 * min(len(content), 4096) / 2 or min(even, odd) > 0:
        raise DataError(str(path), ["it is not text: it holds zero bytes; give a CSV or a Parquet file"])
    return "utf-16-le" if odd > even else "utf-16-be"


def _as(path: Path, content: bytes, encoding: str, first_line: int = 1) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        what = "neither UTF-8 nor Windows-1252" if encoding == "cp1252" else f"marked as {encoding} but is not"
        line = first_line + content.count(b"\n", 0, error.start)
        raise DataError(str(path), [f"it is {what} text (line {line}): save it as UTF-8"]) from error
