"""Verbs on data: load the starter, import, extract, prepare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from reel_driver import starter
from reel_driver.errors import NothingToRead
from reel_driver.files import write_parquet
from reel_driver.operations.workspace import Workspace

if TYPE_CHECKING:
    from reel_driver.store import ImportReport

STARTER = "starter"
"""Name of the invented profile that ships with the package."""


def load_starter(work: Workspace) -> ImportReport:
    """Load the starter catalogue, and the invented labels into the profile "starter". Repeatable."""
    from reel_driver.store import import_into

    work.store.ensure_profile(STARTER, "an invented person, to show how it works")
    return import_into(work.store, starter.catalogue_with_labels(), [], profile=STARTER, source=STARTER)


def import_file(work: Workspace, path: Path, *, needs_labels: bool = False) -> ImportReport:
    """Import titles, and labels where the file has them, into the workspace's profile; all of it or nothing."""
    from reel_driver.ingest import read_table
    from reel_driver.store import import_into

    frame, problems = read_table(path, needs_labels=needs_labels)
    return import_into(work.store, frame, problems, profile=work.profile, source=path.name)


def import_atp(work: Workspace, url: str) -> ImportReport:
    """Import titles and labels from a live `atp` PostgreSQL schema."""
    from reel_driver.ingest import read_atp
    from reel_driver.store import import_into

    frame, problems = read_atp(url)
    return import_into(work.store, frame, problems, profile=work.profile, source="atp")


def extract(work: Workspace) -> Path:
    """Step one: every title of the database, to `data/media.parquet`."""
    frame = work.store.titles()
    if frame.is_empty():
        raise NothingToRead("The catalogue")
    path = work.data("media.parquet")
    write_parquet(frame, path)
    return path


def prepare(work: Workspace, *, include_model_labels: bool = False) -> tuple[Path, pl.DataFrame, dict[str, int]]:
    """Step two: labelled titles that are trained on, to `data/watch_training.parquet`.

    Returns:
        The path, the frame and how many labels were left out, by reason.
    """
    labelled, left_out = labelled_titles(work, include_model_labels=include_model_labels)
    path = work.data("watch_training.parquet")
    write_parquet(labelled, path)
    return path, labelled, left_out


def labelled_titles(work: Workspace, *, include_model_labels: bool = False) -> tuple[pl.DataFrame, dict[str, int]]:
    """Titles with a verdict that a model may learn from, and how many were left out, by reason.

    Left out are anomalous labels, labels that are only an earlier model's own outcome (not decided by a person and
    not reviewed), and shows.
    """
    work.store.ensure_profile(work.profile)
    labels = work.store.labels(work.profile)
    titles = work.store.titles(title_ids=labels["title_id"].to_list())
    joined = titles.join(
        labels.select("title_id", "verdict", "decided_by", "is_reviewed", "is_anomalous"), on="title_id"
    ).sort("title_id")
    own = (pl.col("decided_by") != "model") | pl.col("is_reviewed") | pl.lit(include_model_labels)
    reasons = {
        "anomalous": pl.col("is_anomalous"),
        "decided by a model": ~pl.col("is_anomalous") & ~own,
        "shows": ~pl.col("is_anomalous") & own & (pl.col("kind") == "show"),
    }
    left_out = {reason: joined.filter(rule).height for reason, rule in reasons.items()}
    kept = joined.filter(~pl.any_horizontal(reasons.values()))
    return kept, {reason: n for reason, n in left_out.items() if n}
