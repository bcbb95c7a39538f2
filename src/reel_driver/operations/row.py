"""Verbs on scores: score the catalogue, tonight's row, predict."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from reel_driver import curate
from reel_driver.bundle import CHUNK, Bundle
from reel_driver.domain import Pick, Score
from reel_driver.evaluate import Progress, silent
from reel_driver.files import write_atomically, write_parquet
from reel_driver.operations.films import stand_in_ratings
from reel_driver.operations.workspace import Workspace
from reel_driver.schema import Problem, refused_rows

N_CANDIDATES = 300
"""Best titles that a row is chosen from."""


def score_catalogue(work: Workspace, bundle: Bundle | None = None, *, progress: Progress = silent) -> int:
    """Score every title of the catalogue and store the scores for the profile; returns how many."""
    from reel_driver.store.tables import FACETS

    bundle = bundle or work.registry.load(work.watch_name)
    columns = list(dict.fromkeys(("title_id", *FACETS, *bundle.scored_fields)))
    total, done = work.store.n_titles(), 0

    def scored() -> Iterator[pl.DataFrame]:
        nonlocal done
        for part in side_by_side(
            lambda f: bundle.score_frame(f).hstack(f.select(FACETS)), work.store.iter_titles(columns, batch_size=CHUNK)
        ):
            yield part
            done += part.height
            progress(done, total)

    work.store.write_scores(work.profile, bundle_mark(bundle), scored())
    return done


def side_by_side(
    score: Callable[[pl.DataFrame], pl.DataFrame], frames: Iterator[pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    """The scores of each frame, in order: one thread reads while the others score, one a core.

    Encoding and scoring leave Python's lock alone most of the time. No more frames are in memory than threads and one.
    """
    n_threads = os.cpu_count() or 1
    with ThreadPoolExecutor(max_workers=1) as reader, ThreadPoolExecutor(max_workers=n_threads) as scorers:
        under_way: deque[Future[pl.DataFrame]] = deque()
        coming = reader.submit(next, frames, None)
        while (frame := coming.result()) is not None:
            under_way.append(scorers.submit(score, frame))
            coming = reader.submit(next, frames, None)
            if len(under_way) > n_threads:
                yield under_way.popleft().result()
        for last in under_way:
            yield last.result()


def bundle_mark(bundle: Bundle) -> str:
    """What scores are stored under: which bundle made them."""
    return f"{bundle.version}:{str(bundle.about.get('fingerprint', ''))[:12]}"


def tonight(
    work: Workspace,
    *,
    n: int = 10,
    minutes: int | None = None,
    genre: str | None = None,
    language: str | None = None,
    kind: str | None = None,
    rating: Bundle | None = None,
    progress: Progress = silent,
) -> list[Pick]:
    """Tonight's row: unseen, unlabelled titles, ranked, varied, one to learn from, each with its reasons.

    Scores come from the store; when the champion or the catalogue has changed since, they are made anew first. Titles
    of the row that nobody's rating is known of get a predicted one, by `rating` where it is loaded already.
    """
    bundle = work.registry.load(work.watch_name)
    if work.store.scored_by(work.profile) != bundle_mark(bundle):
        score_catalogue(work, bundle, progress=progress)
    best = work.store.top_scores(
        work.profile, limit=N_CANDIDATES, kind=kind, genre=genre, language=language, max_minutes=minutes
    )
    candidates = best.to_dicts()
    if not candidates:
        return []
    order, teaching = curate.pick_row(candidates, n)
    chosen = [candidates[i] for i in order]
    reasons = bundle.reasons(chosen)
    ratings = stand_in_ratings(work, chosen, rating)
    return [
        Pick(c, score_of(c), why[0], why[1], is_exploration=i == teaching, predicted_rating=predicted)
        for i, c, why, predicted in zip(order, chosen, reasons, ratings, strict=True)
    ]


def score_of(row: dict[str, Any]) -> Score:
    """The score that a stored row carries."""
    return Score(int(row["title_id"]), row["score"], row["lower"], row["upper"], bool(row["is_extrapolated"]))


def predict(work: Workspace, ref: str) -> Pick:
    """The score of one title of the catalogue, with the reasons."""
    bundle = work.registry.load(work.watch_name)
    row = work.store.find_title(ref)
    score = bundle.score_row(row, int(row["title_id"]))
    pro, contra = bundle.reasons([row], n=5)[0]
    return Pick(row, score, pro, contra, predicted_rating=stand_in_ratings(work, [row])[0])


def predict_file(
    work: Workspace, source: Path, target: Path, *, all_fields: bool = False
) -> tuple[int, Sequence[Problem]]:
    """Score every row of a file and write what names it with `probability`, `lower`, `upper` and `prediction`.

    No row is ever dropped, because a caller may take a missing answer for a yes: a row that cannot be read is scored as
    a title of which nothing is known, with the reason in the column `problem`.

    Args:
        work: whose model scores.
        source: the file.
        target: the file to write.
        all_fields: write all fields of the titles again, which takes several times as long.

    Returns:
        How many rows were scored, and what was wrong with some.
    """
    from reel_driver.ingest import NeedsWhole, read_in_parts, read_table

    bundle = work.registry.load(work.watch_name)
    # Votes tell a rating of 0 from one that nobody has given.
    fields = frozenset((*bundle.scored_fields, "tmdb_votes"))
    out: pl.DataFrame | None = None
    problems: Sequence[Problem] = ()
    if not all_fields:
        with suppress(NeedsWhole):
            out = pl.concat([_scored(bundle, part) for part in read_in_parts(source, fields)])
    if out is None:
        frame, problems = read_table(source, fields=None if all_fields else fields)
        refused = refused_rows(problems)
        frame = pl.concat([frame, refused], how="diagonal")
        out = _scored(bundle, frame.sort("line") if refused.height else frame, all_fields=all_fields)
    write_table(out, target)
    return out.height, problems


def _scored(bundle: Bundle, frame: pl.DataFrame, *, all_fields: bool = False) -> pl.DataFrame:
    """Titles of a file with what is predicted of them."""
    from reel_driver.ingest import NAMING

    scored = bundle.score_frame(frame)
    if not all_fields:
        problem = pl.col("problem") if "problem" in frame.columns else pl.lit(None, pl.String).alias("problem")
        frame = frame.select(*NAMING, "line", problem)
    return frame.with_columns(
        probability=scored["score"],
        lower=scored["lower"],
        upper=scored["upper"],
        prediction=scored["score"] >= bundle.threshold,
        is_extrapolated=scored["is_extrapolated"],
    )


def write_table(frame: pl.DataFrame, target: Path) -> None:
    """Write a table by the ending of its name: .parquet, .json, .jsonl, anything else as CSV with lists joined by "|"."""
    if target.suffix == ".parquet":
        write_parquet(frame, target)
    elif target.suffix in (".jsonl", ".ndjson"):
        write_atomically(target, frame.write_ndjson(None).encode())
    elif target.suffix == ".json":
        write_atomically(target, frame.write_json(None).encode())
    else:
        lists = [c for c, t in frame.schema.items() if isinstance(t, pl.List)]
        write_atomically(target, frame.with_columns(pl.col(lists).list.join("|")).write_csv(None).encode())
