"""Titles into the store: each incoming row is a new title, an update of a known one, or nothing new.

A chunk goes into a temporary table and is matched, inserted and updated there by set, the same SQL in both databases.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)

from reel_driver.domain import TITLE_FIELDS
from reel_driver.schema import TITLE_SCHEMA, conform
from reel_driver.store.connect import Connected
from reel_driver.store.frames import encoded, put
from reel_driver.store.identity import match, repeated, with_keys
from reel_driver.store.tables import COLUMN_TYPES, outdate_scores, title_fixes, titles

CHUNK = 50_000
FIELDS = tuple(f.name for f in TITLE_FIELDS)

_incoming = Table(
    "reel_incoming",
    MetaData(),
    Column("row_no", BigInteger()),
    Column("phase", Integer()),
    Column("title_id", BigInteger()),
    Column("is_new", Boolean()),
    *(Column(f.name, COLUMN_TYPES[f.type]) for f in TITLE_FIELDS),
    Column("part", Text()),
    Column("name_key", Text()),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of incoming rows.

    Attributes:
        taken: new titles or labels.
        updated: known titles that gained or changed a value.
        unchanged: known, and nothing new.
        repeated: rows that a later row of the same frame stood in for.
        unknown: rows that name no known title and carry no name to make one of.
        title_ids: the store's number of each row of the frame, null where unknown.
    """

    taken: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    unknown: int = 0
    title_ids: pl.Series = field(default_factory=lambda: pl.Series("title_id", [], dtype=pl.Int64), compare=False)

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(
            self.taken + other.taken,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.repeated + other.repeated,
            self.unknown + other.unknown,
            pl.concat([self.title_ids, other.title_ids]),
        )


class Upserting(Connected):
    """The part of the store that takes titles in."""

    def upsert_titles(self, frame: pl.DataFrame, *, source: str) -> Counts:
        """Take titles in: new ones are added, known ones gain what the frame knows (a null never overwrites).

        What a person has mended by `fix_title` stays as mended.

        Args:
            frame: any of the columns of TITLE_SCHEMA.
            source: where the rows come from; a source is expected to list each title once.

        Returns:
            Counts, with the store's number of each row in the order of the frame.

        Raises:
            StoreError: when the database cannot do it; nothing of the frame is kept then.
        """
        keyed = with_keys(conform(frame, TITLE_SCHEMA))
        stands_in = repeated(keyed)
        keyed = keyed.with_row_index("row_no").with_columns(pl.col("row_no").cast(pl.Int64))
        kept = keyed.filter(pl.col("row_no") == stands_in)
        totals = [0, 0, 0]
        numbers: list[pl.DataFrame] = []
        with self.transaction() as connection:
            _begin(connection)
            for phase in kept["phase"].unique().sort():
                for chunk in kept.filter(pl.col("phase") == phase).iter_slices(CHUNK):
                    found, counted = _take_chunk(connection, chunk, int(phase), source)
                    numbers.append(found)
                    totals = [a + b for a, b in zip(totals, counted, strict=True)]
            connection.execute(text("DROP TABLE reel_incoming"))
            if totals[0] or totals[1]:
                outdate_scores(connection)
        by_row = pl.concat(numbers) if numbers else pl.DataFrame(schema={"row_no": pl.Int64, "title_id": pl.Int64})
        title_ids = pl.DataFrame({"row_no": stands_in}).join(by_row, on="row_no", how="left", maintain_order="left")[
            "title_id"
        ]
        taken, updated, unchanged = totals
        return Counts(
            taken=taken,
            updated=updated,
            unchanged=unchanged,
            repeated=len(keyed) - len(kept),
            unknown=by_row["title_id"].null_count(),
            title_ids=title_ids,
        )


def _begin(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        # One writer of titles at a time; and no scan of a table whose statistics are of before this transaction.
        connection.execute(text("LOCK TABLE titles IN SHARE ROW EXCLUSIVE MODE"))
        connection.execute(text("SET LOCAL enable_seqscan = off"))
    _incoming.create(connection)


def _take_chunk(
    connection: Connection, chunk: pl.DataFrame, phase: int, source: str
) -> tuple[pl.DataFrame, tuple[int, int, int]]:
    connection.execute(_incoming.delete())
    put(connection, "reel_incoming", encoded(chunk).with_columns(pl.col("part").fill_null("")))
    match(connection, _incoming, phase, source)
    _settle_claims(connection)
    first = (connection.execute(select(func.max(titles.c.title_id))).scalar() or 0) + 1 - int(chunk["row_no"][0] or 0)
    connection.execute(
        update(_incoming)
        .where(_incoming.c.title_id.is_(None), _incoming.c.title.is_not(None))
        .values(title_id=first + _incoming.c.row_no, is_new=True)
    )
    taken = _insert_new(connection, source)
    updated = _update_known(connection)
    rows = connection.execute(select(_incoming.c.row_no, _incoming.c.title_id)).all()
    found = pl.DataFrame([tuple(r) for r in rows], schema={"row_no": pl.Int64, "title_id": pl.Int64}, orient="row")
    n_known = len(found) - found["title_id"].null_count() - taken
    return found, (taken, updated, n_known - updated)


def _settle_claims(connection: Connection) -> None:
    """Two incoming rows with different ids cannot be one known title: the first has it, the others are new."""
    other = _incoming.alias("other")
    differs = or_(
        and_(
            other.c.imdb_id.is_not(None),
            _incoming.c.imdb_id.is_not(None),
            other.c.imdb_id != _incoming.c.imdb_id,
        ),
        and_(
            or_(other.c.imdb_id.is_(None), _incoming.c.imdb_id.is_(None)),
            other.c.tmdb_id.is_not(None),
            _incoming.c.tmdb_id.is_not(None),
            other.c.tmdb_id != _incoming.c.tmdb_id,
        ),
    )
    doubles = (
        select(_incoming.c.title_id)
        .where(_incoming.c.title_id.is_not(None))
        .group_by(_incoming.c.title_id)
        .having(func.count() > 1)
    )
    claimed = connection.execute(doubles).scalars().all()
    for title_id in claimed:
        rows = (
            select(_incoming.c.row_no)
            .where(_incoming.c.title_id == title_id)
            .where(
                select(literal(1))
                .where(other.c.title_id == title_id, other.c.row_no < _incoming.c.row_no, differs)
                .correlate(_incoming)
                .exists()
            )
        )
        losers = connection.execute(rows).scalars().all()
        if losers:
            connection.execute(update(_incoming).where(_incoming.c.row_no.in_(losers)).values(title_id=None))


def _insert_new(connection: Connection, source: str) -> int:
    values = [_incoming.c[name] if name != "kind" else func.coalesce(_incoming.c.kind, "movie") for name in FIELDS]
    new = select(_incoming.c.title_id, *values, _incoming.c.part, _incoming.c.name_key, literal(source)).where(
        _incoming.c.is_new.is_(True)
    )
    return connection.execute(
        insert(titles).from_select(["title_id", *FIELDS, "part", "name_key", "source"], new)
    ).rowcount


def _update_known(connection: Connection) -> int:
    _keep_fixes(connection)
    gains = [and_(_incoming.c[n].is_not(None), _incoming.c[n].is_distinct_from(titles.c[n])) for n in FIELDS]
    return connection.execute(
        update(titles)
        .where(titles.c.title_id == _incoming.c.title_id, _incoming.c.is_new.is_(None), or_(*gains))
        .values({n: func.coalesce(_incoming.c[n], titles.c[n]) for n in (*FIELDS, "name_key")})
    ).rowcount


def _keep_fixes(connection: Connection) -> None:
    fixed = (
        select(title_fixes.c.title_id, title_fixes.c.field)
        .join(_incoming, _incoming.c.title_id == title_fixes.c.title_id)
        .where(title_fixes.c.reverted_at.is_(None))
        .distinct()
    )
    for title_id, name in connection.execute(fixed).all():
        names = (name, "name_key") if name == "title" else (name,)
        connection.execute(update(_incoming).where(_incoming.c.title_id == title_id).values(dict.fromkeys(names)))
