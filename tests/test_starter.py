"""The starter catalogue: titles that many know, facts that are right, words of our own, labels that are marked invented."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import polars as pl

from reel_driver import starter
from reel_driver.schema import TITLE_SCHEMA

RUN = 7
"""Words in a row that no overview may share with any other text."""


@cache
def titles() -> pl.DataFrame:
    return starter.catalogue()


def films() -> pl.DataFrame:
    return titles().filter(kind="movie")


def shows() -> pl.DataFrame:
    return titles().filter(kind="show")


def words(text: str) -> list[str]:
    """Words without case, accents and punctuation, so that a copy is found in any dress."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.findall(r"[a-z0-9]+", re.sub(r"[\u0300-\u036f'’]", "", plain))


def runs(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + RUN]) for i in range(len(found) - RUN + 1)}


def test_there_are_enough_films_and_shows() -> None:
    assert films().height >= 600
    assert shows().height >= 100
    assert titles().schema == TITLE_SCHEMA


def test_they_spread_over_decades_languages_countries_and_genres() -> None:
    decades = (films()["release_year"] // 10 * 10).value_counts().filter(pl.col("count") >= 10)
    assert set(range(1930, 2020, 10)) <= set(decades["release_year"].to_list())
    languages = films()["original_language"].value_counts().filter(pl.col("count") >= 3)
    assert languages.height >= 10
    assert (films()["original_language"] != "en").sum() >= 100
    genres = films()["genre"].explode().value_counts().filter(pl.col("count") >= 10)
    assert genres.height >= 14
    countries = pl.concat([titles()["origin_country"], titles()["production_countries"]]).explode().drop_nulls()
    assert countries.n_unique() >= 20
    assert shows()["genre"].explode().n_unique() >= 10


def test_the_disliked_ones_are_there_too() -> None:
    crowd = films()["imdb_rating"].fill_null(films()["tmdb_rating"])
    assert (crowd < 5).sum() >= 15
    assert (crowd > 8).sum() >= 50


def test_every_title_has_its_facts_once() -> None:
    assert titles()["imdb_id"].is_unique().all()
    assert titles()["imdb_id"].str.contains(r"^tt\d{7,8}$").all()
    for kind in (films(), shows()):
        assert kind["tmdb_id"].drop_nulls().is_unique().all()
    for column in ("title", "kind", "release_year", "genre", "overview"):
        assert titles()[column].null_count() == 0, column
    assert films()["runtime"].is_between(10, 330).all()
    assert titles()["genre"].list.len().is_between(1, 12).all()
    assert titles()["release_year"].is_between(1900, 2030).all()
    dated = titles().filter(pl.col("release_date").is_not_null())
    assert ((dated["release_date"].dt.year() - dated["release_year"]).abs() <= 2).all()


def test_every_value_lies_within_the_bounds_of_its_field() -> None:
    from reel_driver.domain import TITLE_FIELDS

    for field in TITLE_FIELDS:
        values = titles()[field.name].drop_nulls()
        if field.type == "list":
            values = values.explode().drop_nulls()
        if field.minimum is not None and len(values):
            assert values.min() >= field.minimum, field.name
        if field.maximum is not None and len(values):
            assert values.max() <= field.maximum, field.name
        if field.max_length is not None and len(values):
            assert values.str.len_chars().max() <= field.max_length, field.name


def test_every_overview_has_20_to_45_words() -> None:
    lengths = {title: len(text.split()) for title, text in titles().select("title", "overview").iter_rows()}
    assert {title: n for title, n in lengths.items() if not 20 <= n <= 45} == {}


def test_no_overview_shares_a_run_of_words_with_another() -> None:
    owners: dict[tuple[str, ...], str] = {}
    shared = []
    for name, text in titles().select("imdb_id", "overview").iter_rows():
        for run in runs(text):
            if run in owners:
                shared.append((owners[run], name, " ".join(run)))
            owners[run] = name
    assert shared == []


def test_overviews_follow_no_template() -> None:
    starts = Counter(tuple(words(text)[:3]) for text in titles()["overview"])
    assert starts.most_common(1)[0][1] <= 0.02 * titles().height
    ends = Counter(tuple(words(text)[-3:]) for text in titles()["overview"])
    assert ends.most_common(1)[0][1] <= 3


def texts_of(folder: Path) -> Iterator[str]:
    """Every overview, description, plot and tagline of the shared data."""
    tables: Iterable[tuple[pl.DataFrame, tuple[str, ...]]] = (
        (pl.read_parquet(folder / "movielens-small" / "enriched.parquet"), ("overview", "plot_imdb_ml1m", "tagline")),
        (pl.read_parquet(folder / "reel-driver" / "training.parquet"), ("overview", "tagline")),
        (pl.read_parquet(folder / "tmdb-9000-with-ids.parquet"), ("Overview", "tagline")),
        (pl.read_csv(folder / "tmdb-9000.csv", infer_schema=False), ("Overview",)),
        (pl.read_csv(folder / "tv" / "tv_series_2708.csv", infer_schema=False), ("overview",)),
        (pl.read_csv(folder / "tv" / "netflix_titles.csv", infer_schema=False), ("description",)),
    )
    for table, columns in tables:
        for column in columns:
            yield from table[column].drop_nulls().cast(pl.String)


def test_no_overview_shares_a_run_of_words_with_any_text_of_the_shared_data(shared_data: Path) -> None:
    ours: dict[tuple[str, ...], str] = {}
    for name, text in titles().select("imdb_id", "overview").iter_rows():
        ours |= dict.fromkeys(runs(text), name)
    # A cheap sieve first: the pairs of words that our runs begin with.
    starts = {run[:2] for run in ours}
    shared, n_texts = set(), 0
    for text in texts_of(shared_data):
        n_texts += 1
        found = words(text)
        for i in range(len(found) - RUN + 1):
            if (found[i], found[i + 1]) in starts and (run := tuple(found[i : i + RUN])) in ours:
                shared.add((ours[run], " ".join(run)))
    assert n_texts > 40_000
    assert shared == set()


def test_facts_are_those_of_the_shared_data(shared_data: Path) -> None:
    enriched = pl.read_parquet(shared_data / "movielens-small" / "enriched.parquet")
    training = pl.read_parquet(shared_data / "reel-driver" / "training.parquet")
    tmdb = pl.read_parquet(shared_data / "tmdb-9000-with-ids.parquet")
    years = pl.concat(
        [
            enriched.select(imdb_id="imdb_id_ml", year=pl.col("ml_year").cast(pl.Int64)),
            enriched.select(
                imdb_id="imdb_id_ml", year=pl.col("release_date").str.slice(0, 4).cast(pl.Int64, strict=False)
            ),
            training.select("imdb_id", year=pl.col("release_year").cast(pl.Int64)),
            tmdb.select("imdb_id", year=pl.col("Release_Date").str.slice(0, 4).cast(pl.Int64, strict=False)),
        ]
    ).drop_nulls()
    minutes = pl.concat(
        [
            enriched.select(imdb_id="imdb_id_ml", minutes=pl.col("runtime").cast(pl.Int64)),
            training.select("imdb_id", minutes=pl.col("runtime").cast(pl.Int64)),
            tmdb.select("imdb_id", minutes=pl.col("runtime").cast(pl.Int64)),
        ]
    ).filter(pl.col("minutes") > 0)
    known = films().join(years.group_by("imdb_id").agg("year"), on="imdb_id")
    assert known.height >= 0.95 * films().height, "every film is found there by its id"
    wrong = known.filter(pl.col("year").list.contains(pl.col("release_year")).not_())
    assert wrong.select("imdb_id", "title", "release_year", "year").to_dicts() == []
    timed = films().join(minutes.group_by("imdb_id").agg("minutes"), on="imdb_id")
    wrong = timed.filter(pl.col("minutes").list.contains(pl.col("runtime")).not_())
    assert wrong.select("imdb_id", "title", "runtime", "minutes").to_dicts() == []
    languages = pl.concat(
        [
            enriched.select(imdb_id="imdb_id_ml", language="original_language"),
            training.select("imdb_id", language="original_language"),
            tmdb.select("imdb_id", language="Original_Language"),
        ]
    ).drop_nulls()
    spoken = films().join(languages.group_by("imdb_id").agg("language"), on="imdb_id")
    wrong = spoken.filter(pl.col("language").list.contains(pl.col("original_language")).not_())
    assert wrong.select("imdb_id", "title", "original_language", "language").to_dicts() == []


def test_shows_are_those_of_the_shared_data(shared_data: Path) -> None:
    tv = pl.read_csv(shared_data / "tv" / "tv_series_2708.csv", infer_schema=False)
    assert set(shows()["imdb_id"]) <= set(tv["imdb_id"].drop_nulls())


def test_the_invented_person_has_about_120_labels_of_all_three_verdicts_on_titles_that_are_there() -> None:
    labelled = starter.catalogue_with_labels().filter(pl.col("verdict").is_not_null())
    assert 100 <= labelled.height <= 140
    counts = dict(labelled["verdict"].value_counts().iter_rows())
    assert set(counts) == {"would_not_watch", "would_watch", "would_watch_again"}
    assert min(counts.values()) >= 20
    assert starter.catalogue_with_labels().height == titles().height


def test_every_label_is_marked_as_invented() -> None:
    decided = starter.catalogue_with_labels().select("verdict", "decided_by")
    assert set(decided.filter(pl.col("verdict").is_not_null())["decided_by"]) == {"invented"}
    assert decided.filter(pl.col("verdict").is_null())["decided_by"].null_count() == decided["verdict"].null_count()


def test_the_taste_can_be_recognised(bundle) -> None:
    """Better than chance and better than the crowd, on titles the model had not seen."""
    evaluation = bundle.about["evaluation"]
    assert evaluation["metrics"]["roc_auc"]["value"] > 0.6
