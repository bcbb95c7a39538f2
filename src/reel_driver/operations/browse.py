"""Verbs that look around in the catalogue."""

from __future__ import annotations

from typing import Any

import polars as pl

from reel_driver.operations.workspace import Workspace


def page_of_titles(work: Workspace, *, kind: str | None, after: int, limit: int) -> list[dict[str, Any]]:
    """The next `limit` titles whose number is above `after`, by number."""
    found: list[dict[str, Any]] = []
    for frame in work.store.iter_titles(batch_size=max(limit, 1000), kind=kind):
        found += frame.filter(pl.col("title_id") > after).head(limit - len(found)).to_dicts()
        if len(found) >= limit:
            break
    return found
