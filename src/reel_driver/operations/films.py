"""Verbs on ratings and genres: rate, genres, train, evaluate, tune."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from reel_driver.bundle import Bundle
from reel_driver.domain import Score, crowd_rating
from reel_driver.errors import BundleError, ColumnsMissing, NotFound, NothingToRead, ValueRefused
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import CHAMPION
from reel_driver.schema import Problem, refused_rows

TASKS = ("rating", "genre")
YEARS = (1850, 2100)
MAX_TITLE = 500


def film_of(
    *,
    title: str | None = None,
    overview: str | None = None,
    release_date: str | None = None,
    genre: str | list[str] | None = None,
    original_language: str | None = None,
    votes: int | None = None,
    popularity: float | None = None,
) -> dict[str, Any]:
    """A film from what a person typed; everything may be absent, but not everything at once.

    Raises:
        ValueRefused: naming the value and what it should be.

    >>> film_of(title="Jaws", release_date="1975", genre="Horror, Thriller")["genre"]
    ['Horror', 'Thriller']
    """
    listed = genre.split(",") if isinstance(genre, str) else (genre or [])
    genres = [g.strip() for g in listed if g.strip()]
    if not any((title and title.strip(), overview and overview.strip(), release_date, genres)):
        raise ValueRefused("film", "", "give at least a title, an overview, a release date or a genre.")
    if title and len(title) > MAX_TITLE:
        raise ValueRefused("title", title, f"a title has at most {MAX_TITLE} characters.")
    language = original_language.strip().lower() if original_language else None
    if language and not (2 <= len(language) <= 10 and language.replace("-", "").isalpha()):
        raise ValueRefused("language", original_language, "a language is a code such as en or fr.")
    for name, value in (("votes", votes), ("popularity", popularity)):
        if value is not None and not 0 <= value < float("inf"):
            raise ValueRefused(name, value, "it is 0 or more.")
    day, year = read_day(release_date)
    return {
        "title": title,
        "overview": overview,
        "release_date": day,
        "release_year": year,
        "genre": genres if genre is not None else None,
        "original_language": language,
        "tmdb_votes": votes,
        "popularity": popularity,
    }


def read_day(text: str | None) -> tuple[date | None, int | None]:
    """A date (2021-12-15) or a year (2021) as date and year.

    Raises:
        ValueRefused: for anything else, and for a year that is out of bounds.

    >>> read_day("1999-03-31")[1], read_day("1999"), read_day(None)
    (1999, (None, 1999), (None, None))
    """
    if text is None or not text.strip():
        return None, None
    text = text.strip()
    what = "a release date is written as 2021-12-15, or is a year."
    day = None
    if not (text.isdecimal() and len(text) == 4):
        try:
            day = datetime.strptime(text, "%Y-%m-%d").date()
        except ValueError:
            raise ValueRefused("release date", text, what) from None
    year = day.year if day else int(text)
    if not YEARS[0] <= year <= YEARS[1]:
        raise ValueRefused("release date", text, f"the year must be {YEARS[0]} to {YEARS[1]}.")
    return day, year


def rate(work: Workspace, film: Mapping[str, Any]) -> Score:
    """The rating that a crowd would give a film, with its 90 % interval.

    Where votes or popularity are told, by the champion if it sees them, else by the newest version that does.

    Raises:
        NotFound: when they are told and no model sees them.
    """
    told = film.get("tmdb_votes") is not None or film.get("popularity") is not None
    return work.registry.load("rating", version_with_votes(work) if told else CHAMPION).score_row(film)


def version_with_votes(work: Workspace) -> str:
    """The champion, or the newest version of the rating model, that sees votes and popularity.

    Raises:
        NotFound: when there is none.
    """
    for version in (CHAMPION, *reversed(work.registry.versions("rating"))):
        if str(work.registry.about("rating", version).get("pipeline", "")).startswith("votes"):
            return version
    raise NotFound(
        "rating model", "votes", "train one with `reel train rating --model votes --data FILE`, or leave them out."
    )


def genres(work: Workspace, text: str) -> tuple[list[tuple[str, float]], bool]:
    """Every genre with its probability, the best one first; and whether the model knows any word of the text.

    Raises:
        ValueRefused: for a text without a word.
    """
    from reel_driver.features.words import words_of

    if not words_of(text):
        raise ValueRefused("text", text.strip(), "it needs at least one word.")
    bundle = work.registry.load("genre")
    batch = bundle.spec.encode_texts([text])
    return bundle.genres(text), bool(len(batch.terms)) or bool(batch.vectors.any())


def stand_in_ratings(
    work: Workspace, rows: Sequence[Mapping[str, Any]], bundle: Bundle | None = None
) -> list[float | None]:
    """A predicted rating, to two decimals, for each title that nobody's rating is known of; None for the others.

    A rating model that cannot be loaded costs the numbers, not the titles: None for all.

    Args:
        work: whose rating model.
        rows: titles.
        bundle: the rating model, where it is loaded already.
    """
    out: list[float | None] = [None] * len(rows)
    if unrated := [i for i, row in enumerate(rows) if crowd_rating(row) is None]:
        with suppress(BundleError):
            bundle = bundle or work.registry.load("rating")
            for i, rating in zip(unrated, bundle.score_rows([rows[i] for i in unrated])[0].tolist(), strict=True):
                out[i] = round(rating, 2)
    return out


def predict_ratings(work: Workspace, source: Path) -> tuple[pl.DataFrame, list[Problem]]:
    """Rate every film of a file: the file's films with `predicted_rating`, `lower` and `upper`, and the problems.

    No row is dropped: one that cannot be read has no rating, and the reason in the column `problem`.

    Raises:
        InputError: in one of its kinds, when the file cannot be read or has nothing to rate by.
    """
    frame, problems = read_films(source)
    scored = work.registry.load("rating").score_frame(frame)
    columns = ["line", "title", "release_date", "release_year", "genre", "original_language", "overview"]
    rated = frame.select(columns).with_columns(
        predicted_rating=scored["score"].round(2), lower=scored["lower"].round(2), upper=scored["upper"].round(2)
    )
    return pl.concat([rated, refused_rows(problems)], how="diagonal").sort("line").drop("line"), problems


def read_films(source: Path) -> tuple[pl.DataFrame, list[Problem]]:
    """A table of films and the problems in it.

    Raises:
        InputError: when nothing can be read.
    """
    from reel_driver.ingest import read_table

    frame, problems = read_table(source)
    if frame.is_empty():
        raise NothingToRead(source)
    if frame["overview"].null_count() == frame.height and frame["title"].null_count() == frame.height:
        raise ColumnsMissing(source, ["title", "overview"], frame.columns)
    return frame, problems


def train(
    work: Workspace, task: str, source: Path, model: str | None = None, *, seed: int = 0, progress: Any = None
) -> Bundle:
    """Learn a task from a table of films, save the bundle and make it the champion."""
    from reel_driver.evaluate import silent

    frame, _ = read_films(source)
    mark = hashlib.sha256(source.read_bytes()).hexdigest()
    about = {"data": source.name, "fingerprint": mark, "rows": frame.height, "seed": seed}
    if task == "rating":
        from reel_driver import menu, ratings

        pipeline = menu.rating_pipeline(model or menu.DEFAULT_RATING)
        bundle = ratings.fit_bundle(pipeline, frame, about=about, seed=seed, progress=progress or silent)
    else:
        from reel_driver import genres as genre_task

        bundle = genre_task.fit_bundle(genre_learner(model), frame, about=about, seed=seed, progress=progress or silent)
    return work.registry.add(task, bundle)


def genre_learner(name: str | None) -> Any:
    """A learner of the genre menu: `instant`, or with the encoder extra `encoder` and `neighbours`.

    Raises:
        NotFound: for a name that is not on the menu.
    """
    from reel_driver.menu import DEFAULT_GENRE
    from reel_driver.models.genre import GENRE_LEARNERS

    chosen = name or DEFAULT_GENRE
    if chosen not in GENRE_LEARNERS:
        raise NotFound("genre model", chosen, f"choose one of {', '.join(GENRE_LEARNERS)}.")
    return GENRE_LEARNERS[chosen]()


def evaluate(
    work: Workspace,
    task: str,
    source: Path | None,
    model: str | None = None,
    *,
    seed: int = 0,
    progress: Any = None,
) -> Mapping[str, Any]:
    """The scorecard on the first system's split of a table; without one, that of the model in use, as it was measured.

    Raises:
        ValueRefused: when there is no table and the model in use carries no scorecard.
    """
    from reel_driver.evaluate import silent

    if source is None:
        card = work.registry.about(task).get("scorecard")
        if not isinstance(card, dict) or model is not None:
            raise ValueRefused("--data", "", "give a table of films to be judged on.")
        return card
    frame, _ = read_films(source)
    if task == "rating":
        from reel_driver import menu, ratings

        pipeline = menu.rating_pipeline(model or menu.DEFAULT_RATING)
        return ratings.evaluate(pipeline, frame, seed=seed, progress=progress or silent)
    from reel_driver import genres as genre_task

    return genre_task.evaluate(genre_learner(model), frame, seed=seed, progress=progress or silent)


def beside_rivals(
    source: Path, model: str | None = None, *, repeats: int, seed: int = 0, progress: Any = None
) -> Mapping[str, Any]:
    """A rating pipeline beside its rivals in repeated cross-validation; the test part is not looked at."""
    from reel_driver import menu, ratings
    from reel_driver.evaluate import silent

    frame, _ = read_films(source)
    names = dict.fromkeys((model or menu.DEFAULT_RATING, menu.RIVAL))
    pipelines = [menu.rating_pipeline(name) for name in names]
    return ratings.beside_rivals(pipelines, frame, repeats=repeats, seed=seed, progress=progress or silent)


def tune(
    work: Workspace,
    source: Path,
    *,
    method: str,
    model: str,
    n_trials: int,
    storage: str | None,
    seed: int = 0,
    progress: Any = None,
) -> list[Any]:
    """Tune a LightGBM pipeline of the rating menu on the training part of a table; trials, best first.

    Optuna's study is kept in `data/tuning.db` of the home folder, or in the given storage, under a name of the table,
    the pipeline and the seed.

    Raises:
        NotFound: for a pipeline without LightGBM.
    """
    from reel_driver import menu, ratings, search
    from reel_driver.evaluate import silent
    from reel_driver.files import digest

    pipeline = menu.rating_pipeline(model)
    if not model.endswith(":lightgbm"):
        raise NotFound("pipeline to tune", model, "choose one with lightgbm, as in five:lightgbm.")
    frame, _ = read_films(source)
    train, _ = ratings.first_parts(frame)
    if method == "optuna" and storage is None:
        path = work.data("tuning.db")
        path.parent.mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{path}"
    return search.tune(
        pipeline, train, menu.LIGHTGBM_SPACE, method=method, n_trials=n_trials, seed=seed, storage=storage,
        study=f"rating {model} of {digest(source)}, seed {seed}", progress=progress or silent,
    )  # fmt: skip
