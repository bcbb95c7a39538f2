"""When are two rows the same title? By IMDb id, else by kind and TMDB id, else by kind, name and year.

A season or an episode is a title of its own: its `part`. Ids that contradict each other are never the same title, and a
source that lists one name twice in one year with two dates means two films.
"""

from __future__ import annotations

import polars as pl
from sqlalchemy import Connection, Table, and_, case, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from reel_driver.store.tables import titles


def name_key(name: pl.Expr) -> pl.Expr:
    """A title without case, punctuation and typographic variants; itself when nothing else is left of it.

    >>> pl.DataFrame({"t": ["Ocean’s  Eleven!", "WALL·E", "!!!"]}).select(name_key(pl.col("t"))).to_series().to_list()
    ['oceans eleven', 'wall e', '!!!']
    """
    plain = name.str.normalize("NFKC").str.to_lowercase()
    key = (
        plain.str.replace_all("ß", "ss", literal=True)
        .str.replace_all(r"['’‘`´]", "")
        .str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ")
        .str.strip_chars()
    )
    return pl.when(key == "").then(plain.str.strip_chars()).otherwise(key)


def with_keys(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `part`, `name_key` and `phase` (1: has an IMDb id, 2: a TMDB id, 3: a name only)."""
    season = pl.when(pl.col("season").is_not_null()).then(pl.format("s{}", "season")).otherwise(pl.lit(""))
    episode = pl.when(pl.col("episode").is_not_null()).then(pl.format("e{}", "episode")).otherwise(pl.lit(""))
    return frame.with_columns(
        (season + episode).alias("part"),
        name_key(pl.col("title")).alias("name_key"),
        pl.when(pl.col("imdb_id").is_not_null())
        .then(1)
        .when(pl.col("tmdb_id").is_not_null())
        .then(2)
        .otherwise(3)
        .alias("phase"),
    )


def repeated(frame: pl.DataFrame) -> pl.Series:
    """For each row the index of the row that stands for it: of rows with one identity, the last."""
    by_phase = (
        pl.when(pl.col("phase") == 1)
        .then(pl.concat_str(pl.lit("i"), "imdb_id", "part", separator="|"))
        .when(pl.col("phase") == 2)
        .then(
            pl.concat_str(
                pl.lit("t"),
                pl.col("tmdb_id").cast(pl.String),
                pl.col("kind").fill_null(""),
                "part",
                separator="|",
            )
        )
        .otherwise(
            pl.concat_str(
                pl.lit("n"),
                pl.col("name_key").fill_null(""),
                pl.col("release_year").cast(pl.String).fill_null(""),
                pl.col("release_date").cast(pl.String).fill_null(""),
                pl.col("kind").fill_null(""),
                "part",
                separator="|",
            )
        )
    )
    keyed = frame.select(by_phase.alias("key"), pl.int_range(pl.len(), dtype=pl.Int64).alias("at"))
    return keyed.select(pl.col("at").max().over("key")).to_series()


def match(connection: Connection, incoming: Table, phase: int, source: str) -> None:
    """Fill in `title_id` of the incoming rows, all of one phase, that the store knows already."""
    open_rows = incoming.c.title_id.is_(None)
    same_part = titles.c.part == incoming.c.part
    same_kind = titles.c.kind == func.coalesce(incoming.c.kind, titles.c.kind)
    ids_agree = and_(
        or_(titles.c.imdb_id.is_(None), incoming.c.imdb_id.is_(None), titles.c.imdb_id == incoming.c.imdb_id),
        or_(titles.c.tmdb_id.is_(None), incoming.c.tmdb_id.is_(None), titles.c.tmdb_id == incoming.c.tmdb_id),
    )
    if phase == 1:
        _fill(connection, incoming, open_rows, and_(titles.c.imdb_id == incoming.c.imdb_id, same_part))
    if phase <= 2:
        no_other_imdb_id = or_(titles.c.imdb_id.is_(None), incoming.c.imdb_id.is_(None))
        same_tmdb_id = and_(titles.c.tmdb_id == incoming.c.tmdb_id, same_part, same_kind, no_other_imdb_id)
        _fill(connection, incoming, and_(open_rows, incoming.c.tmdb_id.is_not(None)), same_tmdb_id)
    named = and_(open_rows, incoming.c.name_key.is_not(None))
    same_name = and_(titles.c.name_key == incoming.c.name_key, same_part, same_kind, ids_agree)
    two_films = and_(
        titles.c.source == source,
        titles.c.release_date.is_not(None),
        incoming.c.release_date.is_not(None),
        titles.c.release_date != incoming.c.release_date,
    )
    same_year = titles.c.release_year == incoming.c.release_year
    _fill(
        connection,
        incoming,
        and_(named, incoming.c.release_year.is_not(None)),
        and_(same_name, same_year, ~two_films),
    )
    no_year = and_(named, incoming.c.release_year.is_(None))
    _fill(connection, incoming, no_year, and_(same_name, titles.c.release_year.is_(None)))
    the_only_one = (
        select(case((func.count() == 1, func.min(titles.c.title_id))))
        .where(same_name)
        .correlate(incoming)
        .scalar_subquery()
    )
    connection.execute(update(incoming).where(no_year).values(title_id=the_only_one))


def _fill(connection: Connection, incoming: Table, where: ColumnElement[bool], on: ColumnElement[bool]) -> None:
    of_same_date = case((titles.c.release_date == incoming.c.release_date, titles.c.title_id))
    best = select(func.coalesce(func.min(of_same_date), func.min(titles.c.title_id))).where(on).correlate(incoming)
    connection.execute(update(incoming).where(where).values(title_id=best.scalar_subquery()))
