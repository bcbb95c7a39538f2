"""Writing files whole or not at all, so that a kill or a full disk never leaves half of one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from reel_driver.errors import DiskError

if TYPE_CHECKING:
    import polars as pl


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: temporary name, fsync, rename.

    Raises:
        DiskError: when it cannot be written; what was there stays.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise DiskError(path, error.strerror or str(error)) from error


def digest(path: Path) -> str:
    """The first 12 digits of a file's SHA-256: enough to tell one table from another."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:12]


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as Parquet, whole or not at all; errors as `write_atomically`."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="snappy")  # what every reader reads, and quicker than the default
    write_atomically(path, buffer.getvalue())


def write_json(value: object, path: Path) -> None:
    """Write a value as readable JSON, whole or not at all; errors as `write_atomically`."""
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=1, default=str).encode())
