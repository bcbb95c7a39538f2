"""One portable file that holds everything: a zip of a manifest and Parquet pieces, the same from either database."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Float, Integer, Table, select, text

from reel_driver.errors import DiskError, FileMissing, FileUnreadable
from reel_driver.store.connect import Connected
from reel_driver.store.frames import put, stream
from reel_driver.store.tables import SCHEMA_VERSION, TABLES

FORMAT = 1
_PIECE = 50_000


class BackingUp(Connected):
    """The part of the store that goes into a file and comes back from it."""

    def backup(self, path: Path | str) -> dict[str, int]:
        """Write everything into one file; a file of that name is replaced only at the end.

        Returns:
            The number of rows by table.

        Raises:
            DiskError: when the file cannot be written.
        """
        path = Path(path)
        counts: dict[str, int] = {}
        members: dict[str, str] = {}
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
                with self._reading() as connection:
                    if not self._is_sqlite and not connection.in_transaction():
                        connection = connection.execution_options(isolation_level="REPEATABLE READ")
                    with connection.begin_nested() if connection.in_transaction() else connection.begin():
                        for table in TABLES:
                            counts[table.name] = 0
                            query = select(table).order_by(*table.primary_key)
                            for n, frame in enumerate(stream(connection, query, _schema(table), _PIECE)):
                                piece = io.BytesIO()
                                frame.write_parquet(piece, compression="zstd")
                                name = f"{table.name}-{n:05}.parquet"
                                members[name] = hashlib.sha256(piece.getbuffer()).hexdigest()
                                archive.writestr(name, piece.getbuffer())
                                counts[table.name] += len(frame)
                manifest = {
                    "format": FORMAT,
                    "schema": SCHEMA_VERSION,
                    "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
                    "rows": counts,
                    "members": members,
                }
                archive.writestr("manifest.json", json.dumps(manifest, indent=1))
            with partial.open("rb+") as written:
                os.fsync(written.fileno())
            partial.replace(path)
        except OSError as error:
            raise DiskError(path, error.strerror or str(error)) from None
        finally:
            partial.unlink(missing_ok=True)
        return counts

    def restore(self, path: Path | str) -> dict[str, int]:
        """Replace everything by what a backup holds, all or nothing.

        Returns:
            The number of rows by table.

        Raises:
            FileMissing, FileUnreadable: not there, damaged, or of a newer version; nothing is changed then.
        """
        path = Path(path)
        if not path.exists():
            raise FileMissing(path)
        try:
            with zipfile.ZipFile(path) as archive:
                manifest = _verified(path, archive)
                with self.transaction() as connection:
                    for table in reversed(TABLES):
                        connection.execute(table.delete())
                    for table in TABLES:
                        for frame in _pieces(archive, table, manifest):
                            put(connection, table.name, frame)
                    if not self._is_sqlite:
                        _reset_counters(connection)
        except (
            zipfile.BadZipFile,
            KeyError,
            ValueError,
            TypeError,
            pl.exceptions.PolarsError,
            EOFError,
        ) as error:
            raise FileUnreadable(path, f"it is not a whole backup ({str(error)[:80]}); nothing was changed.") from None
        except OSError as error:
            raise FileUnreadable(path, f"{error.strerror or error}; nothing was changed.") from None
        return {str(k): int(v) for k, v in manifest["rows"].items()}


def _verified(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    manifest = json.loads(archive.read("manifest.json"))
    if manifest["format"] > FORMAT or manifest["schema"] > SCHEMA_VERSION:
        raise FileUnreadable(path, "it was written by a newer version: update reel-driver; nothing was changed.")
    for name, expected in manifest["members"].items():
        digest = hashlib.sha256()
        with archive.open(name) as member:
            while block := member.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != expected:
            raise FileUnreadable(path, f"its part {name} is damaged; nothing was changed.")
    return dict(manifest)


def _pieces(archive: zipfile.ZipFile, table: Table, manifest: dict[str, Any]) -> Iterator[pl.DataFrame]:
    known = _schema(table)
    for name in sorted(n for n in manifest["members"] if n.rpartition("-")[0] == table.name):
        frame = pl.read_parquet(io.BytesIO(archive.read(name)))
        yield frame.select(pl.col(c).cast(known[c]) for c in frame.columns if c in known)


def _schema(table: Table) -> pl.Schema:
    return pl.Schema({column.name: _dtype(column.type) for column in table.columns})


def _dtype(stored: object) -> pl.DataType:
    if isinstance(stored, BigInteger | Integer):
        return pl.Int64()
    if isinstance(stored, Float):
        return pl.Float64()
    if isinstance(stored, Boolean):
        return pl.Boolean()
    if isinstance(stored, DateTime):
        return pl.Datetime("us", "UTC")
    return pl.Date() if isinstance(stored, Date) else pl.String()


def _reset_counters(connection: Any) -> None:
    for table, column in (("title_fixes", "fix_id"), ("profiles", "profile_id"), ("labels", "label_id")):
        highest = f"(SELECT coalesce(max({column}), 0) + 1 FROM {table})"
        connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), {highest}, false)"))
