"""Exploring: small tables that stand in the test, and the real ones."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reel_driver.errors import ColumnsMissing, FileMissing, FileUnreadable, NothingToRead
from reel_driver.explore import Exploration, explore
from reel_driver.explore.facts import Column, Finding
from reel_driver.ingest.plain import read_plain

TODAY = dt.date(2026, 6, 1)


def column(found: Exploration, name: str) -> Column:
    return next(c for c in found.columns if c.name == name)


def about(found: Exploration, topic: str, name: str | None = None) -> list[Finding]:
    return [f for f in found.findings if f.topic == topic and name in (None, f.column)]


def labelled(n: int = 400) -> pl.DataFrame:
    """Titles whose votes decide the label, whose score is missing for the unwatched, and whose runtime says nothing."""
    rng = np.random.default_rng(3)
    watch = rng.random(n) < 0.3
    return pl.DataFrame(
        {
            "title": [f"Film number {i}" for i in range(n)],
            "label": np.where(watch, "would_watch", "would_not_watch"),
            "release_year": rng.integers(1980, 2024, n),
            "votes": np.where(watch, 5000, 50) + rng.integers(0, 40, n),
            "score": pl.Series(np.where(watch | (rng.random(n) < 0.1), rng.integers(40, 99, n), -1)).replace(-1, None),
            "runtime": rng.normal(100, 15, n).round(),
            "constant": ["x"] * n,
            "language": rng.choice(["en", "fr", "de"], n),
        }
    )


def test_a_column_that_decides_the_label_is_said_loudly() -> None:
    found = explore(labelled(), "a table", today=TODAY)
    assert found.target is not None
    assert found.target.column == "label"
    leak = about(found, "leak", "votes")
    assert [f.level for f in leak] == ["loud"]
    assert found.findings[0] == leak[0]
    assert not about(found, "leak", "runtime")


def test_nulls_that_tell_the_label_are_kept_and_others_are_not() -> None:
    frame = labelled()
    rng = np.random.default_rng(0)
    random_nulls = pl.Series(np.where(rng.random(frame.height) < 0.5, 1.0, np.nan)).fill_nan(None) * frame["runtime"]
    found = explore(frame.with_columns(shuffled=random_nulls), "a table", today=TODAY)
    score, shuffled = column(found, "score"), column(found, "shuffled")
    assert score.nulls.is_informative is True
    assert "let the model see" in score.decisions[0].advice
    assert shuffled.nulls.is_informative is False
    assert shuffled.decisions[0].advice == "Consider dropping the feature."
    assert column(found, "title").decisions[0].advice == "Keep the feature."


def test_a_constant_says_nothing_and_a_category_is_as_low_as_it_should_be() -> None:
    found = explore(labelled(), "a table", today=TODAY)
    assert column(found, "constant").decisions[1].answer == "constant"
    assert column(found, "language").decisions[1].is_fine


def test_dates_and_numbers_that_came_as_text_are_cast_and_what_would_not_cast_is_named() -> None:
    frame = pl.DataFrame(
        {
            "when": ["Jun 12 1998", "Aug 07 1998", "soon"] * 1 + ["Aug 28 1998"] * 97,
            "gross": ["1,000", "2,500", "much"] + ["3,000"] * 97,
            "length": ["90 min", "2 Seasons", "88 min", *["100 min"] * 97],
        }
    )
    found = explore(frame, "a table", today=TODAY)
    when, gross, length = (column(found, n) for n in ("when", "gross", "length"))
    assert (when.role, when.type.how, when.type.failed) == ("date", "%b %d %Y", ((3, "soon"),))
    assert (gross.role, gross.type.failed) == ("number", ((3, "much"),))
    assert gross.summary["max"] == 3000
    assert length.role == "number"
    assert "min 99 %" in length.type.how


def test_years_after_a_gap_are_two_digit_years_in_the_wrong_century() -> None:
    years = [y for y in range(1990, 2012) for _ in range(10)]
    frame = pl.DataFrame(
        {
            "title": [f"Film {i}" for i in range(len(years))] + ["King Kong (1933)", "Ben-Hur"],
            "release_date": [f"{y}-05-01" for y in years] + ["2033-04-07", "2025-12-30"],
        }
    )
    (finding,) = about(explore(frame, "a table", today=TODAY), "time")
    assert finding.level == "loud"
    assert "2 rows" in finding.fact
    assert "King Kong (1933) (2033): 2033, rather 1933" in finding.examples


def test_zeros_far_from_all_other_ratings_mean_unknown() -> None:
    frame = pl.DataFrame(
        {"vote_average": [0.0] * 4 + [6.0, 6.5, 7.0, 8.1] * 25, "vote_count": [0] * 4 + list(range(1, 101))}
    )
    found = explore(frame, "a table", today=TODAY)
    (finding,) = about(found, "zero")
    assert finding.column == "vote_average"
    assert "exactly the rows where vote_count is 0" in finding.fact
    assert found.target is not None
    assert found.target.mean == pytest.approx(6.9)


def test_copies_shared_keys_and_nearly_the_same_titles_are_found() -> None:
    rows = [(f"tt{i:07d}", f"Film {i}", 2000) for i in range(60)]
    rows += [
        rows[0],
        ("tt0000001", "Film 1 again", 2001),
        ("tt9", "The Grandmaster", 2013),
        ("tt8", "Grandmaster", 2012),
    ]
    frame = pl.DataFrame(rows, schema=["imdb_id", "title", "release_year"], orient="row")
    facts = " ".join(f.fact for f in about(explore(frame, "a table", today=TODAY), "duplicate"))
    assert "1 row too many" in facts
    assert "share a imdb_id" in facts
    assert "1 pair of nearly the same title" in facts


def test_a_value_that_belongs_to_the_column_beside_it_is_found() -> None:
    frame = pl.DataFrame(
        {
            "rating": ["PG", "R", "G", "74 min"] + ["PG"] * 96,
            "duration": ["90 min", "95 min", "80 min", None] + ["99 min"] * 96,
        }
    )
    (finding,) = [f for f in explore(frame, "a table", today=TODAY).findings if "read like" in f.fact]
    assert "74 min" in finding.fact
    assert finding.examples == ("row 4: row 4",)


def test_the_same_table_gives_the_same_numbers_and_they_are_plain_json() -> None:
    import json

    once, again = (explore(labelled(), "a table", today=TODAY).plain() for _ in range(2))
    once.pop("seconds"), again.pop("seconds")
    assert once == again
    assert json.loads(json.dumps(once))["n_rows"] == 400


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": [1]}),
        pl.DataFrame({"a": [None, None]}),
        pl.DataFrame({"a": ["", ""], "b": [float("nan"), float("inf")]}),
        pl.DataFrame({"label": ["would_watch"], "x": [1.5]}),
        pl.DataFrame({"a": [[], ["x"]], "b": [{"c": 1}, {"c": 2}], "t": [dt.time(1), None]}),
        pl.DataFrame({"a": [b"x", b"y"], "d": [dt.timedelta(1), None], "e": [True, None]}),
    ],
)
def test_odd_tables_are_explored_all_the_same(frame: pl.DataFrame) -> None:
    assert explore(frame, "odd", today=TODAY).n_columns == frame.width


def test_a_target_that_is_no_column_is_refused() -> None:
    with pytest.raises(ColumnsMissing, match="rating"):
        explore(labelled(), "a table", target="rating")


def test_a_bare_carriage_return_outside_quotes_is_a_broken_record(tmp_path: Path) -> None:
    path = tmp_path / "films.csv"
    path.write_bytes(b'title,overview\nOne,"first\r second"\nTwo,plain\r broken\r again\nThree,fine\n')
    frame, (problem,) = read_plain(path)
    assert frame.height == 3
    assert problem.line == 3
    assert "2 bare carriage returns" in problem.value
    assert "see 5 rows instead of 3" in problem.value


def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "no.parquet").write_bytes(b"no parquet at all")
    (tmp_path / "list.json").write_text("[1, 2]")
    for name, error in (
        ("gone.csv", FileMissing),
        ("empty.csv", NothingToRead),
        ("no.parquet", FileUnreadable),
        ("list.json", FileUnreadable),
    ):
        with pytest.raises(error):
            read_plain(tmp_path / name)


def test_the_seeds_votes_nearly_decide_their_labels_and_missing_critics_tell_it_too(shared_data: Path) -> None:
    frame, problems = read_plain(shared_data / "reel-driver" / "training.parquet")
    found = explore(frame, "training.parquet", problems=problems, today=TODAY)
    assert {f.column for f in about(found, "leak") if f.level == "loud"} == {"imdb_votes", "tmdb_votes"}
    for name, share in (("rt_score", 0.707), ("metascore", 0.816)):
        nulls = column(found, name).nulls
        assert nulls.share == pytest.approx(share, abs=0.001)
        assert nulls.is_informative is True
        assert nulls.target_missing is not None
        assert nulls.target_present is not None
        assert nulls.target_missing < 0.03 < 0.3 < nulls.target_present
        assert about(found, "null", name)


def test_the_broken_record_and_the_zero_ratings_of_tmdb_9000_are_found(shared_data: Path) -> None:
    frame, problems = read_plain(shared_data / "tmdb-9000.csv")
    found = explore(frame, "tmdb-9000.csv", problems=problems, today=TODAY)
    assert found.n_rows == 9827
    (broken,) = about(found, "record")
    assert broken.level == "loud"
    assert "9,837 rows instead of 9,827" in broken.fact
    (zeros,) = about(found, "zero")
    assert (zeros.column, zeros.fact.split()[0]) == ("Vote_Average", "100")


def test_the_two_digit_years_of_the_vega_table_are_found(shared_data: Path) -> None:
    frame, problems = read_plain(shared_data / "critics" / "vega_movies.json")
    found = explore(frame, "vega_movies.json", problems=problems, today=TODAY)
    (finding,) = about(found, "time", "Release Date")
    assert finding.level == "loud"
    assert finding.fact.startswith("22 rows")
    assert "9 numbers among" in about(found, "type", "Title")[0].fact


def test_the_netflix_table_has_durations_among_its_ratings(shared_data: Path) -> None:
    frame, problems = read_plain(shared_data / "tv" / "netflix_titles.csv")
    found = explore(frame, "netflix_titles.csv", problems=problems, today=TODAY)
    assert found.target is None
    assert any(f.examples[0] == "Consequences (2014)" for f in about(found, "duplicate", "title"))
    assert any("3 values of rating read like duration" in f.fact for f in found.findings)
    assert column(found, "date_added").role == "date"
    assert column(found, "listed_in").role == "list"
