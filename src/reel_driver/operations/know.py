"""Verbs that look: explore a table, judge a model in full, compare two, see what has drifted. Nothing is changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from reel_driver import config
from reel_driver.bundle import load
from reel_driver.changes import Comparison, Drift, compare, drift
from reel_driver.errors import NothingToRead, ServiceUnreachable, TooFewLabels
from reel_driver.evaluate import Progress, silent
from reel_driver.examine import Examination, examine
from reel_driver.explore import Exploration
from reel_driver.explore import explore as explore_table
from reel_driver.files import write_atomically
from reel_driver.operations.data import STARTER, labelled_titles, load_starter
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import CHAMPION, PREVIOUS
from reel_driver.schema import TITLE_SCHEMA, conform
from reel_driver.tasks import DEFAULT_WATCH, watch_pipeline
from reel_driver.train import TrainConfig, fit_bundle, levels_of


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


def examine_model(
    work: Workspace, model: str | None = None, config: TrainConfig | None = None, *, progress: Progress = silent
) -> Examination:
    """The model from all sides: trained and judged anew on the labels as they are now. Nothing is saved.

    Raises:
        TooFewLabels, OneVerdictOnly: when there is nothing to judge.
    """
    about = work.registry.about(work.watch_name)
    pipeline = watch_pipeline(model or str(about.get("pipeline") or DEFAULT_WATCH))
    config = config or TrainConfig()
    labelled, _ = labelled_titles(work)
    if labelled.is_empty():
        raise TooFewLabels(0, pipeline.learner.min_labels)
    steps = 11
    bundle, judged = fit_bundle(
        "watch", pipeline, labelled, config, progress=lambda done, total: progress(done, total + 4)
    )
    return examine(
        bundle,
        judged,
        pipeline,
        labelled,
        levels_of(labelled["verdict"]),
        np.random.default_rng(config.seed),
        profile=work.profile,
        progress=lambda done, total: progress(steps - 4 + done, steps),
    )


def compare_models(work: Workspace, before: str = PREVIOUS, after: str = CHAMPION) -> Comparison:
    """Two models on the catalogue: what changed, for whom, and whose verdict flipped.

    Args:
        work: where.
        before: a version, an alias, or the folder of a bundle.
        after: the same.

    Raises:
        BundleMissing, BundleCorrupt, BundleTooNew: when one of them cannot be used.
        NothingToRead: with an empty catalogue.
    """
    bundles = [
        load(Path(name)) if Path(name).is_dir() else work.registry.load(work.watch_name, name)
        for name in (before, after)
    ]
    catalogue = work.store.titles()
    if catalogue.is_empty():
        raise NothingToRead("The catalogue")
    labels = {p.name: work.store.labels(p.name) for p in work.store.profiles()}
    return compare(bundles[0], bundles[1], catalogue, labels, work.profile)


def find_drift(work: Workspace, recent: Path | None = None, last: int = 1000, *, service: str | None = None) -> Drift:
    """The titles of lately against those that the model learned from, feature by feature.

    Args:
        work: where.
        recent: a file of requests or titles; None for the newest titles of the catalogue.
        last: how many titles of the catalogue count as new.
        service: address of a running service, whose requests of late are looked at instead; the token that it may
            ask for is the setting REEL_API_TOKEN.

    Raises:
        BundleMissing: without a trained model.
        NothingToRead: when there is nothing to compare.
    """
    bundle = work.registry.load(work.watch_name)
    labelled, _ = labelled_titles(work)
    if labelled.is_empty():
        raise NothingToRead("The labelled catalogue")
    if recent is not None:
        from reel_driver.ingest import read_table

        frame, _problems = read_table(recent)
        name = recent.name
    elif service is not None:
        frame, name = requests_of(service), f"the requests of late to {service}"
    else:
        frame = work.store.titles().sort("title_id").tail(last)
        name = f"the newest {frame.height:,} titles of the catalogue"
    if frame.is_empty():
        raise NothingToRead(name)
    return drift(labelled, frame, bundle.spec.fields, (f"{labelled.height:,} labelled titles", name))


def requests_of(service: str) -> pl.DataFrame:
    """The titles that a running service was asked about lately, as `TITLE_SCHEMA`.

    Raises:
        ServiceUnreachable: when it does not answer, or not with that.
    """
    import json
    import urllib.request

    request = urllib.request.Request(f"{service.rstrip('/')}/api/v1/recent")
    if token := config.setting("REEL_API_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            rows = json.loads(answer.read())
    except (OSError, ValueError) as error:
        raise ServiceUnreachable(service, str(error)) from error
    return conform(pl.DataFrame(rows, infer_schema_length=None), TITLE_SCHEMA) if rows else TITLE_SCHEMA.to_frame()


def has_labels(work: Workspace) -> bool:
    """Whether the profile is there and has labels."""
    known = any(p.name == work.profile for p in work.store.profiles())
    return known and work.store.labels(work.profile).height > 0


def own_or_starter() -> Workspace:
    """The configured workspace; where its profile has no labels yet, the starter's invented person stands in."""
    work = Workspace.default()
    if not has_labels(work):
        load_starter(work)
        work.profile = STARTER
    return work


def catalogue_with_verdicts(work: Workspace) -> pl.DataFrame:
    """Every title with the profile's verdict; columns that no title has are left out."""
    frame = work.store.titles()
    if has_labels(work):
        labels = work.store.labels(work.profile).select("title_id", "verdict", "decided_by", "labelled_at")
        frame = frame.join(labels, on="title_id", how="left", maintain_order="left")
    return frame.select(c for c in frame.columns if frame[c].null_count() < frame.height)


def save_page(work: Workspace, name: str, page: str, target: Path | None = None) -> Path:
    """Write a report where it was asked for, or under `reports/` in the home folder; returns where."""
    path = target or work.home / "reports" / f"{name}.html"
    write_atomically(path, page.encode())
    return path
