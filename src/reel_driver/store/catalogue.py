"""The catalogue read: frames for the models, one title by what a person calls it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl
from sqlalchemy import Select, func, or_, select

from reel_driver.errors import NotFound
from reel_driver.schema import CATALOGUE_SCHEMA
from reel_driver.store.connect import Connected
from reel_driver.store.frames import collect, stream
from reel_driver.store.identity import name_key
from reel_driver.store.tables import titles

_IMDB = re.compile(r"tt\d{7,8}")
_TMDB = re.compile(r"tmdb:(?:(movie|show):)?(\d+)", re.IGNORECASE)
_NUMBER = re.compile(r"#(\d+)")
_NAME_AND_YEAR = re.compile(r"(.+?)\s*\((\d{4})\)\s*")


class Reading(Connected):
    """The part of the store that gives titles."""

    def titles(
        self,
        columns: Sequence[str] | None = None,
        *,
        title_ids: Iterable[int] | None = None,
        kind: str | None = None,
    ) -> pl.DataFrame:
        """Titles as one frame, by title_id.

        Args:
            columns: which columns of CATALOGUE_SCHEMA; all when None.
            title_ids: only these; unknown numbers are left out.
            kind: only "movie" or "show".

        Returns:
            A frame of CATALOGUE_SCHEMA, or of its columns asked for in the order asked for.
        """
        schema = _subset(columns)
        if title_ids is None:
            frames = list(self.iter_titles(columns, kind=kind))
            return pl.concat(frames) if frames else schema.to_frame()
        wanted = sorted(set(title_ids))
        pieces = [schema.to_frame()]
        with self._reading() as connection:
            for start in range(0, len(wanted), 500):
                some = titles.c.title_id.in_(wanted[start : start + 500])
                pieces.append(collect(connection, _query(schema, kind).where(some), schema))
        return pl.concat(pieces)

    def iter_titles(
        self, columns: Sequence[str] | None = None, batch_size: int = 100_000, kind: str | None = None
    ) -> Iterator[pl.DataFrame]:
        """Titles in frames of at most `batch_size` rows, by title_id, however many there are."""
        schema = _subset(columns)
        with self._reading() as connection:
            yield from stream(connection, _query(schema, kind), schema, batch_size)

    def n_titles(self) -> int:
        """How many titles there are."""
        return sum(self.n_titles_by_kind().values())

    def n_titles_by_kind(self) -> dict[str, int]:
        """How many movies and how many shows there are."""
        with self._reading() as connection:
            rows = connection.execute(
                select(titles.c.kind, func.count()).group_by(titles.c.kind).order_by(titles.c.kind)
            )
            return {row.kind: int(row[1]) for row in rows}

    def find_title(self, ref: str) -> dict[str, Any]:
        """The one title that a person means.

        Args:
            ref: "tt0111161", "tmdb:movie:278", "#12" (title_id), or a name, with the year where it is not the only one:
                "Heat (1995)". Case and punctuation do not matter.

        Returns:
            One row of CATALOGUE_SCHEMA.

        Raises:
            NotFound: naming near matches, or the candidates when several titles bear the name.
        """
        ref = ref.strip()
        found = self._candidates(ref)
        if len(found) == 1:
            return found.row(0, named=True)
        if found.is_empty():
            near = self._near(ref)
            raise NotFound(
                "title",
                ref,
                f"did you mean {near}?" if near else "nothing is called like it; `reel import` adds titles.",
            )
        raise NotFound("single title", ref, f"several are called so: {_listed(found)}; say one of the ids.")

    def _candidates(self, ref: str) -> pl.DataFrame:
        query = _query(CATALOGUE_SCHEMA, None)
        if _IMDB.fullmatch(ref.lower()):
            query = query.where(titles.c.imdb_id == ref.lower())
        elif by_tmdb := _TMDB.fullmatch(ref):
            query = query.where(titles.c.tmdb_id == int(by_tmdb[2]))
            if by_tmdb[1]:
                query = query.where(titles.c.kind == by_tmdb[1].lower())
        elif by_number := _NUMBER.fullmatch(ref):
            query = query.where(titles.c.title_id == int(by_number[1]))
        else:
            found = self._frame(query.where(titles.c.name_key == _key(ref)))
            with_year = _NAME_AND_YEAR.fullmatch(ref)
            if found.is_empty() and with_year:
                key, year = _key(with_year[1]), int(with_year[2])
                found = self._frame(query.where(titles.c.name_key == key, titles.c.release_year == year))
            return _whole(found)
        return _whole(self._frame(query))

    def _near(self, ref: str) -> str:
        if _IMDB.fullmatch(ref.lower()) or _TMDB.fullmatch(ref) or _NUMBER.fullmatch(ref):
            return ""
        with_year = _NAME_AND_YEAR.fullmatch(ref)
        words = sorted(_key(with_year[1] if with_year else ref).split(), key=len, reverse=True)[:3]
        if not words:
            return ""
        any_word = or_(*(titles.c.name_key.contains(word[:5], autoescape=True) for word in words))
        near = select(titles.c.title_id, titles.c.name_key).where(any_word).limit(2_000)
        with self._reading() as connection:
            rows = connection.execute(near).all()
        from difflib import SequenceMatcher

        asked = " ".join(_key(with_year[1] if with_year else ref).split())
        rows = sorted(rows, key=lambda row: SequenceMatcher(None, asked, row.name_key).ratio(), reverse=True)[:3]
        return _listed(self.titles(title_ids=[row.title_id for row in rows])) if rows else ""

    def _frame(self, query: Select[Any]) -> pl.DataFrame:
        with self._reading() as connection:
            return collect(connection, query, CATALOGUE_SCHEMA)


def _subset(columns: Sequence[str] | None) -> pl.Schema:
    return CATALOGUE_SCHEMA if columns is None else pl.Schema({name: CATALOGUE_SCHEMA[name] for name in columns})


def _query(schema: pl.Schema, kind: str | None) -> Select[Any]:
    query = select(*(titles.c[name] for name in schema)).order_by(titles.c.title_id)
    return query if kind is None else query.where(titles.c.kind == kind)


def _whole(found: pl.DataFrame) -> pl.DataFrame:
    """A show rather than its seasons and episodes, where both answer."""
    whole = found.filter(pl.col("season").is_null() & pl.col("episode").is_null())
    return found if whole.is_empty() else whole


def _key(name: str) -> str:
    return str(pl.DataFrame({"name": [name]}).select(name_key(pl.col("name"))).item())


def _listed(found: pl.DataFrame) -> str:
    rows = found.head(5).select("title_id", "title", "release_year", "kind").iter_rows()
    return ", ".join(f"{title} ({year or 'year unknown'}, {kind}) #{number}" for number, title, year, kind in rows)
