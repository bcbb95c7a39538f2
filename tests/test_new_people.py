"""The protocol "new people" and the building of a prior, on invented ratings and, where it is at hand, on the real ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from reel_driver.cli import reel
from reel_driver.errors import FileUnreadable, OverlappingPeople, TooFewRaters
from reel_driver.ingest.movielens import read_rated_titles, read_ratings
from reel_driver.operations.benchmark import BenchmarkConfig, benchmark_taste
from reel_driver.operations.prior import build_prior, overlapping, sketches
from reel_driver.protocol import SHELF, Person, judge, ndcg_at_10, shelves_covered

GENRES = ["Drama", "Comedy", "Horror", "Action"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred invented people, each with a favourite genre, and a hundred and fifty films."""
    folder = tmp_path_factory.mktemp("movielens")
    rng = np.random.default_rng(0)
    n_films, n_people = 150, 100
    own = rng.integers(0, 4, n_films)
    quality = rng.normal(0, 1, n_films)
    pl.DataFrame(
        {
            "movieId": np.arange(n_films) * 3 + 1,
            "title": [f"Film {i}" for i in range(n_films)],
            "imdb_id": [f"tt{i + 1:07}" for i in range(n_films)],
            "vote_average": np.round(6.5 + quality, 1),
            "vote_count": rng.integers(50, 5000, n_films),
            "genres": [f"{GENRES[g]}|Family" for g in own],
            "year": rng.integers(1960, 2000, n_films),
            "runtime": rng.integers(80, 150, n_films),
            "original_language": "en",
            "actors": [f"Actor {g}|Actor {i % 20}" for i, g in enumerate(own)],
            "overview": [f"A story of {GENRES[g].lower()} and number {i % 7}" for i, g in enumerate(own)],
        }
    ).write_parquet(folder / "titles.parquet")
    rows = []
    for person in range(n_people):
        films = rng.permutation(n_films)[:90]
        stars = 3.3 + 0.5 * quality[films] + 1.2 * (own[films] == person % 4) + rng.normal(0, 0.5, 90)
        rows += [
            (person + 1, int(f) * 3 + 1, float(np.clip(np.round(s), 1, 5)), 1000 + i)
            for i, (f, s) in enumerate(zip(films, stars, strict=True))
        ]
    ratings = pl.DataFrame(rows, schema=["userId", "movieId", "rating", "timestamp"], orient="row")
    ratings.filter(pl.col("userId") <= 70).write_parquet(folder / "many.parquet")
    ratings.filter(pl.col("userId") > 70).write_csv(folder / "new.csv")
    return folder


@pytest.fixture(scope="module")
def prior_file(folder: Path) -> Path:
    build_prior(folder / "many.parquet", folder / "titles.parquet", folder / "prior.npz", n_factors=3, n_rounds=8)
    return folder / "prior.npz"


SMALL = {"n_labels": (0, 10, 30), "pool": 40, "min_ratings": 60}


def test_a_prior_of_ones_own_is_learned_and_serves_new_people(folder: Path, prior_file: Path) -> None:
    config = BenchmarkConfig(prior=prior_file, **SMALL)
    found = benchmark_taste(folder / "new.csv", folder / "titles.parquet", config)
    assert found["n_people"] == 30
    for order in ("random", "time"):
        taste, crowd = found["results"][order]["taste"], found["results"][order]["crowd"]
        assert taste["0"]["roc_auc"]["value"] >= crowd["0"]["roc_auc"]["value"] - 0.02
        assert taste["30"]["roc_auc"]["value"] > crowd["30"]["roc_auc"]["value"] + 0.05
        assert taste["30"]["roc_auc"]["value"] > found["results"][order]["xgboost"]["30"]["roc_auc"]["value"]
        for figure in taste["30"].values():
            assert isinstance(figure, int) or figure["lower"] <= figure["value"] <= figure["upper"]


def test_people_whom_the_prior_knows_are_refused_unless_asked_for(folder: Path, prior_file: Path) -> None:
    config = BenchmarkConfig(prior=prior_file, baselines=(), **SMALL)
    with pytest.raises(OverlappingPeople, match="70 of the 70 people"):
        benchmark_taste(folder / "many.parquet", folder / "titles.parquet", config)
    allowed = BenchmarkConfig(prior=prior_file, baselines=(), allow_overlap=True, **SMALL)
    assert benchmark_taste(folder / "many.parquet", folder / "titles.parquet", allowed)["n_overlap"] == 70


def test_a_person_is_known_again_under_another_number_and_with_later_ratings(folder: Path) -> None:
    ratings = read_ratings(folder / "many.parquet")
    people, marks = sketches(ratings)
    assert people.tolist() == list(range(1, 71))
    other = ratings.filter(pl.col("userId") == 3).with_columns(userId=pl.lit(900, dtype=pl.Int64))
    later = other.head(5).with_columns(movieId=pl.col("movieId") + 100_000)
    found = overlapping(pl.concat([later, other.reverse()]), marks)
    assert {p: rows.tolist() for p, rows in found.items()} == {900: [2]}
    assert overlapping(read_ratings(folder / "new.csv"), marks) == {}


def test_whoever_rated_hundreds_of_films_is_not_taken_for_one_who_rated_a_few_of_them_alike(folder: Path) -> None:
    ratings = read_ratings(folder / "many.parquet")
    _, marks = sketches(ratings)
    own = ratings.filter(pl.col("userId") == 3).with_row_index()
    without = [sketches(own.filter(pl.col("index") != row))[1][0] for row in range(own.height)]
    in_sketch = [row for row in range(own.height) if (without[row] != marks[2]).any()]

    def with_other_stars(rows: list[int]) -> pl.DataFrame:
        stars = pl.when(pl.col("index").is_in(rows)).then(5.5 - pl.col("rating")).otherwise(pl.col("rating"))
        return own.with_columns(rating=stars)

    assert list(overlapping(with_other_stars(in_sketch[:1]), marks)) == [3]
    assert overlapping(with_other_stars(in_sketch[:3]), marks) == {}


def test_people_that_will_be_judged_are_left_out_of_a_prior(folder: Path, tmp_path: Path) -> None:
    ratings = read_ratings(folder / "many.parquet")
    ratings.filter(pl.col("userId").is_in([1, 2])).with_columns(pl.col("userId") + 50).write_csv(
        tmp_path / "judged.csv"
    )
    prior = build_prior(
        folder / "many.parquet",
        folder / "titles.parquet",
        tmp_path / "prior.npz",
        n_factors=2,
        n_rounds=4,
        without=[tmp_path / "judged.csv"],
    )
    assert prior.provenance["n_people"] == 68


@pytest.mark.parametrize("choice", ["teach", "popular"])
def test_labels_may_be_chosen_from_what_the_person_knows(folder: Path, prior_file: Path, choice: str) -> None:
    config = BenchmarkConfig(prior=prior_file, baselines=(), choice=choice, orders=("time",), **SMALL)
    taste = benchmark_taste(folder / "new.csv", folder / "titles.parquet", config)["results"]["time"]["taste"]
    assert taste["10"]["roc_auc"]["value"] > taste["0"]["roc_auc"]["value"]


def test_all_formats_of_movielens_are_read_alike(folder: Path, tmp_path: Path) -> None:
    expected = read_ratings(folder / "new.csv")
    rows = expected.rows()
    (tmp_path / "ratings.dat").write_text("".join(f"{u}::{m}::{r:g}::{t}\n" for u, m, r, t in rows))
    (tmp_path / "u.data").write_text("".join(f"{u}\t{m}\t{r:g}\t{t}\n" for u, m, r, t in rows))
    expected.write_parquet(tmp_path / "ratings.parquet")
    for name in ("ratings.dat", "u.data", "ratings.parquet"):
        assert read_ratings(tmp_path / name).equals(expected), name


def test_ratings_that_are_none_are_refused_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(FileUnreadable, match="MovieLens"):
        read_ratings(tmp_path / "broken.parquet")
    with pytest.raises(TooFewRaters, match="50 are needed"):
        build_prior(folder / "new.csv", folder / "titles.parquet", tmp_path / "prior.npz")
    assert not (tmp_path / "prior.npz").exists()


def test_facts_of_one_date_are_preferred(tmp_path: Path) -> None:
    pl.DataFrame({"movieId": [1], "vote_average": [5.0], "vote_average_2017": [6.5], "actors": ["A|B"]}).write_parquet(
        tmp_path / "titles.parquet"
    )
    row = read_rated_titles(tmp_path / "titles.parquet").row(0, named=True)
    assert (row["tmdb_rating"], row["cast"]) == (6.5, ["A", "B"])


def test_everything_after_the_pool_is_judged_whatever_the_number_of_labels() -> None:
    person = Person(np.arange(100), np.arange(100) % 2)
    asked = []

    def predict(films, levels, judged):
        asked.append((len(films), judged[0], len(judged)))
        return np.zeros(len(judged)), None

    assert judge(person, 5, 40, predict, None).roc_auc == 0.5
    judge(person, 40, 40, predict, None)
    judge(person, 60, 40, predict, None)
    assert judge(person, 90, 40, predict, None) is None
    assert asked == [(5, 40, 60), (40, 40, 60), (60, 60, 40)]


def test_a_shelf_is_covered_when_its_number_of_liked_titles_is_likely() -> None:
    even = np.arange(SHELF) % 2 == 0
    surely_not = np.ones(SHELF, dtype=bool)
    assert shelves_covered(np.zeros(SHELF), lambda rows, weights: 0.0, even) == (1, 1)
    assert shelves_covered(np.zeros(SHELF), lambda rows, weights: 0.0, surely_not) == (0, 1)
    assert shelves_covered(np.zeros(SHELF), lambda rows, weights: 100.0, surely_not) == (1, 1)
    assert shelves_covered(np.zeros(SHELF), lambda rows, weights: None, even) == (0, 0)
    assert np.isnan(ndcg_at_10(np.zeros(5, dtype=np.int64), np.zeros(5)))


def test_the_commands_print_tables_and_json(folder: Path, prior_file: Path, tmp_path: Path) -> None:
    run = CliRunner()
    files = ["--ratings", str(folder / "new.csv"), "--titles", str(folder / "titles.parquet")]
    options = ["--prior", str(prior_file), "--min-ratings", "85", "--labels", "0,10", "--baselines", "crowd"]
    # Pools of a hundred titles leave nothing of ninety to judge: nobody is there, and it says so.
    done = run.invoke(reel, ["benchmark", "taste", *files, *options, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["n_people"] == 30
    many = ["--ratings", str(folder / "many.parquet"), "--titles", str(folder / "titles.parquet")]
    built = run.invoke(
        reel, ["prior", "build", *many, "--output", str(tmp_path / "p.npz"), "--factors", "2", "--rounds", "3"]
    )
    assert built.exit_code == 0, built.output
    assert "Learned from 70 people" in built.output


def test_the_shipped_prior_reaches_what_is_promised_on_new_people(shared_data: Path) -> None:
    config = BenchmarkConfig(baselines=("crowd",), orders=("time",), n_labels=(0, 10, 100))
    small = shared_data / "movielens-small"
    found = benchmark_taste(small / "ratings.csv", small / "enriched.parquet", config)
    taste, crowd = found["results"]["time"]["taste"], found["results"]["time"]["crowd"]
    assert found["n_people"] == 146
    assert found["n_overlap"] == 0
    for n, least in {"0": 0.712, "10": 0.718, "100": 0.748}.items():
        assert taste[n]["roc_auc"]["value"] >= max(least, crowd[n]["roc_auc"]["value"])
    assert taste["100"]["calibration_error"]["value"] <= 0.05
