"""Titles into the store: each incoming row is a new title, an update of a known one, or nothing new.

The keys of a chunk go into a temporary table and are matched there by set; new rows are then inserted in bulk, known ones
updated from a second temporary table, with the same SQL in both databases.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    and_,
    func,
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

_ROOM = MetaData()
_KEYS = ("row_no", "imdb_id", "tmdb_id", "kind", "release_year", "release_date", "part", "name_key")
_TYPES = {f.name: COLUMN_TYPES[f.type] for f in TITLE_FIELDS} | {
    "row_no": BigInteger(),
    "part": Text(),
    "name_key": Text(),
}

_keys = Table(
    "reel_incoming_keys",
    _ROOM,
    *(Column(name, _TYPES[name]) for name in _KEYS),
    Column("title_id", BigInteger()),
    prefixes=["TEMPORARY"],
)
_known = Table(
    "reel_incoming_known",
    _ROOM,
    Column("title_id", BigInteger(), primary_key=True),
    *(Column(name, _TYPES[name]) for name in (*FIELDS, "name_key")),
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
        totals = (0, 0, 0)
        numbers: list[pl.DataFrame] = []
        with self.transaction() as connection:
            if connection.dialect.name != "sqlite":
                # One writer of titles at a time; and no scan because the statistics are of before this transaction.
                connection.execute(text("LOCK TABLE titles IN SHARE ROW EXCLUSIVE MODE"))
                # Nor is any of this worth compiling, whatever the planner's penalty for scans makes it believe.
                connection.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL jit = off"))
            _ROOM.create_all(connection, checkfirst=False)
            for phase in kept["phase"].unique().sort():
                for chunk in kept.filter(pl.col("phase") == phase).iter_slices(CHUNK):
                    found, counted = _take_chunk(connection, chunk, int(phase), source)
                    numbers.append(found)
                    totals = (totals[0] + counted[0], totals[1] + counted[1], totals[2] + counted[2])
            _ROOM.drop_all(connection, checkfirst=False)
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


def _take_chunk(
    connection: Connection, chunk: pl.DataFrame, phase: int, source: str
) -> tuple[pl.DataFrame, tuple[int, int, int]]:
    highest = connection.execute(select(func.max(titles.c.title_id))).scalar() or 0
    numbered = (
        _matched(connection, chunk, phase, source)
        if highest
        else chunk.with_columns(pl.lit(None, dtype=pl.Int64).alias("title_id"))
    )
    is_new = pl.col("title_id").is_null() & pl.col("title").is_not_null()
    numbered = numbered.with_columns(
        pl.when(is_new).then(highest + is_new.cast(pl.Int64).cum_sum()).otherwise("title_id").alias("title_id"),
        is_new.alias("is_new"),
    )
    new = numbered.filter("is_new")
    if len(new):
        _insert(connection, new, source)
    known = numbered.filter(~pl.col("is_new") & pl.col("title_id").is_not_null())
    updated = _update(connection, known) if len(known) else 0
    return numbered.select("row_no", "title_id"), (len(new), updated, len(known) - updated)


def _matched(connection: Connection, chunk: pl.DataFrame, phase: int, source: str) -> pl.DataFrame:
    """The chunk with the numbers of the titles that the store knows already."""
    connection.execute(_keys.delete())
    put(connection, _keys.name, chunk.select(_KEYS))
    match(connection, _keys, phase, source)
    rows = connection.execute(select(_keys.c.row_no, _keys.c.title_id).where(_keys.c.title_id.is_not(None))).all()
    schema = {"row_no": pl.Int64, "title_id": pl.Int64}
    found = pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
    numbered = chunk.join(found, on="row_no", how="left", maintain_order="left")
    # Two rows with different ids cannot be one known title: the first has it, the others are new.
    first_imdb = pl.col("imdb_id").drop_nulls().first().over("title_id")
    first_tmdb = pl.col("tmdb_id").drop_nulls().first().over("title_id")
    differs = (pl.col("imdb_id") != first_imdb) | (first_imdb.is_null() & (pl.col("tmdb_id") != first_tmdb))
    return numbered.with_columns(pl.when(~differs.fill_null(False)).then("title_id").alias("title_id"))


def _insert(connection: Connection, new: pl.DataFrame, source: str) -> None:
    ready = encoded(new.select("title_id", *FIELDS, "name_key")).with_columns(
        pl.col("kind").fill_null("movie"), new["part"], pl.lit(source).alias("source")
    )
    put(connection, "titles", ready)


def _update(connection: Connection, known: pl.DataFrame) -> int:
    connection.execute(_known.delete())
    last = known.unique("title_id", keep="last", maintain_order=True)
    put(connection, _known.name, encoded(last.select("title_id", *FIELDS, "name_key")))
    _keep_fixes(connection)
    gains = [and_(_known.c[n].is_not(None), _known.c[n].is_distinct_from(titles.c[n])) for n in FIELDS]
    return connection.execute(
        update(titles)
        .where(titles.c.title_id == _known.c.title_id, or_(*gains))
        .values({n: func.coalesce(_known.c[n], titles.c[n]) for n in (*FIELDS, "name_key")})
    ).rowcount


def _keep_fixes(connection: Connection) -> None:
    fixed = (
        select(title_fixes.c.title_id, title_fixes.c.field)
        .join(_known, _known.c.title_id == title_fixes.c.title_id)
        .where(title_fixes.c.reverted_at.is_(None))
        .distinct()
    )
    for title_id, name in connection.execute(fixed).all():
        names = (name, "name_key") if name == "title" else (name,)
        connection.execute(update(_known).where(_known.c.title_id == title_id).values(dict.fromkeys(names)))
