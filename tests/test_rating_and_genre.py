"""Ratings and genres: what is predicted, from what, how well, and what happens with odd input."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from command import run_reel, spawn_reel
from conftest import missing
from reel_driver import genres, menu, ratings, search
from reel_driver.bundle import load, save
from reel_driver.errors import NotFound, TooFewFilms, ValueRefused
from reel_driver.features.sparse import TextSpec
from reel_driver.features.spec import FeatureSpec
from reel_driver.features.text import Tfidf
from reel_driver.features.words import MAX_CHARACTERS, words_of
from reel_driver.models import model_class
from reel_driver.models.genre import GENRE_LEARNERS
from reel_driver.operations.experiment import experiment
from reel_driver.operations.films import film_of
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import SHIPPED, Registry

PLOTS = {
    "Horror": ("ghost", "haunted", "demon", "killer", "terror"),
    "Romance": ("love", "wedding", "kiss", "heart", "bride"),
    "War": ("soldier", "army", "battle", "enemy", "platoon"),
}


def invented_films(n: int = 150) -> pl.DataFrame:
    """Films whose genre shows in their words and whose rating depends on genre, year and votes."""
    rng = np.random.default_rng(5)
    rows = []
    for i in range(n):
        genre = list(PLOTS)[i % 3]
        words = [*rng.choice(PLOTS[genre], 4), *rng.choice(["night", "house", "city", "river"], 3)]
        year = int(rng.integers(1950, 2022))
        rating = {"Horror": 5.0, "Romance": 6.5, "War": 7.5}[genre] + (1985 - year) / 40 + rng.normal(0, 0.2)
        rows.append(
            {
                "title": f"The {words[0]} {i}",
                "overview": " ".join(words) + ".",
                "genre": [genre, "Drama"] if i % 4 else [genre],
                "original_language": "en" if i % 5 else "fr",
                "release_date": f"{year}-0{1 + i % 9}-15",
                "tmdb_rating": round(float(np.clip(rating, 0.5, 10)), 1),
                "tmdb_votes": int(rng.integers(1, 4000)),
                "popularity": float(rng.random() * 50),
            }
        )
    return pl.DataFrame(rows).with_columns(
        pl.col("release_date").str.to_date(), release_year=pl.col("release_date").str.slice(0, 4).cast(pl.Int64)
    )


FILMS = invented_films()


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented films as the CSV that the public table is."""
    path = tmp_path_factory.mktemp("films") / "films.csv"
    FILMS.select(
        Release_Date=pl.col("release_date"),
        Title="title",
        Overview="overview",
        Popularity="popularity",
        Vote_Count="tmdb_votes",
        Vote_Average="tmdb_rating",
        Original_Language="original_language",
        Genre=pl.col("genre").list.join(", "),
    ).write_csv(path)
    return path


def fitted(name: str) -> tuple[FeatureSpec, Any]:
    return ratings.fit(menu.rating_pipeline(name), FILMS, np.random.default_rng(0))


@pytest.mark.parametrize("learner", [*menu.LEARNERS, "kernel"])
def test_every_learner_beats_the_mean_and_is_the_same_after_json_and_arrays(learner: str) -> None:
    spec, model = fitted(f"five:{learner}")
    encoded = spec.encode_frame(FILMS)
    predicted = model.predict(encoded)[0]
    rating = FILMS["tmdb_rating"].to_numpy()
    assert ratings.errors_of(rating, predicted).rmse < 0.8 * rating.std()
    plain, arrays = model.state()
    again = model_class(model.kind).from_state(json.loads(json.dumps(plain)), arrays)
    assert np.array_equal(again.predict(encoded)[0], predicted)
    one_by_one = [again.predict(encoded[i : i + 1])[0][0] for i in range(10)]
    assert one_by_one == pytest.approx(predicted[:10].tolist(), abs=1e-5)


@pytest.mark.parametrize("name", ["decision_tree", "random_forest", "gradient_boosting", "xgboost", "lightgbm"])
def test_trees_as_arrays_say_what_their_library_says(name: str) -> None:
    pipeline = menu.rating_pipeline(f"five:{name}")
    spec = pipeline.recipe.fit(FILMS)
    encoded = spec.encode_frame(FILMS)
    target = FILMS["tmdb_rating"].to_numpy()
    ours = pipeline.learner.fit(spec.names, encoded, target, np.ones(len(target)), np.random.default_rng(3))
    from reel_driver.models.regress import make_estimator

    seed = int(np.random.default_rng(3).integers(2**31))
    theirs = make_estimator(name, dict(pipeline.learner.params), seed)
    seen = np.ascontiguousarray(encoded[:, ours.columns])
    theirs.fit(seen, target, sample_weight=np.ones(len(target)))
    assert ours.predict(encoded)[0] == pytest.approx(theirs.predict(seen), abs=1e-4)


@pytest.mark.parametrize("features", menu.FEATURES)
def test_every_feature_pipeline_survives_films_of_which_nothing_is_known(features: str) -> None:
    spec, model = fitted(f"{features}:ridge")
    assert np.isfinite(model.predict(spec.encode_row({})[None, :])[0]).all()


def test_tfidf_is_what_scikit_learn_computes() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    spec = FeatureSpec((Tfidf("overview", 12, 2),)).fit(FILMS)
    theirs = TfidfVectorizer(max_features=12, stop_words="english", ngram_range=(1, 2), min_df=2, max_df=0.95)
    matrix = theirs.fit_transform(FILMS["overview"].to_list()).toarray()
    assert [n.removeprefix("overview~") for n in spec.names] == list(theirs.get_feature_names_out())
    assert spec.encode_frame(FILMS) == pytest.approx(matrix, abs=1e-6)


def test_a_blend_is_the_weighted_mean_of_its_members() -> None:
    spec, model = fitted("default")
    encoded = spec.encode_frame(FILMS)
    parts = [m.predict(encoded)[0] for m in model.members]
    assert model.predict(encoded)[0] == pytest.approx(sum(s * p for s, p in zip(model.shares, parts, strict=True)))


def test_the_splits_are_those_of_the_first_systems() -> None:
    from sklearn.model_selection import train_test_split

    from reel_driver.split import first_split

    train, test = train_test_split(np.arange(9726), test_size=0.2, random_state=42)
    ours = first_split(9726)
    assert np.array_equal(ours[0], train)
    assert np.array_equal(ours[1], test)


def test_a_rating_bundle_round_trips_and_keeps_its_interval(tmp_path: Path) -> None:
    bundle = ratings.fit_bundle(menu.rating_pipeline("five:lightgbm"), FILMS)
    again = load(save(bundle, tmp_path / "v0001") and tmp_path / "v0001")
    film = film_of(title="The battle 7", overview="enemy army", genre="War", release_date="1960-05-01")
    score = again.score_row(film)
    assert 0 <= score.lower <= score.score <= score.upper <= 10
    assert score.score > again.score_row(film_of(title="The ghost", overview="haunted", genre="Horror")).score
    assert 0.8 < bundle.about["evaluation"]["inside_interval"] < 1


def test_too_few_films_are_refused_in_a_sentence() -> None:
    with pytest.raises(TooFewFilms, match="at least 50"):
        ratings.fit_bundle(menu.rating_pipeline("five:ridge"), FILMS[:20])
    with pytest.raises(TooFewFilms):
        genres.fit_bundle(None, FILMS.with_columns(genre=pl.lit(None, pl.List(pl.String))))


def test_an_unknown_pipeline_names_the_menu() -> None:
    with pytest.raises(NotFound, match="v4_trigrams:lightgbm"):
        menu.rating_pipeline("v5_quadgrams:lightgbm")


def test_genres_are_learned_from_words_and_come_calibrated_best_first() -> None:
    bundle = genres.fit_bundle(None, FILMS)
    found = bundle.genres("A platoon of soldiers meets the enemy in battle")
    assert {g for g, _ in found} == {"Drama", "Horror", "Romance", "War"}
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    assert all(0 < p < 1 for _, p in found)
    said = dict(found)
    assert said["War"] > max(said["Horror"], said["Romance"])


def test_a_taxonomy_joins_spellings_and_drops_what_is_rare() -> None:
    names, clean = genres.taxonomy([["Sci-Fi", " sci-fi"], ["Sci-Fi"], ["Odd"]] * 9)
    assert clean == ("Sci-Fi",)
    assert names[" sci-fi"] == "Sci-Fi"


def test_genre_metrics_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score, label_ranking_average_precision_score

    rng = np.random.default_rng(1)
    truth, p = rng.random((60, 5)) < 0.4, rng.random((60, 5))
    truth[np.arange(60), rng.integers(5, size=60)] = True
    said = p >= 0.5
    said[np.arange(60), p.argmax(axis=1)] = True
    ours = genres.metrics_of(truth, p, 0.5)
    assert ours["lrap"] == pytest.approx(label_ranking_average_precision_score(truth, p))
    shares = np.round(p * 5) / 5  # as of five neighbours: many are equal
    tied = genres.metrics_of(truth, shares, 0.5)["lrap"]
    assert tied == pytest.approx(label_ranking_average_precision_score(truth, shares))
    for kind in ("micro", "macro", "samples"):
        assert ours[f"{kind}_f1"] == pytest.approx(f1_score(truth, said, average=kind, zero_division=0)), kind


def test_one_text_and_many_are_encoded_alike() -> None:
    spec = TextSpec().fit(FILMS)
    whole = spec.encode_frame(FILMS)
    assert len(whole) == FILMS.height
    for i in (0, 7, 149):
        one = spec.encode_row(FILMS.row(i, named=True))
        assert np.array_equal(one.terms, whole.terms[whole.starts[i] : whole.starts[i + 1]])
        assert np.array_equal(one.values, whole.values[whole.starts[i] : whole.starts[i + 1]])
        assert np.array_equal(one.vectors[0], whole.vectors[i])
    many = spec.encode_texts(["", *FILMS["overview"].to_list() * 4, "!", "zzz"])
    assert len(many) == 4 * FILMS.height + 3
    assert many.starts[1] == 0
    assert not many.vectors[0].any()
    again = spec.encode_texts(FILMS["overview"].to_list())
    assert np.array_equal(many.vectors[1 : FILMS.height + 1], again.vectors)
    assert np.array_equal(many.values[-again.starts[-1] :], again.values)
    assert len(spec.encode_texts([])) == 0


def test_a_text_is_its_words_and_pairs_as_scikit_learn_weighs_them() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    frame = FILMS.with_columns(title=pl.lit(None, pl.String))
    theirs = TfidfVectorizer(
        tokenizer=words_of, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=2, sublinear_tf=True
    )
    matrix = theirs.fit_transform(frame["overview"].to_list())
    spec = TextSpec().fit(frame)
    ours = spec.encode_frame(frame)
    assert list(spec.terms) == list(theirs.get_feature_names_out())
    for i in range(frame.height):
        part = slice(ours.starts[i], ours.starts[i + 1])
        row = matrix[i]
        assert dict(zip(ours.terms[part].tolist(), ours.values[part].tolist(), strict=True)) == pytest.approx(
            dict(zip(row.indices.tolist(), row.data.tolist(), strict=True)), abs=1e-3
        )


@pytest.mark.parametrize("method", ["grid", "random"])
def test_a_search_tries_the_declared_space_and_returns_the_best_first(method: str) -> None:
    space = {"alpha": (0.1, 1000.0)}
    trials = search.tune(menu.rating_pipeline("five:ridge"), FILMS, space, method=method, n_trials=2)
    assert {t.params["alpha"] for t in trials} == {0.1, 1000.0}
    assert trials[0].rmse <= trials[1].rmse


def test_optuna_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    pipeline, space = menu.rating_pipeline("five:ridge"), {"alpha": (0.1, 1.0, 10.0, 1000.0)}

    def stop_after_two(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.tune(pipeline, FILMS, space, n_trials=4, storage=storage, progress=stop_after_two)
    seen: list[int] = []
    trials = search.tune(
        pipeline, FILMS, space, n_trials=4, storage=storage, progress=lambda done, total: seen.append(done)
    )
    assert seen[0] == 2, "the two settings that were tried are not tried again"
    assert len(trials) == 4


# The bundles that ship with the package.


@pytest.mark.parametrize("task", ["rating", "genre"])
def test_a_fresh_machine_has_a_model_that_proves_itself_and_a_card(task: str, tmp_path: Path) -> None:
    bundle = Registry(tmp_path).load(task)
    assert bundle.task == task
    assert len(bundle.golden) >= 8
    card = (SHIPPED / task / "MODEL_CARD.md").read_text("utf-8")
    for words in ("Learned from", "Made", "Measured", "Limits", "Licences", str(bundle.about["n_films"])):
        assert words in card
    assert str(bundle.about["trained_at"])[:10] in card


@pytest.mark.parametrize("processor", ["Prescott", "Haswell", "Zen"])
def test_the_shipped_bundles_prove_themselves_on_processors_that_add_up_in_another_order(
    processor: str, tmp_path: Path
) -> None:
    environment = {"OPENBLAS_CORETYPE": processor}
    assert spawn_reel(tmp_path / "h", "rate", "--title", "Jaws", **environment).returncode == 0
    assert spawn_reel(tmp_path / "h", "genres", "A shark hunts.", **environment).returncode == 0


def test_the_shipped_bundles_stay_small() -> None:
    files = [*SHIPPED.rglob("*"), SHIPPED.parent / "word-vectors.npz"]
    assert sum(p.stat().st_size for p in files if p.is_file()) < 8_000_000


def test_the_two_examples_of_the_first_system_come_out_sensibly(tmp_path: Path) -> None:
    model = Registry(tmp_path).load("genre")
    penguins = model.genres("A movie about penguins in Antarctica building a spaceship to go to Mars.")
    assert penguins[0][0] in ("Animation", "Family", "Science Fiction")
    romeo = model.genres("The true story of notorious gangster Romeo Corleone's downfall.")
    assert "Crime" in (romeo[0][0], romeo[1][0])


ODD_TEXTS = [
    "!?",
    "夜の列車",
    "ночной поезд",
    "مرحبا",
    "<b>love</b> &amp; war",
    "\x00",
    "a" * 1_000_000,
    "love " * 250_000,
]


@pytest.mark.parametrize("text", ODD_TEXTS, ids=lambda t: repr(t[:12]))
def test_odd_texts_get_probabilities_and_ratings(text: str, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    started = time.perf_counter()
    assert all(0 <= p <= 1 for _, p in registry.load("genre").genres(text))
    assert 0 <= registry.load("rating").score_row({"title": text[:300], "overview": text}).score <= 10
    assert time.perf_counter() - started < 10


def test_html_reads_as_what_it_shows() -> None:
    assert words_of("<p>Tom &amp; <b>Jerry</b></p>") == ["tom", "jerry"]
    assert len(words_of("word " * MAX_CHARACTERS)) == MAX_CHARACTERS // 5


@pytest.mark.parametrize(
    ("film", "words"),
    [
        ({}, "at least a title"),
        ({"title": "   "}, "at least a title"),
        ({"title": "X", "release_date": "3021-01-01"}, "1850 to 2100"),
        ({"title": "X", "release_date": "soon"}, "2021-12-15"),
        ({"title": "X", "release_date": "2021-02-31"}, "2021-12-15"),
        ({"title": "x" * 501}, "500"),
        ({"title": "X", "original_language": "?"}, "en or fr"),
        ({"title": "X", "votes": -1}, "0 or more"),
    ],
)
def test_an_impossible_film_is_refused_in_a_sentence(film: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueRefused, match=words):
        film_of(**film)


def test_a_genre_list_may_be_a_bare_string_and_the_overview_may_be_absent(tmp_path: Path) -> None:
    film = film_of(title="Jaws", genre="Horror, Thriller")
    assert film["genre"] == ["Horror", "Thriller"]
    assert 0 < Registry(tmp_path).load("rating").score_row(film).score < 10


# The commands.


def test_rate_prints_a_number_with_its_interval(tmp_path: Path) -> None:
    done = run_reel(tmp_path / "h", "rate", "--title", "Jaws", "--overview", "A shark hunts.", "--json")
    answer = json.loads(done.stdout)
    assert 0 <= answer["lower"] <= answer["predicted_rating"] <= answer["upper"] <= 10
    assert "90 % interval" in run_reel(tmp_path / "h", "rate", "--title", "Jaws").stdout


@pytest.mark.parametrize(
    "arguments", [("rate",), ("rate", "--title", "X", "--release-date", "3021-01-01"), ("genres", "  ")]
)
def test_a_bad_question_gets_one_sentence(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run_reel(tmp_path / "h", *arguments)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_genres_come_best_first(tmp_path: Path) -> None:
    done = run_reel(tmp_path / "h", "genres", "A detective hunts a serial killer in a rainy city.", "--json")
    found = json.loads(done.stdout)
    assert len(found) == 19
    assert found[0]["probability"] >= found[1]["probability"]


def test_a_file_of_films_is_rated_and_no_film_is_dropped(tmp_path: Path, table: Path) -> None:
    done = run_reel(tmp_path / "h", "predict", "rating", "--input", table, "--output", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    out = pl.read_csv(tmp_path / "out.csv")
    assert out.height == FILMS.height
    assert out["predicted_rating"].is_between(0, 10).all()


def test_both_tasks_train_from_a_file_and_become_the_champion(tmp_path: Path, table: Path) -> None:
    home = tmp_path / "h"
    for task, model in (("rating", ("--model", "five:ridge")), ("genre", ())):
        done = run_reel(home, "train", task, "--data", table, *model)
        assert done.returncode == 0, done.stderr
        assert f"Trained {task} v0001" in done.stdout
        assert Registry(home / "models").aliases(task)["champion"] == "v0001"
    names = [g["genre"] for g in json.loads(run_reel(home, "genres", "an army in battle", "--json").stdout)]
    assert sorted(names) == ["Drama", "Horror", "Romance", "War"], "one's own model answers now"


@pytest.mark.parametrize("task", ["rating", "genre"])
def test_how_the_model_in_use_was_judged_can_be_asked_without_data(task: str, tmp_path: Path) -> None:
    done = run_reel(tmp_path / "h", "evaluate", task)
    assert done.returncode == 0, done.stderr
    assert ("hit@1" if task == "genre" else "RMSE") in done.stdout
    assert ("majority" if task == "genre" else "mean") in done.stdout


def test_an_experiment_is_a_table_of_combinations(tmp_path: Path, table: Path) -> None:
    done = run_reel(tmp_path / "h", "experiment", "rating", "--data", table, "--only", "v1_original:ridge", "--json")
    assert [r["name"] for r in json.loads(done.stdout)] == ["v1_original:ridge"]
    assert len(menu.EXPERIMENT_FEATURES) * len(menu.LEARNERS) == 36


def test_an_interrupted_experiment_goes_on_where_it_was(tmp_path: Path, table: Path) -> None:
    work = Workspace(tmp_path, "me")

    def stop_after_two(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment(work, table, only=":ridge", progress=stop_after_two)
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "data" / "experiments").rglob("*.json")}
    assert len(kept) == 2
    found = experiment(work, table, only=":ridge")
    assert {r["name"] for r in found.rows} == {f"{f}:ridge" for f in menu.EXPERIMENT_FEATURES}
    assert {p: p.stat().st_mtime_ns for p in kept} == kept, "what is finished is not judged again"
    for path in kept:
        path.write_bytes(path.read_bytes()[:40])
    again = experiment(work, table, only=":ridge")
    assert [r["cv"] for r in again.rows] == [r["cv"] for r in found.rows], "what is damaged is"
    fewer = experiment(work, table, only=":ridge", seed=1)
    assert [r["cv"] for r in fewer.rows] != [r["cv"] for r in found.rows], "and what was kept of another seed"


def test_an_experiment_looks_at_the_test_part_only_when_asked(tmp_path: Path, table: Path) -> None:
    asked = ("experiment", "rating", "--data", table, "--only", "v2_bigrams:r")
    drawn = run_reel(tmp_path / "h", *asked).stdout
    assert "test RMSE" not in drawn
    assert "CV RMSE" in drawn
    rows = json.loads(run_reel(tmp_path / "h", *asked, "--test", "--json").stdout)
    assert {r["name"] for r in rows} == {"v2_bigrams:ridge", "v2_bigrams:random_forest"}
    assert all(r["test"]["rmse"] > 0 and r["cv"]["rmse"] > 0 for r in rows)
    assert "test RMSE" in run_reel(tmp_path / "h", *asked, "--test").stdout
    assert "test" not in json.loads(run_reel(tmp_path / "h", *asked, "--json").stdout)[0]


def test_rivals_are_judged_on_the_same_folds_of_the_training_part_alone(tmp_path: Path, table: Path) -> None:
    asked = ("evaluate", "rating", "--data", table, "--model", "five:ridge", "--repeats", 2)
    card = json.loads(run_reel(tmp_path / "h", *asked, "--json").stdout)
    assert card["n_train"] == 120
    assert "test" not in card
    rivals = {r["name"]: r for r in card["rivals"]}
    assert set(rivals) == {"five:ridge", "v4_trigrams:lightgbm", "mean"}
    assert rivals["five:ridge"]["behind"] == 0
    assert rivals["mean"]["behind"] == pytest.approx(rivals["mean"]["rmse"] - rivals["five:ridge"]["rmse"], abs=0.01)
    assert rivals["mean"]["behind_lower"] > 0
    assert "behind" in run_reel(tmp_path / "h", *asked).stdout
    assert run_reel(tmp_path / "h", "evaluate", "genre", "--data", table, "--repeats", 2).returncode == 2


def test_a_blend_is_judged_beside_its_members() -> None:
    pipelines = [menu.rating_pipeline("default")]
    card = ratings.beside_rivals(pipelines, FILMS, repeats=1)
    assert {r["name"] for r in card["rivals"]} == {
        "default", "default: kernel alone", "default: lightgbm alone", "mean"
    }  # fmt: skip


def test_genres_are_judged_beside_the_majority(tmp_path: Path, table: Path) -> None:
    done = run_reel(tmp_path / "h", "evaluate", "genre", "--data", table, "--json")
    card = json.loads(done.stdout)
    assert set(card["test"]) == {"hit@1", "micro_f1", "macro_f1", "samples_f1", "lrap"}
    commonest = card["genres"][0]
    assert commonest["genre"] == "Drama"
    assert commonest["f1_of_majority"] > 0
    assert all(g["f1_of_majority"] == 0 for g in card["genres"][1:])
    assert set(card["baselines"]) == {"majority"}, "the first system was measured on the public table alone"
    drawn = run_reel(tmp_path / "h", "evaluate", "genre", "--data", table).stdout
    assert "F1 of majority" in drawn
    assert "first system" in run_reel(tmp_path / "h", "evaluate", "genre").stdout


def test_votes_count_where_a_model_sees_them_and_are_refused_where_none_does(tmp_path: Path, table: Path) -> None:
    home, film = tmp_path / "h", ("--title", "The battle", "--overview", "enemy army", "--json")
    refused = run_reel(home, "rate", *film, "--votes", 900)
    assert refused.returncode == 1
    assert "reel train rating --model votes" in refused.stderr
    assert run_reel(home, "train", "rating", "--data", table, "--model", "votes").returncode == 0
    few, many = (json.loads(run_reel(home, "rate", *film, "--votes", n, "--popularity", 9).stdout) for n in (2, 4000))
    assert few["predicted_rating"] != many["predicted_rating"]
    assert run_reel(home, "train", "rating", "--data", table, "--model", "five:ridge").returncode == 0
    again = json.loads(run_reel(home, "rate", *film, "--votes", 2, "--popularity", 9).stdout)
    assert again == few, "the older version is asked, though another one is the champion"
    plain = json.loads(run_reel(home, "rate", *film).stdout)
    assert plain != few


def test_tuning_by_chance_prints_the_best_settings(tmp_path: Path, table: Path) -> None:
    wishes = ("--method", "random", "--trials", "1", "--json")
    done = run_reel(tmp_path / "h", "tune", "rating", "--data", table, *wishes)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)[0]["params"]) == set(menu.LIGHTGBM_SPACE)


# The encoder, an extra: a tiny one made here has the same parts as the published one.


@pytest.fixture
def tiny_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a random network of two layers and a tokenizer of the invented films' words."""
    try:
        import tokenizers
        import torch
        from safetensors.torch import save_file
    except ImportError as error:
        missing("encoder", str(error))
    folder = tmp_path / "tiny"
    folder.mkdir()
    words = sorted({w for text in FILMS["overview"] for w in words_of(text)})
    vocabulary = {w: i for i, w in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.save(str(folder / "tokenizer.json"))
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16}
    (folder / "config.json").write_text(json.dumps(sizes))
    rng = torch.Generator().manual_seed(0)

    def tensor(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng) * 0.2

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": torch.ones(16), f"{name}.bias": torch.zeros(16)}

    weights = {f"embeddings.{n}_embeddings.weight": tensor(size, 16)
               for n, size in (("word", len(vocabulary)), ("position", 160), ("token_type", 2))}  # fmt: skip
    weights |= norm("embeddings.LayerNorm")
    for i in range(2):
        p = f"encoder.layer.{i}"
        parts = {f"attention.self.{n}": (16, 16) for n in ("query", "key", "value")}
        parts |= {"attention.output.dense": (16, 16), "intermediate.dense": (32, 16), "output.dense": (16, 32)}
        for n, shape in parts.items():
            weights |= {f"{p}.{n}.weight": tensor(*shape), f"{p}.{n}.bias": torch.zeros(shape[0])}
        weights |= {**norm(f"{p}.attention.output.LayerNorm"), **norm(f"{p}.output.LayerNorm")}
    save_file(weights, folder / "model.safetensors")
    monkeypatch.setenv("REEL_ENCODER", str(folder))
    return folder


@pytest.mark.parametrize("name", ["encoder", "neighbours"])
def test_the_encoder_models_train_save_and_load_as_the_instant_one_does(
    name: str, tiny_encoder: Path, tmp_path: Path
) -> None:
    learner = GENRE_LEARNERS[name]()
    bundle = genres.fit_bundle(learner.configured({"epochs": 1} if name == "encoder" else {}), FILMS)
    again = load(save(bundle, tmp_path / "v0001") and tmp_path / "v0001")
    text = "A platoon of soldiers meets the enemy in battle"
    assert dict(again.genres(text)) == pytest.approx(dict(bundle.genres(text)), abs=1e-6)
    assert len(again.genres("")) == 4


def test_tuning_the_encoder_teaches_it_the_genres(tiny_encoder: Path) -> None:
    from reel_driver.features.tuned import tuned_spec

    films, _, truth = genres.with_genres(FILMS)
    hits = {}
    for epochs in (1, 8):
        params = {"epochs": epochs, "learning_rate": 3e-3, "batch_size": 16, "n_frozen": 1, "n_tokens": 64}
        logits = tuned_spec(FILMS, truth, np.random.default_rng(0), params).encode_frame(films).logits
        loss = np.logaddexp(0, logits) - truth * logits
        hits[epochs] = float(loss.mean())
    assert hits[8] < 0.5 * hits[1]


def test_what_stays_frozen_stays_as_published_and_what_was_read_before_is_forgotten(tiny_encoder: Path) -> None:
    from reel_driver.features.encoder import Encoder
    from reel_driver.features.tuned import tune

    encoder = Encoder.load(tiny_encoder)
    texts, truth = FILMS["overview"].to_list(), genres.with_genres(FILMS)[2]
    before = encoder.encode(texts)
    weights = dict(encoder.weights)
    params = {"epochs": 1, "learning_rate": 3e-3, "batch_size": 16, "n_frozen": 1, "n_tokens": 64}
    tune(encoder, texts, truth, np.random.default_rng(0), params)
    same = {n for n, w in encoder.weights.items() if bool((w == weights[n]).all())}
    assert {n for n in weights if n.startswith(("embeddings.", "encoder.layer.0."))} <= same
    assert "encoder.layer.1.output.dense.weight" not in same
    assert np.abs(encoder.encode(texts) - before).max() > 1e-3


def test_a_text_is_encoded_alike_alone_among_others_and_a_second_time(tiny_encoder: Path) -> None:
    from reel_driver.features.encoder import Encoder

    texts = [*FILMS["overview"].to_list()[:40], "", "ghost " * 500]
    whole = Encoder.load(tiny_encoder).encode(texts)
    encoder = Encoder.load(tiny_encoder)
    alone = np.concatenate([encoder.encode([t]) for t in texts])
    assert alone == pytest.approx(whole, abs=1e-5)
    assert np.array_equal(encoder.encode(texts), alone)


def test_without_an_encoder_the_message_says_what_to_do(tmp_path: Path, table: Path) -> None:
    done = run_reel(
        tmp_path / "h", "train", "genre", "--data", table, "--model", "encoder", HF_HOME=str(tmp_path), REEL_ENCODER=""
    )
    assert done.returncode == 1
    assert "hf download" in done.stderr or "reel-driver[encoder]" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


# On the public table, where it is at hand.


def test_the_first_systems_figures_are_reproduced(shared_data: Path) -> None:
    from reel_driver.operations.films import read_films

    train, test = ratings.first_parts(read_films(shared_data / "tmdb-9000.csv")[0])
    assert (train.height, test.height) == (7780, 1946)
    truth = test["tmdb_rating"].to_numpy()
    committed = {"v1_original": 0.8414, "v2_bigrams": 0.8408, "v3_bigrams_more_features": 0.8396}
    for name, rmse in committed.items():
        spec, model = ratings.fit(menu.rating_pipeline(f"{name}:lightgbm"), train, np.random.default_rng(0))
        found = ratings.errors_of(truth, model.predict(spec.encode_frame(test))[0]).rmse
        assert found == pytest.approx(rmse, abs=0.003), name


def test_the_shipped_scorecards_are_what_is_promised() -> None:
    rating = Registry(Path("nowhere")).about("rating")["scorecard"]
    genre = Registry(Path("nowhere")).about("genre")["scorecard"]
    assert rating["cv"]["rmse"] <= 0.772  # type: ignore[index]
    assert rating["test"]["rmse"] <= 0.803  # type: ignore[index]
    assert rating["test"]["mae"] <= 0.587  # type: ignore[index]
    assert rating["test"]["r2"] >= 0.28  # type: ignore[index]
    assert genre["cv"]["hit@1"] >= 0.775  # type: ignore[index]
    assert genre["test"]["hit@1"] >= 0.80  # type: ignore[index]
    assert genre["test"]["lrap"] >= 0.785  # type: ignore[index]
