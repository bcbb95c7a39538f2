"""Physical lines of a text file, whatever its encoding: UTF-8, UTF-16, Windows-1252, or one in some lines and one in others."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from reel_driver.errors import FileUnreadable

_BARE_CR = re.compile(r"\r(?!\n)")
"""A line break of old within a value, quoted or not: a vertical tab until the value is read, as CSV readers trip over it."""

LONGEST = 4_000_000
"""Longest line in bytes; what is longer is no table."""


class Lines(Iterator[str]):
    """The lines of an open file, with their ends, counted.

    Attributes:
        n_read: lines given so far.
        n_quotes: double quotes given since the counter was last set to 0.
        record: the first line given since then.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        head = file.read(65_536)
        file.seek(0)
        self._wide = _wide_encoding(head)
        if self._wide is None and b"\0" in head:
            raise FileUnreadable(path, "it is not a table of text; save it as CSV, Parquet or JSON lines.")
        if self._wide is None and b"\r" in head and b"\n" not in head:
            self._file = io.BytesIO(file.read().replace(b"\r", b"\n"))
        if self._wide is not None:
            self._text = io.TextIOWrapper(file, encoding=self._wide, newline="\n", errors="replace")
        self.n_read = 0
        self.n_quotes = 0
        self.record = ""

    def __next__(self) -> str:
        if self._wide is not None:
            line = self._text.readline(LONGEST)
        else:
            line = decode(self._file.readline(LONGEST))
        if not line:
            raise StopIteration
        if self.n_read == 0:
            line = line.removeprefix("\ufeff")
        if "\r" in line:
            line = _BARE_CR.sub("\v", line)
        self.n_read += 1
        if len(line) >= LONGEST - 4 and not line.endswith("\n"):
            why = (
                f"line {self.n_read} is longer than {LONGEST // 1_000_000} MB, which no title is; nothing was changed."
            )
            raise FileUnreadable(self._path, why)
        if self.n_quotes == 0 and not self.record:
            self.record = line
        self.n_quotes += line.count('"')
        return line

    def start_record(self) -> None:
        """Begin to count quotes anew."""
        self.n_quotes, self.record = 0, ""


def decode(line: bytes) -> str:
    """UTF-8, else Windows-1252, else byte by byte: one line at a time, as pasted files mix them."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


def _wide_encoding(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    pairs = max(len(head[:4000]) // 2, 1)
    if head[1:4000:2].count(0) > 0.7 * pairs:
        return "utf-16-le"
    if head[0:4000:2].count(0) > 0.7 * pairs:
        return "utf-16-be"
    return None
