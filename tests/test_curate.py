"""From scores to tonight's row: the best, not ten of the same kind, and one to learn from."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reel_driver.curate import SAMENESS, pick_row, similarity


def film(score: float, genre: str = "Drama", *, wide: float = 0.1, **more: Any) -> dict[str, Any]:
    lower, upper = max(0.0, score - wide / 2), min(1.0, score + wide / 2)
    return {"score": score, "lower": lower, "upper": upper, "genre": [genre], **more}


candidates = st.lists(
    st.builds(
        film,
        st.floats(0, 1),
        st.sampled_from(("Drama", "War", "Comedy")),
        wide=st.floats(0, 1),
        release_year=st.none() | st.integers(1900, 2030),
        title=st.none() | st.text(max_size=12),
        directors=st.none() | st.lists(st.sampled_from(("A", "B")), max_size=2),
        original_language=st.none() | st.sampled_from(("en", "fr", "")),
    ),
    max_size=15,
)


@settings(max_examples=150, deadline=None)
@given(titles=candidates, n=st.integers(1, 12))
def test_a_row_is_as_long_as_asked_or_as_there_are_titles_each_once(titles: list[dict[str, Any]], n: int) -> None:
    order, teaching = pick_row(titles, n) if titles else ([], None)
    assert len(order) == len(set(order)) == min(n, len(titles))
    if order:
        assert titles[order[0]]["score"] == max(t["score"] for t in titles)
    assert teaching is None or teaching == order[-1]
    assert teaching is None or n >= 3


@given(a=candidates, b=candidates)
@settings(max_examples=60, deadline=None)
def test_likeness_is_mutual_and_between_0_and_1(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    for x, y in zip(a, b, strict=False):
        assert similarity(x, y) == similarity(y, x)
        assert 0 <= similarity(x, y) <= 1


def test_titles_of_which_nothing_is_known_are_not_alike() -> None:
    assert similarity({}, {}) == 0
    assert similarity({"genre": None, "title": None}, {"genre": [], "title": ""}) == 0


def test_parts_of_a_series_and_films_of_one_director_are_more_alike() -> None:
    matrix, reloaded = {"title": "The Matrix"}, {"title": "The Matrix 2: Reloaded"}
    assert similarity(matrix, {"title": "Up"}) == 0
    assert similarity({"title": "Alien Nation: One"}, {"title": "Alien Nation: Two"}) > 0
    assert similarity(matrix, reloaded) > 0
    assert similarity({"directors": ["Agnès Varda"]}, {"directors": ["Agnès Varda", "JR"]}) > 0


def test_without_anything_alike_the_row_is_in_order_of_probability() -> None:
    titles = [film(s, g) for s, g in ((0.5, "War"), (0.9, "Drama"), (0.7, "Comedy"), (0.2, "Crime"))]
    assert pick_row(titles, 2) == ([1, 2], None)


def test_a_row_is_not_ten_of_the_same_kind() -> None:
    alike = [film(0.95 - 0.001 * i, "Action", release_year=2019, directors=["M"]) for i in range(12)]
    others = [film(0.85, g, release_year=1950 + 15 * i) for i, g in enumerate(("War", "Comedy", "Crime", "Music"))]
    order, _ = pick_row(alike + others, 6)
    assert order[0] == 0
    assert len([i for i in order if i >= 12]) >= 3


def test_variety_never_lifts_a_title_over_one_that_is_better_by_more_than_its_price() -> None:
    titles = [film(0.9), film(0.89), film(0.89 - SAMENESS - 0.01, "War")]
    assert pick_row(titles, 2)[0] == [0, 1]


def test_the_last_place_goes_to_the_title_that_would_teach_the_most() -> None:
    titles = [
        film(0.9),
        film(0.8, "War"),
        film(0.7, "Crime"),
        film(0.6, "Comedy", wide=0.8),
        film(0.1, "Music", wide=0.9),
    ]
    order, teaching = pick_row(titles, 3)
    assert order == [0, 1, 3]
    assert teaching == 3, "the widest interval among those that are not hopeless"


def test_a_row_of_one_or_two_has_no_place_to_spare_for_teaching() -> None:
    titles = [film(0.9), film(0.8, "War"), film(0.7, wide=0.9)]
    assert pick_row(titles, 1) == ([0], None)
    assert pick_row(titles, 2) == ([0, 1], None)
