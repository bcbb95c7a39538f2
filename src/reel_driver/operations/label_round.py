"""The verb of labelling in rounds: ask for the title that teaches most, learn, ask again."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from reel_driver.domain import Kind, Label, Verdict
from reel_driver.errors import NothingToRead
from reel_driver.features.known import Tokens
from reel_driver.features.spec import FeatureSpec
from reel_driver.models.prior import TastePrior
from reel_driver.models.taste import features
from reel_driver.operations.data import labelled_titles
from reel_driver.operations.workspace import Workspace
from reel_driver.prior_file import shipped_prior
from reel_driver.teach import Round
from reel_driver.train import levels_of

SOURCE = "label round"
N_POOL = 300
"""Titles that may be asked: the most voted ones without a label, which a person probably knows."""


class LabelRound:
    """A round of questions for the workspace's profile; every answer is in the store at once.

    Attributes:
        pool: titles that may be asked, most votes first.
        doubt_before: mean doubt about them at the start.
    """

    def __init__(self, work: Workspace, *, n_pool: int = N_POOL, prior: TastePrior | None = None) -> None:
        """Load the titles and what was labelled before.

        Raises:
            NothingToRead: when the catalogue holds no movie without a label.
        """
        prior = prior or shipped_prior()
        self._work = work
        spec = FeatureSpec(prior.blocks())
        earlier, _ = labelled_titles(work)
        taken = work.store.labels(work.profile)["title_id"].implode()
        columns = list(dict.fromkeys(("title_id", "title", "release_year", "directors", "imdb_votes", *spec.fields)))
        known = pl.max_horizontal("tmdb_votes", "imdb_votes").fill_null(0)
        movies = work.store.titles(columns).filter(
            ~pl.col("title_id").is_in(taken), (pl.col("kind") != Kind.SHOW.value).fill_null(True)
        )
        self.pool = movies.sort(known, "title_id", descending=[True, False]).head(n_pool)
        if self.pool.is_empty():
            raise NothingToRead("The catalogue without what is labelled already")
        spec = spec.fit(pl.concat([self.pool.select(spec.fields), earlier.select(spec.fields)]))
        sizes = tuple(len(b.categories) for b in spec.blocks if isinstance(b, Tokens))
        before = None
        if earlier.height:
            before = (features(prior, spec.encode_frame(earlier), sizes), levels_of(earlier["verdict"]))
        of = features(prior, spec.encode_frame(self.pool), sizes)
        self._round = Round(prior, sizes, of, earlier=before)
        self.doubt_before = self._round.doubt()
        self._now: int | None = None

    @property
    def n_answers(self) -> int:
        """Answers given so far."""
        return len(self._round.asked)

    @property
    def doubt(self) -> float:
        """Mean standard deviation of the log-odds of the pool's titles."""
        return self._round.doubt()

    def ask(self) -> dict[str, Any] | None:
        """The next title, with `probability` as the model has it now; None when there is none left."""
        self._now = self._round.next()
        if self._now is None:
            return None
        raw, _ = self._round.model().predict_features(self._round.pool[np.array([self._now])])
        return {**self.pool.row(self._now, named=True), "probability": float(1 / (1 + np.exp(-raw[0])))}

    def answer(self, verdict: Verdict) -> None:
        """Take a verdict on the title that was asked."""
        assert self._now is not None, "ask first"
        self._work.store.ensure_profile(self._work.profile, "")
        title_id = int(self.pool["title_id"][self._now])
        self._work.store.add_labels(self._work.profile, [Label(title_id, verdict, SOURCE)])
        self._round.answer(self._now, verdict.level)

    def skip(self) -> None:
        """Never ask the title again in this round."""
        assert self._now is not None, "ask first"
        self._round.skipped.add(self._now)

    def undo(self) -> dict[str, Any] | None:
        """Take the last answer back; returns its title, None when there was none."""
        place = self._round.undo()
        if place is None:
            return None
        self._work.store.unset_label(self._work.profile, int(self.pool["title_id"][place]), source=SOURCE)
        return self.pool.row(place, named=True)
