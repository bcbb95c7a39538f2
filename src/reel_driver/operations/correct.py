"""Verbs that correct: labels and titles, each logged by the store and reversible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from reel_driver.domain import Label, Verdict
from reel_driver.operations.workspace import Workspace

Row = dict[str, Any]


def list_labels(work: Workspace) -> list[Row]:
    """Every label that counts, newest first, with its title."""
    labels = work.store.labels(work.profile)
    return _with_titles(work, labels).sort("labelled_at", descending=True).to_dicts()


def label_history(work: Workspace, ref: str) -> list[Row]:
    """Every word ever said on a title, oldest first."""
    title: Row = work.store.find_title(ref)
    return _with_titles(work, work.store.label_history(work.profile, title["title_id"])).to_dicts()


def set_label(work: Workspace, ref: str, verdict: Verdict) -> Row:
    """Say a person's word on a title; returns the title."""
    title: Row = work.store.find_title(ref)
    work.store.ensure_profile(work.profile, "")
    work.store.add_labels(work.profile, [Label(title["title_id"], verdict, "cli")])
    return title


def unset_label(work: Workspace, ref: str) -> Row:
    """Take the word on a title back."""
    return _on_label(work, ref, "unset_label")


def review_label(work: Workspace, ref: str) -> Row:
    """Confirm the label of a title."""
    return _on_label(work, ref, "review_label")


def mark_anomalous(work: Workspace, ref: str) -> Row:
    """Keep the label of a title out of training."""
    return _on_label(work, ref, "mark_anomalous")


def revert_label(work: Workspace, ref: str) -> Row:
    """Go back to the word before the latest."""
    return _on_label(work, ref, "revert_label")


def mark_seen(work: Workspace, refs: Sequence[str], *, undo: bool = False) -> list[Row]:
    """Mark titles as seen, or take that back; all of them or, when one is not found, none."""
    titles = [work.store.find_title(ref) for ref in refs]
    work.store.ensure_profile(work.profile, "")
    ids = [t["title_id"] for t in titles]
    (work.store.unmark_seen if undo else work.store.mark_seen)(work.profile, ids)
    return titles


def fix_title(work: Workspace, ref: str, field: str, text: str) -> tuple[int, object, object]:
    """Correct one field of a title; returns the number of the correction, the value before and the value after."""
    title: Row = work.store.find_title(ref)
    number = work.store.fix_title(title["title_id"], field, text)
    return number, title.get(field), work.store.find_title(f"#{title['title_id']}").get(field)


def _on_label(work: Workspace, ref: str, verb: str) -> Row:
    title: Row = work.store.find_title(ref)
    getattr(work.store, verb)(work.profile, title["title_id"])
    return title


def _with_titles(work: Workspace, labels: pl.DataFrame) -> pl.DataFrame:
    titles = work.store.titles(["title_id", "title", "release_year"], title_ids=labels["title_id"].unique().to_list())
    return labels.join(titles, on="title_id", how="left", maintain_order="left")
