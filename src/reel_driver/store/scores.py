"""Scores of a profile, as one bundle gave them, and what the person has seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import polars as pl
from sqlalchemy import Connection, and_, delete, insert, literal, select

from reel_driver.domain import Kind
from reel_driver.schema import CATALOGUE_SCHEMA, SCORE_SCHEMA, conform
from reel_driver.store.frames import collect, encoded, put
from reel_driver.store.labels import Labelling
from reel_driver.store.tables import FACETS, labels, score_runs, scores, seen, titles

_FACET_SCHEMA = pl.Schema({"title_id": pl.Int64(), **{c: CATALOGUE_SCHEMA[c] for c in FACETS}, "genre": pl.String()})
"""As stored: genres stay the text of a JSON array."""

TOP_SCHEMA = pl.Schema({**CATALOGUE_SCHEMA, **{k: v for k, v in SCORE_SCHEMA.items() if k != "title_id"}})
"""A title with its score."""


class Scoring(Labelling):
    """The part of the store that keeps scores and what was seen."""

    def write_scores(
        self, profile: str, bundle_id: str, frames: Iterable[pl.DataFrame] | Iterator[pl.DataFrame]
    ) -> int:
        """Replace all scores of a profile; until the end the old ones stand.

        Args:
            profile: whose scores.
            bundle_id: what scored.
            frames: frames of SCORE_SCHEMA, all with the columns FACETS of their titles or all without; all are drawn
                before the first is written.

        Returns:
            The number of scores written.
        """
        pieces = [_with_facets(frame) for frame in frames]
        scored = pl.concat(pieces) if pieces else SCORE_SCHEMA.to_frame()
        scored = scored.filter(pl.col("score").is_not_null() & pl.col("score").is_not_nan())
        scored = scored.sort("score", "title_id", descending=[True, False])
        self.ensure_profile(profile)
        with self.transaction() as connection:
            profile_id = self._profile_id(connection, profile, to_write=True)
            if "kind" not in scored.columns:
                facets = collect(connection, select(titles.c.title_id, *(titles.c[c] for c in FACETS)), _FACET_SCHEMA)
                scored = scored.join(facets, on="title_id", how="left", maintain_order="left")
            _clear(connection, profile_id)
            number = pl.lit(profile_id, dtype=pl.Int64).alias("profile_id")
            place = pl.int_range(pl.len(), dtype=pl.Int64).alias("place")
            put(connection, "scores", scored.select(number, place, pl.all()))
            connection.execute(
                insert(score_runs).values(profile_id=profile_id, bundle_id=bundle_id, scored_at=datetime.now(UTC))
            )
        return len(scored)

    def scored_by(self, profile: str) -> str | None:
        """The bundle whose scores are stored, or None."""
        with self._reading() as connection:
            profile_id = self._profile_id(connection, profile)
            found = connection.execute(
                select(score_runs.c.bundle_id).where(score_runs.c.profile_id == profile_id)
            ).scalar()
        return None if found is None else str(found)

    def scores(self, profile: str) -> pl.DataFrame:
        """All stored scores of a profile, the best first: SCORE_SCHEMA."""
        with self._reading() as connection:
            profile_id = self._profile_id(connection, profile)
            query = select(*(scores.c[c] for c in SCORE_SCHEMA)).where(scores.c.profile_id == profile_id)
            return collect(connection, query.order_by(scores.c.place), SCORE_SCHEMA)

    def top_scores(
        self,
        profile: str,
        *,
        limit: int,
        kind: str | None = None,
        genre: str | None = None,
        language: str | None = None,
        max_minutes: int | None = None,
        exclude_seen: bool = True,
        exclude_labelled: bool = True,
    ) -> pl.DataFrame:
        """The best scored titles of a profile, the best first.

        Args:
            profile: whose scores.
            limit: at most so many.
            kind: only "movie" or "show".
            genre: only titles of this genre, whatever its case.
            language: only titles of this original language (ISO 639-1).
            max_minutes: only titles known to last no longer.
            exclude_seen: leave out what the person has seen.
            exclude_labelled: leave out what the person has a word on.

        Returns:
            A frame of CATALOGUE_SCHEMA and the scores' columns.
        """
        with self._reading() as connection:
            profile_id = self._profile_id(connection, profile)
            chosen = select(scores).where(scores.c.profile_id == profile_id).order_by(scores.c.place).limit(limit)
            if kind is not None:
                chosen = chosen.where(scores.c.kind == str(Kind(kind)))
            if genre is not None:
                chosen = chosen.where(scores.c.genre.icontains(f'"{genre}"', autoescape=True))
            if language is not None:
                chosen = chosen.where(scores.c.original_language == language.lower())
            if max_minutes is not None:
                chosen = chosen.where(scores.c.runtime <= max_minutes)
            if exclude_seen:
                mine = and_(seen.c.profile_id == profile_id, seen.c.title_id == scores.c.title_id)
                chosen = chosen.where(~select(literal(1)).where(mine).correlate(scores).exists())
            if exclude_labelled:
                later = labels.alias("later")
                newer = and_(
                    later.c.profile_id == profile_id,
                    later.c.title_id == labels.c.title_id,
                    later.c.label_id > labels.c.label_id,
                )
                stands = and_(
                    labels.c.profile_id == profile_id,
                    labels.c.title_id == scores.c.title_id,
                    labels.c.verdict.is_not(None),
                    ~select(literal(1)).where(newer).correlate(labels).exists(),
                )
                chosen = chosen.where(~select(literal(1)).where(stands).correlate(scores).exists())
            best = chosen.subquery()
            shown = [best.c[c] if c in SCORE_SCHEMA and c != "title_id" else titles.c[c] for c in TOP_SCHEMA]
            joined = select(*shown).join_from(best, titles, titles.c.title_id == best.c.title_id)
            query = joined.order_by(best.c.place)
            return collect(connection, query, TOP_SCHEMA)

    def mark_seen(self, profile: str, title_ids: Iterable[int]) -> int:
        """Note titles as seen; returns how many were not noted before."""
        wanted = pl.Series("title_id", sorted(set(title_ids)), dtype=pl.Int64)
        self.ensure_profile(profile)
        with self.transaction() as connection:
            self._require_titles(connection, wanted)
            profile_id = self._profile_id(connection, profile, to_write=True)
            new = wanted.filter(~wanted.is_in(list(self.seen(profile))))
            rows = [{"profile_id": profile_id, "title_id": t, "seen_at": datetime.now(UTC)} for t in new]
            if rows:
                connection.execute(insert(seen), rows)
        return len(new)

    def unmark_seen(self, profile: str, title_ids: Iterable[int]) -> int:
        """Take the note back; returns how many were noted."""
        with self.transaction() as connection:
            profile_id = self._profile_id(connection, profile, to_write=True)
            return sum(
                connection.execute(delete(seen).where(seen.c.profile_id == profile_id, seen.c.title_id == t)).rowcount
                for t in set(title_ids)
            )

    def seen(self, profile: str) -> set[int]:
        """The numbers of the titles that the person has seen."""
        with self._reading() as connection:
            profile_id = self._profile_id(connection, profile)
            return set(connection.execute(select(seen.c.title_id).where(seen.c.profile_id == profile_id)).scalars())


def _clear(connection: Connection, profile_id: int) -> None:
    connection.execute(delete(score_runs).where(score_runs.c.profile_id == profile_id))
    others = connection.execute(select(literal(1)).select_from(score_runs).limit(1)).scalar()
    # Without a condition SQLite drops the whole table's pages at once.
    connection.execute(delete(scores) if others is None else delete(scores).where(scores.c.profile_id == profile_id))


def _with_facets(frame: pl.DataFrame) -> pl.DataFrame:
    """The scores, and what they are filtered by where the frame says it, which spares looking it up."""
    scored = conform(frame, SCORE_SCHEMA)
    if not set(FACETS) <= set(frame.columns):
        return scored
    return scored.hstack(encoded(frame.select(FACETS)).cast({c: _FACET_SCHEMA[c] for c in FACETS}))
