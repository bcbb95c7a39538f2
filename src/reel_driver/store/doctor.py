"""What is inconsistent in a library, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from reel_driver.domain import VERDICTS
from reel_driver.store.connect import Connected
from reel_driver.store.tables import labels, profiles, score_runs, scores, seen, titles

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold together.

    Attributes:
        what: the finding in one sentence.
        what_to_do: how to mend it.
        n: how many times it was found; 0 is no finding.
        examples: some of the titles, as `#number name (year)`.
    """

    what: str
    what_to_do: str
    n: int
    examples: tuple[str, ...] = ()


class Examining(Connected):
    """The part of the store that looks for what is wrong."""

    def doctor(self, *, known_bundles: Iterable[str] | None = None) -> list[Finding]:
        """Look the whole library through; an empty list says that it holds together.

        Args:
            known_bundles: the bundles that exist, to find scores of others; not looked at when None.
        """
        with self._reading() as connection:
            found = [check(connection) for check in _CHECKS]
            if known_bundles is not None:
                found.append(_scores_of_unknown_bundles(connection, set(known_bundles)))
        return [finding for finding in found if finding.n]


def _examples(connection: Connection, rows: Select[Any]) -> tuple[int, tuple[str, ...]]:
    """The number of titles that a query of title_ids finds, and the first few of them in words."""
    wanted = rows.subquery()
    n = connection.execute(select(func.count()).select_from(wanted)).scalar() or 0
    if not n:
        return 0, ()
    shown = select(titles.c.title_id, titles.c.title, titles.c.release_year).where(
        titles.c.title_id.in_(select(wanted))
    )
    some = connection.execute(shown.order_by(titles.c.title_id).limit(_SHOWN))
    return n, tuple(f"#{number} {title} ({year or 'year unknown'})" for number, title, year in some)


def _labels_without_titles(connection: Connection) -> Finding:
    known = select(titles.c.title_id)
    lost = select(func.count()).select_from(labels).where(labels.c.title_id.not_in(known))
    n = connection.execute(lost).scalar() or 0
    what = f"{n} labels speak of titles that are not in the catalogue"
    return Finding(what, "import the titles again, or bring back a backup with `reel restore`.", n)


def _unknown_verdicts(connection: Connection) -> Finding:
    odd = select(labels.c.title_id).where(labels.c.verdict.not_in([str(v) for v in VERDICTS])).distinct()
    n, examples = _examples(connection, odd)
    what = f"{n} titles have a label that nobody knows"
    return Finding(what, "say it anew with `reel labels set`.", n, examples)


def _same_id_twice(connection: Connection) -> Finding:
    twice = (
        select(func.min(titles.c.title_id))
        .where(titles.c.tmdb_id.is_not(None))
        .group_by(titles.c.kind, titles.c.tmdb_id, titles.c.part)
        .having(func.count() > 1)
    )
    n, examples = _examples(connection, twice)
    what = f"{n} TMDB ids stand at more than one title"
    return Finding(what, "look which is right and mend the other with `reel titles fix`.", n, examples)


def _same_name_twice(connection: Connection) -> Finding:
    twice = (
        select(func.min(titles.c.title_id))
        .where(titles.c.release_year.is_not(None))
        .group_by(titles.c.kind, titles.c.name_key, titles.c.release_year, titles.c.part)
        .having(
            and_(
                func.count() > 1,
                # Different ids throughout are different films.
                func.count(func.distinct(titles.c.imdb_id)) < func.count(),
                func.count(func.distinct(titles.c.tmdb_id)) < func.count(),
            )
        )
    )
    n, examples = _examples(connection, twice)
    what = f"{n} names stand more than once in the same year"
    advice = "two films may share a name; if they are one, give both the same imdb_id in an import, or label only one."
    return Finding(what, advice, n, examples)


def _impossible_years(connection: Connection) -> Finding:
    latest = datetime.now(UTC).year + 10
    year_of_date = func.extract("year", titles.c.release_date)
    odd = select(titles.c.title_id).where(
        or_(
            titles.c.release_year < 1874,
            titles.c.release_year > latest,
            and_(titles.c.release_date.is_not(None), func.abs(year_of_date - titles.c.release_year) > 2),
        )
    )
    n, examples = _examples(connection, odd)
    what = f"{n} titles have a year before film, far ahead, or against their date"
    return Finding(what, "mend them with `reel titles fix ... release_year`.", n, examples)


def _impossible_runtimes(connection: Connection) -> Finding:
    too_long = case((titles.c.kind == "movie", 900), else_=6000)
    n, examples = _examples(connection, select(titles.c.title_id).where(titles.c.runtime > too_long))
    what = f"{n} titles are said to last longer than any does"
    return Finding(what, "mend them with `reel titles fix ... runtime`, in minutes.", n, examples)


def _ratings_without_votes(connection: Connection) -> Finding:
    odd = select(titles.c.title_id).where(titles.c.tmdb_rating > 0, titles.c.tmdb_votes == 0)
    n, examples = _examples(connection, odd)
    what = f"{n} titles have a TMDB rating by nobody"
    return Finding(
        what, "import them anew, or empty the rating with `reel titles fix ... tmdb_rating ''`.", n, examples
    )


def _scores_without_titles(connection: Connection) -> Finding:
    lost = select(func.count()).select_from(scores).where(scores.c.title_id.not_in(select(titles.c.title_id)))
    n = connection.execute(lost).scalar() or 0
    what = f"{n} scores speak of titles that are not in the catalogue"
    return Finding(what, "score anew with `reel train --force`.", n)


def _nothing_said(connection: Connection) -> Finding:
    said = select(labels.c.profile_id).union(select(seen.c.profile_id))
    names = connection.execute(select(profiles.c.name).where(profiles.c.profile_id.not_in(said))).scalars().all()
    what = f"{len(names)} profiles have neither labels nor seen titles"
    return Finding(what, "label some titles with `reel labels set`.", len(names), tuple(names[:_SHOWN]))


def _scores_of_unknown_bundles(connection: Connection, known: set[str]) -> Finding:
    rows = connection.execute(select(profiles.c.name, score_runs.c.bundle_id).join_from(score_runs, profiles))
    lost = tuple(f"{name}: {bundle}" for name, bundle in rows if bundle not in known)
    what = f"the scores of {len(lost)} profiles come from a bundle that is gone"
    return Finding(what, "score anew with `reel train --force`.", len(lost), lost[:_SHOWN])


_CHECKS: tuple[Callable[[Connection], Finding], ...] = (
    _labels_without_titles,
    _unknown_verdicts,
    _same_id_twice,
    _same_name_twice,
    _impossible_years,
    _impossible_runtimes,
    _ratings_without_votes,
    _scores_without_titles,
    _nothing_said,
)
