"""What can be predicted, and the menu of named pipelines for it: features, learner, and how the target is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from reel_driver.errors import NotFound
from reel_driver.features.blocks import Block
from reel_driver.features.categories import MultiHot, OneHot
from reel_driver.features.numbers import Length, LogRatio, Number
from reel_driver.features.spec import FeatureSpec
from reel_driver.features.text import Words
from reel_driver.models import Learner
from reel_driver.models.ladder import TasteLearner
from reel_driver.models.linear import LogisticLearner
from reel_driver.models.prior import TastePrior
from reel_driver.models.trees import TreeLearner
from reel_driver.prior_file import shipped_prior


@dataclass(frozen=True)
class Pipeline:
    """One entry of the menu.

    Attributes:
        recipe: the spec before it is fitted.
        learner: how the model is learned.
        about: one line for a person.
    """

    recipe: FeatureSpec
    learner: Learner
    about: str

    @property
    def name(self) -> str:
        """The name on the menu."""
        return self.learner.name


COUNTS = ("budget", "revenue", "tmdb_votes", "imdb_votes")
PLAIN = ("release_year", "runtime", "tmdb_rating", "imdb_rating", "rt_score", "metascore")


def _catalogue_blocks(*, log_counts: bool) -> tuple[Block, ...]:
    """All columns of `atp.training`: numbers, year, genres and how many, languages, countries, companies, status, text."""
    return (
        *(Number(f) for f in PLAIN),
        *(Number(f, log=log_counts) for f in COUNTS),
        LogRatio("tmdb_votes", "imdb_votes"),
        LogRatio("imdb_votes", "release_year"),
        LogRatio("tmdb_votes", "release_year"),
        LogRatio("revenue", "budget"),
        OneHot("original_language"),
        OneHot("production_status"),
        MultiHot("genre"),
        Length("genre"),
        MultiHot("spoken_languages"),
        MultiHot("origin_country"),
        MultiHot("production_countries"),
        MultiHot("production_companies"),
        Words("overview", 24),
        Words("tagline", 4),
        Words("title", 4),
    )


def _watch_xgboost() -> Pipeline:
    return Pipeline(FeatureSpec(_catalogue_blocks(log_counts=False)), TreeLearner(), "XGBoost on all metadata")


def _watch_logistic() -> Pipeline:
    return Pipeline(
        FeatureSpec(_catalogue_blocks(log_counts=True)),
        LogisticLearner(),
        "logistic regression on all metadata",
    )


def taste_pipeline(prior: TastePrior) -> Pipeline:
    """The taste model on a population prior."""
    return Pipeline(
        FeatureSpec((*prior.blocks(), *_catalogue_blocks(log_counts=False))),
        TasteLearner(prior),
        "what many people like, moved by your labels; trees where you have enough of them",
    )


def _watch_taste() -> Pipeline:
    return taste_pipeline(shipped_prior())


WATCH: Mapping[str, partial[Pipeline]] = {
    "taste": partial(_watch_taste),
    "xgboost": partial(_watch_xgboost),
    "logistic": partial(_watch_logistic),
}
"""Would they watch it: the menu of `reel train --model`."""

DEFAULT_WATCH = "taste"


def watch_pipeline(name: str) -> Pipeline:
    """A pipeline of the watch menu.

    Raises:
        NotFound: for a name that is not on the menu.
    """
    try:
        return WATCH[name]()
    except KeyError:
        raise NotFound("model", name, f"choose one of {', '.join(WATCH)}.") from None
