"""What a model sees: one spec, two encoders, the same numbers bit for bit."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reel_driver.domain import FIELD, TITLE_FIELDS, Field
from reel_driver.features.blocks import Block
from reel_driver.features.categories import Grouped, MultiHot, OneHot, Scaled
from reel_driver.features.dates import Newness, ReleaseDay, YearBin
from reel_driver.features.known import KnownTitle, Tokens
from reel_driver.features.numbers import Length, LogRatio, Number
from reel_driver.features.spec import BLOCK_KINDS, MANY, FeatureSpec
from reel_driver.features.text import Terms, TextShape, TextVector, Tfidf, Words
from reel_driver.schema import TITLE_SCHEMA, conform
from reel_driver.tasks import WATCH, watch_pipeline

EVERY_BLOCK: tuple[Block, ...] = (
    Number("release_year"),
    Number("revenue"),
    Number("budget", log=True),
    Number("tmdb_rating"),
    Number("popularity", log=True),
    LogRatio("tmdb_votes", "imdb_votes"),
    LogRatio("imdb_votes", "release_year"),
    LogRatio("popularity", "tmdb_rating"),
    OneHot("original_language", min_count=1),
    OneHot("production_status", min_count=2),
    MultiHot("genre", min_count=1),
    MultiHot("production_companies", min_count=2),
    Length("overview"),
    Length("keywords"),
    Words("overview", n_words=6, min_length=3),
    Words("tagline", n_words=3),
    KnownTitle(np.array([111161, 0, 7], dtype=np.int32), np.array([278, 1, 0], dtype=np.int32)),
    Tokens("cast", 2),
    Tokens("title", 3),
    Tfidf("overview", 8, 3),
    YearBin(),
    Grouped("original_language", 0.3),
    Scaled(MultiHot("genre", min_count=1)),
    ReleaseDay(),
    Newness(),
    TextShape("title"),
    TextVector(),
    Terms(room=4),
)

CATEGORIES = ("Drama", "War", "drama", "", "Ünïcode", "日本語", "a|b", "\x00", "🎬")
"""Few, so that they repeat and are learned, and odd, as they come in life."""

texts = st.lists(
    st.one_of(st.sampled_from(("night", "NIGHT", "nights", "love", "Kelvin", "İstanbul", "ΣΊΣΥΦΟΣ", "ﬁlm")), st.text(max_size=6)),
    max_size=8,
).map(" ".join)  # fmt: skip


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Values of one field, as wild as its type allows, wilder than its bounds."""
    if field.type == "int":
        return st.one_of(
            st.integers(-(2**63), 2**63 - 1), st.integers(1900, 2030), st.sampled_from((0, 2**53 + 1, 2**62 + 1))
        )
    if field.type == "float":
        return st.one_of(st.floats(0, 10), st.floats(width=32, allow_nan=True, allow_infinity=False))
    if field.type == "list":
        return st.lists(st.one_of(st.sampled_from(CATEGORIES), st.text(max_size=3)), max_size=4)
    if field.type == "date":
        return st.dates(date(1850, 1, 1), date(2100, 1, 1))
    return texts if field.name in ("overview", "tagline", "title") else st.sampled_from(CATEGORIES)


titles = st.fixed_dictionaries({}, optional={f.name: st.none() | values_of(f) for f in TITLE_FIELDS})
catalogues = st.lists(titles, max_size=12)


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in TITLE_SCHEMA} for row in rows], schema=TITLE_SCHEMA)


def bits(numbers: np.ndarray) -> np.ndarray:
    """The bits of float32 numbers, all kinds of NaN made one."""
    assert numbers.dtype == np.float32
    return np.where(np.isnan(numbers), np.uint32(0x7FC00000), numbers.view(np.uint32))


def assert_same_bits(a: np.ndarray, b: np.ndarray, spec: FeatureSpec) -> None:
    assert a.shape == b.shape
    different = np.unique(np.nonzero(bits(a) != bits(b))[1])
    assert not len(different), {
        spec.names[c]: (a[:, c].tolist(), b[:, c].tolist()) for c in different[:3]
    }  # names the column


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(known=catalogues, new=catalogues)
def test_a_row_and_a_frame_are_encoded_to_the_same_bits_by_every_kind_of_block(
    known: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    spec = FeatureSpec(EVERY_BLOCK).fit(frame_of(known))
    rows = [*known, *new, {}]
    by_frame = spec.encode_frame(frame_of(rows))
    assert by_frame.shape == (len(rows), spec.width)
    assert_same_bits(np.stack([spec.encode_row(row) for row in rows]), by_frame, spec)
    assert_same_bits(spec.encode_rows(rows), by_frame, spec)
    assert_same_bits(spec.encode_rows(rows * MANY)[: len(rows)], by_frame, spec)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(known=catalogues, new=catalogues)
def test_a_spec_that_was_saved_as_json_and_loaded_is_the_same_spec(
    known: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    spec = FeatureSpec(EVERY_BLOCK).fit(frame_of(known))
    plain, arrays = spec.state()
    loaded = FeatureSpec.from_state(json.loads(json.dumps(plain)), arrays)
    assert loaded == spec
    assert loaded.names == spec.names
    rows = [*known, *new]
    assert_same_bits(loaded.encode_rows(rows), spec.encode_rows(rows), spec)


def test_the_newest_title_of_a_table_is_new_and_one_that_came_much_later_is_unknown() -> None:
    spec = FeatureSpec((Newness(),)).fit(
        frame_of([{"release_date": date(2022, 3, 1)}, {"release_date": date(1990, 1, 1)}])
    )
    days = (date(2022, 3, 1), date(2022, 3, 20), "2021-11-30", date(1990, 1, 1), date(2022, 6, 1), None)
    new = [float(spec.encode_row({"release_date": day})[0]) for day in days]
    assert new == pytest.approx([1, 1, np.exp(-1), 0, np.nan, np.nan], abs=0.01, nan_ok=True)


def test_the_property_above_covers_every_kind_of_block_there_is() -> None:
    with_a_network = {"sentence_vector"}  # held to what a network is exact to in test_encoder.py
    assert {b.kind for b in EVERY_BLOCK} == set(BLOCK_KINDS) - with_a_network


@pytest.mark.parametrize("name", WATCH)
def test_every_pipeline_of_the_menu_encodes_rows_and_frames_alike_on_the_starter_catalogue(name: str) -> None:
    from reel_driver import starter

    films = starter.catalogue()
    spec = watch_pipeline(name).recipe.fit(films)
    assert_same_bits(spec.encode_rows(films.to_dicts()), spec.encode_frame(films), spec)


def test_all_columns_of_the_training_table_are_used() -> None:
    columns = {
        "release_year", "runtime", "budget", "revenue", "tmdb_rating", "tmdb_votes", "imdb_rating", "imdb_votes",
        "rt_score", "metascore", "genre", "original_language", "spoken_languages", "origin_country",
        "production_countries", "production_companies", "production_status", "overview", "tagline", "title",
    }  # fmt: skip
    for name in ("xgboost", "logistic"):
        assert columns <= set(watch_pipeline(name).recipe.fields), name


FILMS = pl.DataFrame(
    {
        "runtime": [90, None, 120],
        "genre": [["Drama", "War"], ["Drama"], None],
        "original_language": ["fr", "en", "en"],
        "overview": ["A quiet night in Paris", "The longest night", None],
    }
)


def test_unknown_is_nan_and_not_zero() -> None:
    spec = FeatureSpec(EVERY_BLOCK).fit(FILMS)
    assert np.isnan(spec.encode_row({})).all()
    assert np.isnan(spec.encode_row(dict.fromkeys(FIELD))).all()


def test_absent_columns_of_a_frame_count_as_unknown() -> None:
    spec = FeatureSpec((Number("runtime"), MultiHot("genre", 1), OneHot("original_language", 1))).fit(FILMS)
    encoded = spec.encode_frame(pl.DataFrame({"runtime": [100]}))
    assert encoded[0, 0] == 100
    assert np.isnan(encoded[0, 1:]).all()


def test_an_unknown_category_is_all_zeros_and_an_empty_list_too() -> None:
    spec = FeatureSpec((MultiHot("genre", 1), OneHot("original_language", 1))).fit(FILMS)
    assert spec.encode_row({"genre": ["Western"], "original_language": "xx"}).tolist() == [0, 0, 0, 0]
    assert spec.encode_row({"genre": [], "original_language": ""}).tolist() == [0, 0, 0, 0]


def test_a_category_named_twice_or_beside_a_null_counts_once() -> None:
    spec = FeatureSpec((MultiHot("genre", 1),)).fit(FILMS)
    row = {"genre": ["Drama", "Drama", None]}
    assert spec.encode_row(row).tolist() == [1, 0]
    assert spec.encode_frame(pl.DataFrame([row], schema={"genre": pl.List(pl.String)})).tolist() == [[1, 0]]


def test_columns_of_other_number_types_are_read_as_what_they_are() -> None:
    spec = FeatureSpec((Number("runtime"), Number("tmdb_rating"))).fit(FILMS)
    frame = pl.DataFrame({"runtime": [90], "tmdb_rating": [7]}, schema={"runtime": pl.UInt8, "tmdb_rating": pl.Int32})
    assert spec.encode_frame(frame).tolist() == [[90.0, 7.0]]


def test_categories_are_learned_by_count_and_then_by_name() -> None:
    films = pl.DataFrame({"original_language": ["de", "ja", "ja", "fr", "fr", None, "sv"]})
    assert OneHot("original_language", min_count=2).fit(films).names == (
        "original_language=fr",
        "original_language=ja",
    )


def test_a_catalogue_of_nothing_can_be_fitted_and_encoded() -> None:
    spec = FeatureSpec(EVERY_BLOCK).fit(conform(pl.DataFrame(), TITLE_SCHEMA).clear())
    assert spec.encode_frame(conform(pl.DataFrame(), TITLE_SCHEMA).clear()).shape == (0, spec.width)


def test_every_column_can_say_what_it_means_of_any_title() -> None:
    from reel_driver import starter

    films = starter.catalogue()
    spec = FeatureSpec(EVERY_BLOCK).fit(films)
    for row in ({}, films.row(0, named=True)):
        for column in range(spec.width):
            phrase = spec.phrase(column, row)
            assert phrase, spec.names[column]
            assert "None" not in phrase, spec.names[column]
    with pytest.raises(IndexError):
        spec.phrase(spec.width, {})


def test_a_saved_spec_with_a_kind_of_block_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError):
        FeatureSpec.from_state({"blocks": [{"kind": "rm -rf"}]}, {})
