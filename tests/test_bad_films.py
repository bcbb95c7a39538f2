"""Whatever is asked about ratings and genres, the answer is a number or one sentence, never a traceback, and soon."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from command import run_reel
from reel_driver.bundle import Bundle
from reel_driver.errors import ValueRefused
from reel_driver.operations import films
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import Registry
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import create_app
from test_rating_and_genre import FILMS

ODD_TEXTS = {
    "empty": "",
    "blank": " \n\t",
    "a megabyte of words": "love " * 200_000,
    "a megabyte of one word": "a" * 1_000_000,
    "a megabyte of tags": "<p>" * 330_000,
    "a megabyte of open tags": "<" * 1_000_000,
    "a megabyte of entities": "&amp;" * 200_000,
    "a megabyte of quotes": "a'" * 500_000,
    "a megabyte of Chinese": "夜" * 340_000,
    "Arabic": "مرحبا بالعالم",
    "marks that combine": "e\u0301" * 400,
    "pictures": "👻" * 20,
    "HTML": "<script>alert(1)</script><b>love</b> &amp; war",
    "a null character": "a\x00b",
    "half a character": "\ud800 love",
    "a colour of the terminal": "\x1b[31mred",
    "markup of ours": "%s {0} [bold]x[/bold]",
}
odd = pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())


def answered(done: Any) -> None:
    """The command has printed an answer, or one sentence."""
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1
        assert len(done.stderr) < 400, "a megabyte is not said back"
        assert not done.stdout
    else:
        assert done.stdout.strip()


@pytest.fixture(scope="module")
def rating() -> Bundle:
    return Registry(Path("nowhere")).load("rating")


@odd
def test_reel_genres_answers_any_text(text: str, tmp_path: Path) -> None:
    answered(run_reel(tmp_path / "h", "genres", text))


@odd
def test_reel_rate_answers_any_text(text: str, tmp_path: Path) -> None:
    for place in ("overview", "release-date"):
        answered(run_reel(tmp_path / "h", "rate", "--title", "X", f"--{place}", text))


def rated_or_refused(rating: Bundle, **film: Any) -> None:
    """A rating within its bounds, or one sentence."""
    try:
        asked = films.film_of(**film)
    except ValueRefused as refusal:
        said = str(refusal)
    else:
        score = rating.score_row(asked)
        assert 0 <= score.lower <= score.score <= score.upper <= 10
        return
    assert len(said.splitlines()) == 1
    assert len(said) < 400


@odd
@pytest.mark.parametrize("place", ["title", "overview", "genre", "original_language", "release_date"])
def test_any_text_in_any_place_is_rated_or_refused(rating: Bundle, place: str, text: str) -> None:
    rated_or_refused(rating, **{"title": "X", "overview": "Two rivals fall in love.", place: text})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    title=st.none() | st.text(max_size=40),
    overview=st.none() | st.text(max_size=200),
    day=st.none() | st.text(max_size=12) | st.dates().map(str) | st.integers(-9, 99_999).map(str),
    genre=st.none() | st.text(max_size=30) | st.lists(st.text(max_size=10), max_size=4),
    language=st.none() | st.text(max_size=12),
    votes=st.none() | st.integers(-5, 10**15),
    popularity=st.none() | st.floats(),
)
def test_any_film_is_rated_within_bounds_or_refused_in_a_sentence(
    rating: Bundle, title: Any, overview: Any, day: Any, genre: Any, language: Any, votes: Any, popularity: Any
) -> None:
    rated_or_refused(
        rating, title=title, overview=overview, release_date=day, genre=genre, original_language=language,
        votes=votes, popularity=popularity,
    )  # fmt: skip


# A file.

ODD_FILMS: dict[str, dict[str, Any]] = {
    "a date in the year 3021": {"title": "X", "release_date": "3021-05-05"},
    "a genre list as a bare text": {"title": "X", "genre": "Horror, Drama"},
    "genres as objects": {"title": "X", "genre": [{"id": 27, "name": "Horror"}]},
    "no overview": {"title": "X"},
    "an empty overview": {"title": "X", "overview": ""},
    "HTML": {"title": "<b>X</b>", "overview": "<p>love</p>&amp;"},
    "another script": {"title": "夜の列車", "overview": "夜行列車の話"},
    "types mixed up": {"title": 5, "overview": ["a"], "genre": {"a": 1}, "release_date": True, "vote_average": "high"},
    "numbers that are none": {"title": "X", "vote_average": float("nan"), "vote_count": float("inf")},
    "nothing": {"title": None, "overview": None},
    "a title of a hundred thousand characters": {"title": "love " * 20_000},
}

strange = pytest.mark.parametrize("film", ODD_FILMS.values(), ids=ODD_FILMS.keys())


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "films.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@strange
def test_a_film_of_a_file_is_rated_or_says_why_not_and_is_never_dropped(film: dict[str, Any], tmp_path: Path) -> None:
    table = written(tmp_path, [film, {"title": "The Plain One", "overview": "love"}])
    done = run_reel(tmp_path / "h", "predict", "rating", "--input", table, "--json")
    assert done.returncode == 0, done.stderr
    first, plain = json.loads(done.stdout)
    assert (first["predicted_rating"] is None) == (first["problem"] is not None)
    assert 0 <= plain["predicted_rating"] <= 10


@strange
@pytest.mark.parametrize("task", ["rating", "genre"])
def test_an_odd_film_does_not_spoil_what_is_learned(task: str, film: dict[str, Any], tmp_path: Path) -> None:
    names = {"tmdb_rating": "vote_average", "tmdb_votes": "vote_count"}
    rows = FILMS.with_columns(pl.col("release_date").cast(pl.String)).rename(names).to_dicts()
    model = ("--model", "five:ridge") if task == "rating" else ()
    done = run_reel(tmp_path / "h", "train", task, "--data", written(tmp_path, [*rows, film]), *model)
    answered(done)
    assert done.returncode == 0, done.stderr


def test_a_year_that_no_film_has_is_left_out_and_said(tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_text("title,release_date\nA,3021-05-05\nB,1999\nC,1999-05\nD,3021\nE,1999-05-05\n")
    done = run_reel(tmp_path / "h", "predict", "rating", "--input", table, "--json")
    read = [(r["release_date"], r["release_year"]) for r in json.loads(done.stdout)]
    assert read == [(None, None), (None, 1999), (None, 1999), (None, None), ("1999-05-05", 1999)]
    assert "1850 to 2100" in done.stderr


FILES = {
    "nothing at all": b"",
    "a heading alone": b"title,overview\n",
    "no title": b'{"overview": "love"}\n',
    "other columns": b'{"foo": 1}\n',
    "lists for records": b"[[1, 2]]\n",
    "brackets without end": b"[" * 100_000,
    "a value of a megabyte": b"title,overview\nX," + b"a" * 1_000_000 + b"\n",
    "a quote that is never closed": b'title,overview\na,b,c,d\n"x\n',
    "no letters of any kind": b"\x00\x01\x02",
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize(
    "command",
    [("predict", "rating", "--input"), ("train", "rating", "--data"), ("train", "genre", "--data")],
    ids=" ".join,
)
def test_a_file_that_is_no_table_of_films_is_refused_in_a_sentence(
    command: tuple[str, ...], content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "films.csv"
    path.write_bytes(content)
    done = run_reel(tmp_path / "h", *command, path)
    answered(done)
    assert done.returncode == 1


def test_films_without_a_word_are_too_few_for_genres_and_words_that_occur_once_are_enough(tmp_path: Path) -> None:
    rows = [{"title": "!", "overview": "?", "genre": "Drama"} for _ in range(60)]
    done = run_reel(tmp_path / "h", "train", "genre", "--data", written(tmp_path, rows))
    answered(done)
    assert "0 films" in done.stderr
    rows = [{**row, "title": "q" * (i + 3)} for i, row in enumerate(rows)]
    assert run_reel(tmp_path / "h", "train", "genre", "--data", written(tmp_path, rows)).returncode == 0


# The service.


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service with the shipped models alone."""
    app = create_app(Workspace(tmp_path_factory.mktemp("home"), "me"), access=AccessLog(io.StringIO()))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


ASKED = {
    "release_date": "1999-03-31", "title": "X", "overview": "love", "genre": "Drama", "original_language": "en",
}  # fmt: skip


@odd
@pytest.mark.parametrize("field", ASKED)
def test_the_rating_route_answers_any_text_in_any_field(client: TestClient, field: str, text: str) -> None:
    answer = client.post("/predict", content=json.dumps({**ASKED, field: text}).encode())
    assert answer.status_code in (200, 422), answer.text[:300]
    if answer.status_code == 200:
        assert 0 <= answer.json()["predicted_rating"] <= 10
    else:
        assert answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("value", [None, 5, ["Drama"], {"a": 1}, "3021-01-01", "0001-01-01", True])
@pytest.mark.parametrize("field", ASKED)
def test_the_rating_route_answers_any_value_in_any_field(client: TestClient, field: str, value: Any) -> None:
    assert client.post("/predict", json={**ASKED, field: value}).status_code in (200, 422)
    assert client.post("/predict", json={k: v for k, v in ASKED.items() if k != field}).status_code == 422


@pytest.mark.parametrize("text", [t for t in ODD_TEXTS.values() if len(t) < 1000 and "\ud800" not in t], ids=ascii)
def test_the_genre_routes_answer_any_text(client: TestClient, text: str) -> None:
    for answer in (client.get("/genres", params={"text": text}), client.get("/" + quoted(f"{text} x"))):
        assert answer.status_code in (200, 404, 422), answer.text[:300]
        assert "genre" in answer.json() or answer.json()["detail"]


def quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
