"""Labels: an append-only history of a person's words on titles; the latest word counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

import polars as pl
from sqlalchemy import Connection, Select, func, select
from sqlalchemy.dialects import postgresql, sqlite

from reel_driver.domain import VERDICTS, Label, Profile
from reel_driver.errors import NotFound, ValueRefused
from reel_driver.schema import CATALOGUE_SCHEMA, LABEL_SCHEMA, conform
from reel_driver.store.connect import Connected
from reel_driver.store.frames import collect, encoded, put
from reel_driver.store.tables import labels, profiles, titles
from reel_driver.store.upsert import Counts

_RANK = {"model": 0, "invented": 1, "person": 2}
"""Whose word stands: an earlier model's outcome never displaces a person's word."""

_COLUMNS = tuple(LABEL_SCHEMA)


class Labelling(Connected):
    """The part of the store that keeps profiles and their labels."""

    def profiles(self) -> list[Profile]:
        """All profiles, by name."""
        with self._reading() as connection:
            rows = connection.execute(select(profiles.c.name, profiles.c.about).order_by(profiles.c.name)).all()
        return [Profile(name, about) for name, about in rows]

    def ensure_profile(self, name: str, about: str = "") -> Profile:
        """The profile of that name, made when there is none yet."""
        with self.transaction() as connection:
            query = select(profiles.c.about).where(profiles.c.name == name)
            known = connection.execute(query).scalar()
            if known is None:
                new = sqlite.insert(profiles) if self._is_sqlite else postgresql.insert(profiles)
                connection.execute(new.values(name=name, about=about).on_conflict_do_nothing())
                known = connection.execute(query).scalar_one()
        return Profile(name, known)

    def add_labels(self, profile: str, given: Iterable[Label] | pl.DataFrame, *, is_import: bool = False) -> Counts:
        """Append words to the history; a word that is the latest one already is not said again.

        A word of lower standing (model, invented, person) never displaces one of higher. With `is_import`, a source that
        only repeats what it said last time says nothing new, even where another source has spoken since.

        Args:
            profile: whose words; the profile is made when there is none yet.
            given: labels, or a frame of LABEL_SCHEMA.
            is_import: the labels come from a file or another system, not from a person just now.

        Returns:
            Counts: `taken` (new titles labelled), `updated` (the word changed), `unchanged`, `repeated`.

        Raises:
            ValueRefused: for a verdict nobody knows; nothing is kept then.
            NotFound: for a title that the store does not have; nothing is kept then.
        """
        frame = _as_frame(given)
        unknown = frame.filter(~pl.col("verdict").is_in([str(v) for v in VERDICTS]))
        if len(unknown):
            raise ValueRefused("verdict", unknown["verdict"][0], f"say one of {', '.join(VERDICTS)}.")
        words = frame.unique("title_id", keep="last", maintain_order=True)
        self.ensure_profile(profile)
        with self.transaction() as connection:
            self._require_titles(connection, words["title_id"])
            profile_id = self._profile_id(connection, profile, to_write=True)
            latest = collect(connection, _latest(profile_id), LABEL_SCHEMA)
            joined = words.join(latest, on="title_id", how="left", suffix="_now", maintain_order="left")
            is_known = pl.col("source_now").is_not_null()
            same = pl.all_horizontal(
                pl.col(c).eq_missing(pl.col(f"{c}_now"))
                for c in ("verdict", "decided_by", "is_reviewed", "is_anomalous")
            )
            outranked = pl.col("decided_by").replace_strict(_RANK, default=2) < pl.col("decided_by_now").replace_strict(
                _RANK, default=2
            )
            old_news = pl.lit(False)
            if is_import:
                said = collect(connection, _latest(profile_id, by_source=True), LABEL_SCHEMA)
                before = said.select(
                    "title_id",
                    "source",
                    *(pl.col(c).alias(f"{c}_said") for c in ("verdict", "decided_by", "is_reviewed", "is_anomalous")),
                )
                joined = joined.join(before, on=["title_id", "source"], how="left", maintain_order="left")
                old_news = pl.col("decided_by_said").is_not_null() & pl.all_horizontal(
                    pl.col(c).eq_missing(pl.col(f"{c}_said"))
                    for c in ("verdict", "decided_by", "is_reviewed", "is_anomalous")
                )
            news = joined.filter(~(is_known & (same | outranked | old_news).fill_null(False)))
            n_updated = news.select(is_known.sum()).item()
            _append(connection, profile_id, news.select(_COLUMNS))
        return Counts(
            taken=len(news) - n_updated,
            updated=n_updated,
            unchanged=len(words) - len(news),
            repeated=len(frame) - len(words),
            title_ids=frame["title_id"],
        )

    def labels(self, profile: str) -> pl.DataFrame:
        """The latest word on each title, without those taken back: LABEL_SCHEMA, by title_id."""
        with self._reading() as connection:
            profile_id = self._profile_id(connection, profile)
            query = _latest(profile_id).where(labels.c.verdict.is_not(None)).order_by(labels.c.title_id)
            return collect(connection, query, LABEL_SCHEMA)

    def label_history(self, profile: str, title_id: int) -> pl.DataFrame:
        """Every word on one title in the order in which they were said; an empty verdict takes a word back."""
        with self._reading() as connection:
            profile_id = self._profile_id(connection, profile)
            query = (
                select(*(labels.c[c] for c in _COLUMNS))
                .where(labels.c.profile_id == profile_id, labels.c.title_id == title_id)
                .order_by(labels.c.label_id)
            )
            return collect(connection, query, LABEL_SCHEMA)

    def unset_label(self, profile: str, title_id: int, *, source: str = "cli") -> None:
        """Take the word on a title back; the history keeps it."""
        self._say_again(profile, title_id, source, verdict=None)

    def review_label(self, profile: str, title_id: int, *, source: str = "cli") -> None:
        """Confirm the word on a title: from now on it is a person's."""
        self._say_again(profile, title_id, source, is_reviewed=True, decided_by="person")

    def mark_anomalous(self, profile: str, title_id: int, is_anomalous: bool = True, *, source: str = "cli") -> None:
        """Keep a label out of training, or take it in again."""
        self._say_again(profile, title_id, source, is_anomalous=is_anomalous)

    def revert_label(self, profile: str, title_id: int, *, source: str = "cli") -> None:
        """Go back to the word before the latest one; reverting twice is where one began."""
        history = self.label_history(profile, title_id)
        if history.is_empty():
            raise NotFound("label", f"#{title_id}", f"{profile} has said nothing about this title.")
        before = history.row(-2, named=True) if len(history) > 1 else {**history.row(-1, named=True), "verdict": None}
        self._append_one(profile, before | {"source": source})

    def fingerprint(self, profile: str) -> str:
        """SHA-256 over the labels and the labelled titles: the same, and there is nothing new to learn."""
        words = self.labels(profile).drop("labelled_at", "source")
        with self._reading() as connection:
            profile_id = self._profile_id(connection, profile)
            named = select(labels.c.title_id).where(labels.c.profile_id == profile_id)
            query = select(*(titles.c[c] for c in CATALOGUE_SCHEMA)).where(titles.c.title_id.in_(named))
            known = collect(connection, query.order_by(titles.c.title_id), CATALOGUE_SCHEMA)
        digest = hashlib.sha256(words.write_csv().encode())
        digest.update(encoded(known).write_csv().encode())
        return digest.hexdigest()

    def _say_again(self, profile: str, title_id: int, source: str, **changed: object) -> None:
        history = self.label_history(profile, title_id)
        if history.is_empty() or history["verdict"][-1] is None:
            raise NotFound("label", f"#{title_id}", f"{profile} has not labelled this title; use `reel labels set`.")
        latest = history.row(-1, named=True)
        if any(latest[key] != value for key, value in changed.items()):
            self._append_one(profile, latest | changed | {"source": source})

    def _append_one(self, profile: str, word: dict[str, object]) -> None:
        with self.transaction() as connection:
            row = word | {"labelled_at": datetime.now(UTC)}
            _append(
                connection,
                self._profile_id(connection, profile, to_write=True),
                pl.DataFrame([row], schema=LABEL_SCHEMA),
            )

    def _profile_id(self, connection: Connection, name: str, *, to_write: bool = False) -> int:
        query = select(profiles.c.profile_id).where(profiles.c.name == name)
        # One writer of a profile at a time; SQLite has one writer anyway.
        found = connection.execute(query.with_for_update() if to_write else query).scalar()
        if found is None:
            raise NotFound(
                "profile",
                name,
                "labelling a title or importing labels makes one; `reel doctor` lists what is there.",
            )
        return int(found)

    def _require_titles(self, connection: Connection, title_ids: pl.Series) -> None:
        known: set[int] = set()
        for piece in title_ids.unique().to_frame().iter_slices(500):
            asked = piece.to_series().to_list()
            known.update(connection.execute(select(titles.c.title_id).where(titles.c.title_id.in_(asked))).scalars())
        missing = set(title_ids.to_list()) - known
        if missing:
            raise NotFound("title", f"#{min(missing)}", "import the titles before their labels.")


def _latest(profile_id: int, *, by_source: bool = False) -> Select[tuple[object, ...]]:
    groups = (labels.c.title_id, labels.c.source) if by_source else (labels.c.title_id,)
    last = select(func.max(labels.c.label_id)).where(labels.c.profile_id == profile_id).group_by(*groups)
    return select(*(labels.c[c] for c in _COLUMNS)).where(labels.c.label_id.in_(last))


def _append(connection: Connection, profile_id: int, words: pl.DataFrame) -> None:
    if words.is_empty():
        return
    now = pl.lit(datetime.now(UTC), dtype=pl.Datetime("us", "UTC"))
    ready = words.with_columns(
        pl.lit(profile_id, dtype=pl.Int64).alias("profile_id"), pl.col("labelled_at").fill_null(now)
    )
    put(connection, "labels", ready)


def _as_frame(given: Iterable[Label] | pl.DataFrame) -> pl.DataFrame:
    if not isinstance(given, pl.DataFrame):
        rows = [{c: getattr(label, c) for c in _COLUMNS} for label in given]
        given = pl.DataFrame(rows, schema=LABEL_SCHEMA)
    return conform(given, LABEL_SCHEMA).with_columns(
        pl.col("source").fill_null("unknown"),
        pl.col("decided_by").fill_null("person"),
        pl.col("is_reviewed").fill_null(False),
        pl.col("is_anomalous").fill_null(False),
    )
