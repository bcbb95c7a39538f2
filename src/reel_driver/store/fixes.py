"""Mended titles: a person corrects one field; it is logged, stands against later imports, and can be undone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import cast

import polars as pl
from sqlalchemy import Connection, insert, select, update

from reel_driver.domain import FIELD, Field, Kind
from reel_driver.errors import NotFound, ValueRefused
from reel_driver.schema import DTYPES
from reel_driver.store.catalogue import Reading
from reel_driver.store.frames import encoded
from reel_driver.store.identity import with_keys
from reel_driver.store.tables import outdate_scores, title_fixes, titles


class Fixing(Reading):
    """The part of the store that mends titles."""

    def fix_title(self, title_id: int, field: str, value: object) -> int:
        """Set one field of a title for good.

        Args:
            title_id: which title.
            field: a field of TITLE_FIELDS.
            value: the new value, or its text; lists as text are parted by "|"; None or "" empties the field.

        Returns:
            The number of the fix, for `revert_fix`.

        Raises:
            NotFound: no such title or field.
            ValueRefused: a value that the field cannot hold.
        """
        if field not in FIELD:
            raise NotFound("field", field, f"a title has {', '.join(FIELD)}.")
        new = _checked(FIELD[field], value)
        old = self.find_title(f"#{title_id}")[field]
        with self.transaction() as connection:
            self._write_field(connection, title_id, field, new)
            fix = insert(title_fixes).values(
                title_id=title_id,
                field=field,
                old_value=_json(old),
                new_value=_json(new),
                fixed_at=datetime.now(UTC),
            )
            done = connection.execute(fix).inserted_primary_key
        return int(done[0]) if done else 0

    def revert_fix(self, fix_id: int) -> None:
        """Bring back the value from before a fix.

        Raises:
            NotFound: no such fix, or it is undone already.
        """
        with self.transaction() as connection:
            row = connection.execute(
                select(title_fixes).where(title_fixes.c.fix_id == fix_id, title_fixes.c.reverted_at.is_(None))
            ).one_or_none()
            if row is None:
                raise NotFound("fix that stands", fix_id, "`reel titles fixes` lists them.")
            self._write_field(connection, row.title_id, row.field, _from_json(FIELD[row.field], row.old_value))
            done = update(title_fixes).where(title_fixes.c.fix_id == fix_id).values(reverted_at=datetime.now(UTC))
            connection.execute(done)

    def title_fixes(self) -> list[dict[str, object]]:
        """Every fix, the latest last: fix_id, title_id, field, old_value, new_value, fixed_at, reverted_at."""
        with self._reading() as connection:
            rows = connection.execute(select(title_fixes).order_by(title_fixes.c.fix_id)).mappings().all()
        return [
            dict(row) | {k: _from_json(FIELD[row["field"]], row[k]) for k in ("old_value", "new_value")} for row in rows
        ]

    def _write_field(self, connection: Connection, title_id: int, field: str, value: object) -> None:
        stored = encoded(pl.DataFrame({field: [value]}, schema={field: DTYPES[FIELD[field].type]})).item()
        row = self.find_title(f"#{title_id}") | {field: value}
        keys = with_keys(
            pl.DataFrame([row], schema_overrides={"season": pl.Int64, "episode": pl.Int64, "title": pl.String})
        )
        part, key = keys.select("part", "name_key").row(0)
        taken = select(titles.c.title_id).where(
            titles.c.imdb_id == row["imdb_id"], titles.c.part == part, titles.c.title_id != title_id
        )
        other = connection.execute(taken).scalar() if row["imdb_id"] else None
        if other is not None:
            raise ValueRefused(field, value, f"title #{other} has this IMDb id already.")
        change = (
            update(titles).where(titles.c.title_id == title_id).values({field: stored, "part": part, "name_key": key})
        )
        connection.execute(change)
        outdate_scores(connection)


def _checked(field: Field, value: object) -> object:
    if value is None or value in ("", []):
        if field.name in ("title", "kind"):
            raise ValueRefused(field.name, value, "a title always has one.")
        return None
    try:
        typed = _typed(field, value)
    except (TypeError, ValueError):
        raise ValueRefused(field.name, value, f"it has to be: {field.help}.") from None
    if isinstance(typed, int | float):
        low, high = field.minimum, field.maximum
        if (low is not None and typed < low) or (high is not None and typed > high) or typed != typed:
            raise ValueRefused(field.name, value, f"it lies between {low} and {high}.")
    texts = typed if isinstance(typed, list) else [typed]
    if field.max_length and any(isinstance(t, str) and len(t) > field.max_length for t in texts):
        raise ValueRefused(field.name, value, f"it has at most {field.max_length} characters.")
    if field.name == "kind" and typed not in list(Kind):
        raise ValueRefused(field.name, value, "say movie or show.")
    if field.name == "imdb_id" and not (
        str(typed).startswith("tt") and str(typed)[2:].isdigit() and len(str(typed)) >= 9
    ):
        raise ValueRefused(field.name, value, "it is tt and 7 or 8 digits.")
    return typed


def _typed(field: Field, value: object) -> object:
    if field.type == "list":
        parts = value.split("|") if isinstance(value, str) else list(cast(Iterable[object], value))
        return [str(part).strip() for part in parts if str(part).strip()]
    if field.type == "date":
        return value if isinstance(value, date) else date.fromisoformat(str(value).strip())
    if field.type == "int":
        return int(str(value).strip())
    if field.type == "float":
        return float(str(value).strip())
    return str(value).strip()


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, default=str, ensure_ascii=False)


def _from_json(field: Field, value: str | None) -> object:
    if value is None:
        return None
    plain = json.loads(value)
    return date.fromisoformat(plain) if field.type == "date" else plain
