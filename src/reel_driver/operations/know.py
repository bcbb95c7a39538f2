"""Verbs that look: explore a table, judge a model in full, compare two, see what has drifted. Nothing is changed."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from reel_driver.errors import NothingToRead
from reel_driver.evaluate import Progress, silent
from reel_driver.explore import Exploration
from reel_driver.explore import explore as explore_table
from reel_driver.files import write_atomically
from reel_driver.operations.workspace import Workspace


def explore(
    work: Workspace,
    path: Path | None = None,
    *,
    query: str | None = None,
    target: str | None = None,
    progress: Progress = silent,
) -> Exploration:
    """Explore a file as it is, the rows of a query on the store, or the catalogue with the profile's labels.

    Raises:
        FileMissing, FileUnreadable, NothingToRead: when there is nothing to look at.
        ColumnsMissing: when the target is no column.
    """
    if path is not None:
        from reel_driver.ingest.plain import read_plain

        frame, problems = read_plain(path)
        return explore_table(frame, path.name, target=target, problems=problems, progress=progress)
    if query is not None:
        from reel_driver import config
        from reel_driver.ingest.query import read_query

        _ = work.store  # made or brought up to date before it is asked
        frame = read_query(config.database_url(work.home), query)
        return explore_table(frame, "A query of the store", target=target, progress=progress)
    frame = catalogue_with_verdicts(work)
    if frame.is_empty():
        raise NothingToRead("The catalogue")
    return explore_table(frame, f"The catalogue and labels of {work.profile}", target=target, progress=progress)


def catalogue_with_verdicts(work: Workspace) -> pl.DataFrame:
    """Every title with the profile's verdict; columns that no title has are left out."""
    labels = work.store.labels(work.profile).select("title_id", "verdict", "decided_by", "labelled_at")
    frame = work.store.titles().join(labels, on="title_id", how="left", maintain_order="left")
    return frame.select(c for c in frame.columns if frame[c].null_count() < frame.height)


def save_page(work: Workspace, name: str, page: str, target: Path | None = None) -> Path:
    """Write a report where it was asked for, or under `reports/` in the home folder; returns where."""
    path = target or work.home / "reports" / f"{name}.html"
    write_atomically(path, page.encode())
    return path
