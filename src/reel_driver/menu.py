"""The menus of the rating and genre tasks: named pipelines, learners and the space that a search may walk.

A rating pipeline is named `features:learner`, as in `v4_trigrams:lightgbm`; a few have a name of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reel_driver.errors import NotFound
from reel_driver.features.blocks import Block
from reel_driver.features.categories import Grouped, MultiHot, Scaled
from reel_driver.features.dates import Newness, ReleaseDay, YearBin
from reel_driver.features.numbers import Length, Number
from reel_driver.features.sentence import SentenceVector
from reel_driver.features.spec import FeatureSpec
from reel_driver.features.text import Terms, TextShape, TextVector, Tfidf
from reel_driver.models.blend import BlendLearner
from reel_driver.models.kernel import KernelLearner
from reel_driver.models.regress import LibraryRegressor, Regressor

DEFAULT_RATING = "default"
DEFAULT_GENRE = "instant"


@dataclass(frozen=True)
class RatingPipeline:
    """One entry of the rating menu.

    Attributes:
        name: the name on the menu.
        recipe: the spec before it is fitted.
        learner: how the model is learned.
        by_votes: whether a title's weight grows with its votes, 1 / (0.6 + 3 / votes).
    """

    name: str
    recipe: FeatureSpec
    learner: Regressor
    by_votes: bool


def _first_blocks(overview: int, title: int, n: int) -> tuple[Block, ...]:
    """The first pipelines: binned years, genres, frequent languages, and the commonest word groups.

    Trees that draw some of the columns depend on their order, by .002 of test RMSE and more; the order of the first
    system is not recorded. This one comes within .001 of each of its figures.
    """
    return (
        Tfidf("overview", overview, n),
        Scaled(MultiHot("genre", min_count=1)),
        Tfidf("title", title, n),
        YearBin(),
        Grouped("original_language", 0.01),
    )


def _five_blocks() -> tuple[Block, ...]:
    """All five inputs as numbers: when, how long, which genres and language, and what the words mean."""
    return (
        ReleaseDay(),
        TextShape("overview"),
        TextShape("title"),
        Length("genre"),
        MultiHot("genre", min_count=1),
        Grouped("original_language", 0.004),
        TextVector(),
        Terms(),
    )


FEATURES: Mapping[str, Callable[[], tuple[Block, ...]]] = {
    "v1_original": lambda: _first_blocks(50, 30, 1),
    "v2_bigrams": lambda: _first_blocks(50, 30, 2),
    "v3_bigrams_more_features": lambda: _first_blocks(100, 50, 2),
    "v4_trigrams": lambda: _first_blocks(50, 30, 3),
    "five": _five_blocks,
    "votes": lambda: (Number("tmdb_votes", log=True), Number("popularity", log=True), *_five_blocks()),
}
"""What a rating model may see, by name."""

EXPERIMENT_FEATURES = ("v1_original", "v2_bigrams", "v3_bigrams_more_features", "v4_trigrams")

LEARNERS: Mapping[str, Regressor] = {
    "linear": LibraryRegressor("linear"),
    "ridge": LibraryRegressor("ridge", {"alpha": 1.0}),
    "lasso": LibraryRegressor("lasso", {"alpha": 0.01}),
    "elastic_net": LibraryRegressor("elastic_net", {"alpha": 0.01, "l1_ratio": 0.5}),
    "decision_tree": LibraryRegressor("decision_tree", {"max_depth": 10}),
    "random_forest": LibraryRegressor("random_forest", {"n_estimators": 100, "max_depth": 10}),
    "gradient_boosting": LibraryRegressor(
        "gradient_boosting", {"n_estimators": 100, "max_depth": 6, "learning_rate": 0.1}
    ),
    "xgboost": LibraryRegressor("xgboost", {"n_estimators": 100, "max_depth": 6, "learning_rate": 0.1}),
    "lightgbm": LibraryRegressor(
        "lightgbm",
        {
            "n_estimators": 100,
            "max_depth": 6,
            "learning_rate": 0.1,
            "num_leaves": 31,
            "subsample": 0.8,
            "colsample_bytree": 0.8,
            "random_state": 42,
        },
    ),
}
"""The nine learners of the experiment, with the settings of the first system where it named them."""


def _blend(scales: str, share: float, noise: float, vote_noise: float, colsample: float) -> Regressor:
    boosted = LibraryRegressor(
        "lightgbm",
        {
            "n_estimators": 800,
            "learning_rate": 0.02,
            "num_leaves": 24,
            "min_child_samples": 20,
            "subsample": 0.7,
            "subsample_freq": 1,
            "colsample_bytree": colsample,
            "reg_lambda": 5.0,
            "n_text": 32,
        },
    )
    kernel = KernelLearner().configured({"scales": scales, "noise": noise, "vote_noise": vote_noise})
    return BlendLearner((kernel, boosted), (share, 1 - share))


def rating_pipeline(name: str = DEFAULT_RATING) -> RatingPipeline:
    """A pipeline of the rating menu: `default`, `votes`, `encoder` (needs the encoder extra), or `features:learner`.

    Raises:
        NotFound: for a name that is not on the menu.
    """
    if name == "default":
        return RatingPipeline(name, FeatureSpec(FEATURES["five"]()), _blend("five", 0.85, 0.4, 1.0, 0.25), True)
    if name == "votes":
        return RatingPipeline(name, FeatureSpec(FEATURES["votes"]()), _blend("votes", 0.7, 0.2, 3.0, 0.4), True)
    if name == "encoder":
        blocks = (*FEATURES["five"](), Newness(), SentenceVector(n_axes=24))
        kernel = KernelLearner().configured({"scales": "encoder"})
        return RatingPipeline(name, FeatureSpec(blocks), kernel, True)
    features, _, learner = name.partition(":")
    learner = learner or "lightgbm"
    known = {**LEARNERS, "kernel": KernelLearner()}
    if features not in FEATURES or learner not in known:
        choices = f"default, votes, encoder, or one of {', '.join(FEATURES)} with one of {', '.join(known)}"
        raise NotFound("rating model", name, f"choose {choices}, as in v4_trigrams:lightgbm.")
    return RatingPipeline(
        name, FeatureSpec(FEATURES[features]()), known[learner], by_votes=features in ("five", "votes")
    )


RIVAL = "v4_trigrams:lightgbm"
"""What a rating pipeline is judged beside: the first system's last features with its best learner."""

LIGHTGBM_SPACE: Mapping[str, tuple[Any, ...]] = {
    "n_estimators": (100, 200, 400),
    "learning_rate": (0.03, 0.06, 0.1),
    "num_leaves": (15, 31),
    "min_child_samples": (10, 20, 40),
    "colsample_bytree": (0.4, 0.8),
}
"""The space of `reel tune rating`, the same for grid, random and Optuna search."""

INVENTED: tuple[Mapping[str, Any], ...] = (
    {"title": "The Lighthouse Keeper's Ghost", "overview": "A keeper hears a voice in the fog.", "genre": ["Horror"]},
    {"title": "Two Left Feet", "overview": "Rivals must share a dance partner.", "genre": ["Comedy", "Romance"]},
    {"title": "Iron Harvest", "release_year": 1962, "original_language": "de", "genre": ["War", "Drama"]},
    {"title": "Nebula 9: Last Orbit", "overview": "A crew adrift near a dying star.", "release_date": "2031-04-01"},
    {"title": None, "overview": None, "genre": None, "original_language": None},
    {"title": "", "overview": "", "genre": [], "original_language": "xx", "release_year": 1899},
    {"title": "Das Boot der Träume", "overview": "<p>Ein Maler &amp; das Meer</p>", "genre": ["Music", "Unheard Of"]},
    {"title": "夜の列車", "overview": "夜行列車の話", "original_language": "ja", "genre": ["Animation"]},
)
"""Titles that do not exist, for golden rows: a shipped bundle carries no sentence of its training data."""
