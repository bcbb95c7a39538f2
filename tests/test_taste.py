"""The taste model: what is known before the first label, how labels move it, and what it asks next."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from model_contract import ModelContract
from reel_driver.errors import ReelError
from reel_driver.features.known import KnownTitle, Tokens
from reel_driver.features.spec import FeatureSpec
from reel_driver.models.ladder import RUNGS, TasteLearner
from reel_driver.models.ordinal import TokenRows, posterior, slope_and_bend
from reel_driver.models.population import of_unrated
from reel_driver.models.prior import NUMBERS, TastePrior, periods
from reel_driver.models.taste import Features, TasteModel, features, fit_posterior, width
from reel_driver.prior_file import read_prior, shipped_prior, write_prior
from reel_driver.tasks import Pipeline, watch_pipeline
from reel_driver.teach import FACTOR_TRUST, Round, kernel


class OnARung(ModelContract):
    rung = "posterior"

    @pytest.fixture(scope="class")
    @classmethod
    def pipeline(cls) -> Pipeline:
        taste = watch_pipeline("taste")
        return Pipeline(taste.recipe, taste.learner.configured({"rung": cls.rung}), taste.about)


class TestThePosterior(OnARung):
    rung = "posterior"


class TestTreesStackedOnThePosterior(OnARung):
    rung = "stack"


class TestTreesAlone(OnARung):
    rung = "xgboost"


@pytest.fixture(scope="module")
def prior() -> TastePrior:
    return shipped_prior()


@pytest.fixture(scope="module")
def films() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    n = 1200
    genres = ["Drama", "Comedy", "Horror", "Action", "Romance"]
    return pl.DataFrame(
        {
            "imdb_id": [f"tt{i:07}" for i in range(111000, 111000 + n)],
            "tmdb_id": list(range(900_000_000, 900_000_000 + n)),
            "kind": ["movie"] * n,
            "title": [f"Film {'North' if i % 3 else 'South'} Harbour" for i in range(n)],
            "tmdb_rating": rng.uniform(4, 9, n).round(1),
            "tmdb_votes": rng.integers(5, 9000, n),
            "imdb_rating": rng.uniform(4, 9, n).round(1),
            "release_year": rng.integers(1940, 2020, n),
            "runtime": rng.integers(70, 180, n),
            "original_language": rng.choice(["en", "fr"], n),
            "genre": [list(rng.choice(genres, 2, replace=False)) for _ in range(n)],
            "cast": [[f"Actor {k}" for k in rng.integers(0, 40, 3)] for _ in range(n)],
            "directors": [[f"Director {k}"] for k in rng.integers(0, 30, n)],
        }
    )


@pytest.fixture(scope="module")
def spec(prior: TastePrior, films: pl.DataFrame) -> FeatureSpec:
    return FeatureSpec(prior.blocks()).fit(films)


@pytest.fixture(scope="module")
def sizes(spec: FeatureSpec) -> tuple[int, ...]:
    return tuple(len(b.categories) for b in spec.blocks if isinstance(b, Tokens))


@pytest.fixture(scope="module")
def of(prior: TastePrior, spec: FeatureSpec, films: pl.DataFrame, sizes: tuple[int, ...]) -> Features:
    return features(prior, spec.encode_frame(films), sizes)


def verdicts_of_a_horror_fan(films: pl.DataFrame) -> np.ndarray:
    horror = films["genre"].list.contains("Horror").to_numpy()
    old = films["release_year"].to_numpy() < 1980
    return np.where(horror, np.where(old, 2, 1), 0)


def test_without_a_label_the_crowds_favourites_come_first(prior: TastePrior) -> None:
    spec = FeatureSpec(prior.blocks())
    loved = {"tmdb_rating": 8.5, "tmdb_votes": 9000, "release_year": 1994, "runtime": 130, "genre": ["Drama"]}
    loathed = loved | {"tmdb_rating": 4.5}
    model = TasteModel.of_nobody(prior, (0, 0, 0, 0))
    raw, spread = model.predict(spec.encode_rows([loved, loathed]))
    assert raw[0] > raw[1]
    assert (spread > 0.2).all(), "and it says that it is not sure"


def test_labels_move_it_towards_the_person(prior: TastePrior, of: Features, films: pl.DataFrame, sizes) -> None:
    levels = verdicts_of_a_horror_fan(films)
    horror = levels > 0
    before = TasteModel.of_nobody(prior, sizes).predict_features(of)[0]
    train = np.arange(40)
    found = fit_posterior(prior, of[train], levels[train])
    raw, spread = TasteModel.of_posterior(prior, sizes, found).predict_features(of)
    gap_before = before[horror][40:].mean() - before[~horror][40:].mean()
    assert raw[horror][40:].mean() - raw[~horror][40:].mean() > gap_before + 0.5
    assert spread.mean() < TasteModel.of_nobody(prior, sizes).predict_features(of)[1].mean()


def test_again_counts_for_more_than_once(prior: TastePrior, of: Features) -> None:
    some = of[np.arange(10)]
    levels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2])
    higher = np.array([0, 0, 0, 0, 0, 2, 1, 1, 1, 2])
    appeal = [
        float((some.mean + some.dense @ f.dense + some.tokens.times(f.tokens))[5])
        for f in (fit_posterior(prior, some, given) for given in (levels, higher))
    ]
    assert appeal[1] > appeal[0]


def test_the_mode_is_where_labels_and_prior_balance() -> None:
    rng = np.random.default_rng(0)
    dense, n = rng.normal(size=(30, 4)), 30
    tokens = TokenRows(rng.integers(0, 9, (n, 3)), np.full((n, 3), 0.3), 9)
    mean, lean, covariance = rng.normal(size=n), np.array([0.1, 0, 0, 0]), np.diag([1.0, 0.5, 0.2, 2.0])
    lower = np.where(rng.random(n) < 0.5, -np.inf, 0.0)
    upper = np.where(np.isinf(lower), 0.0, np.inf)
    found = posterior(dense, tokens, mean, lean, covariance, lower, upper, 0.4, tolerance=1e-9)
    appeal = mean + dense @ found.dense + tokens.times(found.tokens)
    slope, _ = slope_and_bend(appeal, lower, upper, 0.4)
    np.testing.assert_allclose(found.dense - lean, covariance @ dense.T @ slope, atol=1e-3)
    np.testing.assert_allclose(found.tokens, tokens.gathered(slope), atol=1e-3)


def test_contradictory_and_one_sided_labels_still_have_a_posterior(prior: TastePrior, of: Features) -> None:
    same = of[np.zeros(20, dtype=np.int64)]
    for levels in (np.arange(20) % 3, np.zeros(20, dtype=np.int64), np.full(20, 2)):
        found = fit_posterior(prior, same, levels)
        assert np.isfinite(found.dense).all()


def test_a_refit_after_one_more_label_starts_from_the_last(
    prior: TastePrior, of: Features, films: pl.DataFrame
) -> None:
    levels, rows = verdicts_of_a_horror_fan(films), np.arange(1000)
    last = fit_posterior(prior, of[rows], levels[rows])
    more = np.arange(1001)
    fresh = fit_posterior(prior, of[more], levels[more])
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        warm = fit_posterior(prior, of[more], levels[more], start=last.dual)
        seconds.append(time.perf_counter() - started)
    np.testing.assert_allclose(warm.dense, fresh.dense, atol=2e-2)
    assert min(seconds) < 0.2, "20 ms on a calm machine; the bench measures it, this only catches a slip"


def test_it_names_the_director_as_a_reason(prior: TastePrior, films: pl.DataFrame) -> None:
    director = films["directors"].list.first()
    liked = (director == "Director 1").to_numpy()
    rows = np.concatenate([np.flatnonzero(liked), np.flatnonzero(~liked)[:60]])
    spec = FeatureSpec(prior.blocks()).fit(films[rows.tolist()])
    encoded = spec.encode_frame(films[rows.tolist()])
    learner = TasteLearner(prior, params={"rung": "posterior"})
    model = learner.fit(spec, encoded, liked[rows].astype(np.int64) * 2, np.random.default_rng(0))
    parts = model.contributions(encoded[:1])[0]
    assert parts[spec.names.index("directors[0]")] > 0.05
    assert spec.phrase(spec.names.index("directors[0]"), {"directors": ["Director 1"]}) == "directed by Director 1"


def test_a_show_is_not_taken_for_the_movie_with_its_tmdb_number() -> None:
    block = KnownTitle(np.array([55, 0], dtype=np.int32), np.array([7, 8], dtype=np.int32))
    rows = [
        {"imdb_id": "tt0000055", "tmdb_id": None, "kind": "movie"},
        {"imdb_id": None, "tmdb_id": 8, "kind": "movie"},
        {"imdb_id": None, "tmdb_id": 8, "kind": "show"},
        {"imdb_id": "tt0000055", "tmdb_id": 8, "kind": "show"},
        {"imdb_id": "nm55", "tmdb_id": 9, "kind": None},
        {"imdb_id": None, "tmdb_id": None, "kind": None},
    ]
    spec = FeatureSpec((block,))
    schema = {"imdb_id": pl.String, "tmdb_id": pl.Int64, "kind": pl.String}
    expected = [1, 2, 0, 1, 0, np.nan]
    np.testing.assert_array_equal(spec.encode_frame(pl.DataFrame(rows, schema=schema))[:, 0], expected)
    np.testing.assert_array_equal(spec.encode_rows(rows)[:, 0], expected)


def test_names_are_encoded_alike_by_row_and_by_frame() -> None:
    rows = [
        {"cast": ["A", "B", "C"], "title": "Star Wars: The Last Star"},
        {"cast": [], "title": ""},
        {"cast": None, "title": None},
        {"cast": ["Z", None, "A"], "title": "Élan vital"},
    ]
    frame = pl.DataFrame(rows, schema={"cast": pl.List(pl.String), "title": pl.String})
    spec = FeatureSpec((Tokens("cast", 2), Tokens("title", 3))).fit(frame[:3])
    np.testing.assert_array_equal(spec.encode_frame(frame), spec.encode_rows(rows))
    assert spec.encode_row(rows[0]).tolist() == [1, 2, 2, 3, 1]
    assert np.isnan(spec.encode_row(rows[2])).all()
    assert spec.encode_row(rows[3])[:2].tolist() == [0, 1]


def test_the_shipped_prior_is_small_and_says_where_it_comes_from(prior: TastePrior, tmp_path) -> None:
    write_prior(prior, tmp_path / "prior.npz")
    assert (tmp_path / "prior.npz").stat().st_size < 1_000_000
    assert prior.provenance["n_people"] > 4000
    assert "MovieLens" in prior.provenance["ratings"]
    again = read_prior(tmp_path / "prior.npz")
    np.testing.assert_array_equal(again.factors, prior.factors)
    assert again.provenance == prior.provenance


def test_a_bundle_does_not_carry_the_marks_of_people(prior: TastePrior) -> None:
    assert TasteModel.of_nobody(prior, (0, 0, 0, 0)).prior.people.size == 0


def test_no_label_at_all_leaves_the_population(prior: TastePrior, spec: FeatureSpec, films: pl.DataFrame) -> None:
    encoded = spec.encode_frame(films)
    model = TasteLearner(prior).fit(spec, encoded[:0], np.zeros(0, dtype=np.int64), np.random.default_rng(0))
    assert model.rung == "prior"
    assert np.isfinite(model.predict(encoded)[0]).all()


def test_every_rung_is_searched(prior: TastePrior) -> None:
    assert [p["rung"] for p in TasteLearner(prior).grid] == list(RUNGS)
    assert width(prior) == FeatureSpec(prior.blocks()).width


def test_a_round_asks_each_title_once_and_takes_answers_back(prior: TastePrior, of: Features, sizes) -> None:
    asked = Round(prior, sizes, of[np.arange(30)])
    first = asked.next()
    asked.answer(first, 2)
    second = asked.next()
    assert second != first
    before = asked.posterior().dense.copy()
    asked.answer(second, 0)
    assert not np.allclose(asked.posterior().dense, before)
    assert asked.undo() == second
    np.testing.assert_allclose(asked.posterior().dense, before, atol=1e-2)
    asked.skipped.add(second)
    assert asked.next() not in (first, second)
    asked.skipped |= set(range(30))
    assert asked.next() is None
    asked.undo()
    assert asked.undo() is None


def test_answers_take_doubt_away(prior: TastePrior, of: Features, sizes) -> None:
    asked = Round(prior, sizes, of[np.arange(60)], earlier=(of[np.arange(60, 70)], np.arange(10) % 3))
    before = asked.doubt()
    for _ in range(10):
        place = asked.next()
        asked.answer(place, place % 3)
    assert asked.doubt() < before


def test_likeness_counts_shared_names(prior: TastePrior, of: Features) -> None:
    some = of[np.arange(12)]
    found = kernel(prior, some, some)
    np.testing.assert_allclose(found, found.T, atol=1e-9)
    # Factors were learned on other people: each of them counts in part, and with facts by the root of that part.
    counted = prior.covariance.copy()
    counted[prior.of_factors] *= np.sqrt(FACTOR_TRUST)
    counted[:, prior.of_factors] *= np.sqrt(FACTOR_TRUST)
    weights = np.zeros((12, some.tokens.n_places))
    for row in range(12):
        for place, value in zip(some.tokens.place[row], some.tokens.value[row], strict=True):
            weights[row, place] += value if place else 0.0
    np.testing.assert_allclose(found, some.dense @ counted @ some.dense.T + weights @ weights.T, atol=1e-9)


def test_labels_of_a_period_move_its_films_and_no_others(prior: TastePrior) -> None:
    spec = FeatureSpec(prior.blocks())
    film = {"tmdb_rating": 6.5, "tmdb_votes": 900, "runtime": 100, "genre": ["Drama"], "original_language": "en"}
    years = [1970, 1985, 2000, 2015]
    encoded = spec.encode_rows([film | {"release_year": year} for year in years * 6])
    of = features(prior, encoded, (0, 0, 0, 0))
    levels = np.array([0, 2, 0, 2] * 6)
    model = TasteModel.of_posterior(prior, (0, 0, 0, 0), fit_posterior(prior, of, levels))
    fond = model.contributions(encoded[:4])[:, NUMBERS.index("release_year")]
    assert fond[[1, 3]].min() > fond[[0, 2]].max() + 0.5, "which no line and no square of the year can do"


def test_a_title_of_no_known_year_is_of_no_period() -> None:
    assert not periods(np.array([np.nan])).any()
    assert periods(np.array([1780.0, 2400.0])).max() < 0.01
    many = periods(np.arange(1900.0, 2031.0))
    for place, year in enumerate(range(1900, 2031)):
        assert (periods(np.array([float(year)])) == many[place]).all()


def test_films_that_nobody_rated_are_thought_of_as_those_they_are_like() -> None:
    likeness = np.array([[1.0, 0.1, 0.8], [0.1, 1.0, 0.0], [0.8, 0.0, 1.0]], np.float32)
    own = np.array([[2.0], [-1.0], [0.0]])
    found = of_unrated(own, np.array([True, True, False]), np.array([0.5, 0.5]), likeness)
    np.testing.assert_array_equal(found[:2], own[:2])
    assert 0.5 < found[2, 0] < 2.0
    unlike = of_unrated(own, np.array([True, True, False]), np.array([0.5, 0.5]), np.eye(3, dtype=np.float32))
    assert unlike[2, 0] == 0


def test_a_prior_of_an_earlier_making_is_refused_in_a_sentence(prior: TastePrior, tmp_path) -> None:
    n = prior.of_factors.stop
    earlier = replace(
        prior, covariance=prior.covariance[:n, :n], lean=prior.lean[:n, :n], lean_centre=prior.lean_centre[:n]
    )
    write_prior(earlier, tmp_path / "earlier.npz")
    with pytest.raises(ReelError, match=r"earlier\.npz.*weighs 39 features of a title, not 46"):
        read_prior(tmp_path / "earlier.npz")
