"""Commands on data: demo, import, extract, prepare, backup, restore, doctor."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import click

from reel_driver.cli import show

if TYPE_CHECKING:
    from reel_driver.store import ImportReport

N_PROBLEMS = 20
"""Rejected rows that are shown; all of them with --json."""


@click.command()
@click.pass_context
def demo(context: click.Context) -> None:
    """Load the starter catalogue and an invented person's labels, train, and show tonight's row."""
    from reel_driver.cli.learn import print_scorecard
    from reel_driver.cli.row import print_row
    from reel_driver.operations import data, learn, row
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(data.STARTER) as work:
        report = data.load_starter(work)
        click.echo(f"Starter catalogue: {report.taken} titles added, {report.unchanged} there already ({work.home}).")
        with show.progress("Training") as progress:
            trained = learn.train(work, progress=progress)
        click.echo(
            "Trained on the labels of an invented person."
            if trained.is_new
            else "Nothing changed since the last training."
        )
        print_scorecard(trained.scorecard)
        with show.progress("Scoring") as progress:
            picks = row.tonight(work, n=8, progress=progress)
        print_row(picks, "Tonight's row for the starter profile (an invented person)")
    started = Path(sys.argv[0])
    as_started = "python -m reel_driver.cli" if started.name == "__main__.py" else os.path.relpath(started)
    reel = "reel" if which("reel") else as_started
    click.echo(
        "Next, with labels of your own (would_not_watch, would_watch, would_watch_again):\n"
        f"  {reel} labels set tt0111161 would_watch     one label\n"
        f"  {reel} import labels mine.csv               many: CSV, Parquet or JSON lines\n"
        f"  {reel} train                                learn from them, once there are five\n"
        f"  {reel} tonight                              your own row"
    )


@click.group(name="import")
def import_() -> None:
    """Import titles and labels from files or a live database. All of it or nothing; repeatable."""


def _import_file(context: click.Context, path: Path, as_json: bool, *, needs_labels: bool) -> None:
    from reel_driver.operations import data
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work, show.progress(f"Importing {path.name}"):
        report = data.import_file(work, path, needs_labels=needs_labels)
    print_import(path.name, report, as_json)


@import_.command("labels")
@click.argument("path", type=click.Path(path_type=Path))
@show.json_option
@click.pass_context
def import_labels(context: click.Context, path: Path, as_json: bool) -> None:
    """Titles with verdicts from a CSV, Parquet or JSON lines file."""
    _import_file(context, path, as_json, needs_labels=True)


@import_.command("titles")
@click.argument("path", type=click.Path(path_type=Path))
@show.json_option
@click.pass_context
def import_titles(context: click.Context, path: Path, as_json: bool) -> None:
    """A catalogue from a CSV, Parquet or JSON lines file; verdicts in it are taken too."""
    _import_file(context, path, as_json, needs_labels=False)


@import_.command("atp")
@click.option(
    "--url",
    default=None,
    help="URL of the PostgreSQL database that has the schema atp. [default: the PG_ settings]",
)
@show.json_option
@click.pass_context
def import_atp(context: click.Context, url: str | None, as_json: bool) -> None:
    """Titles and labels from automatic-transmission's live database."""
    from reel_driver import config
    from reel_driver.operations import data
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work, show.progress("Importing from atp.training"):
        report = data.import_atp(work, url or config.database_url())
    print_import("atp.training", report, as_json)


def print_import(source: str, report: ImportReport, as_json: bool) -> None:
    """Counts, then each rejected row with what to do, then what was left out of rows that were taken."""
    if as_json:
        show.echo_json(asdict(report) | {"source": source})
        return
    counts = {
        "taken": report.taken,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "repeated": report.repeated,
    }
    said = ", ".join(f"{n} {word}" for word, n in counts.items() if n or word != "repeated")
    click.echo(f"{source}: {said}, {len(report.rejected)} rejected.")
    labels = report.labels
    if labels.taken or labels.updated or labels.unchanged:
        click.echo(f"Labels: {labels.taken} taken, {labels.updated} changed, {labels.unchanged} unchanged.")
    for words, problems in (("Rejected", report.rejected), ("Noted", report.notes)):
        if problems:
            click.echo(f"{words}:")
        for problem in problems[:N_PROBLEMS]:
            click.echo(f"  {problem}")
        if len(problems) > N_PROBLEMS:
            click.echo(f"  ... and {len(problems) - N_PROBLEMS} more: see them with --json.")


@click.command()
@click.pass_context
def extract(context: click.Context) -> None:
    """Step 1: every title of the database, to data/media.parquet."""
    from reel_driver.operations import data
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        click.echo(data.extract(work))


@click.command()
@click.option("--model-labels", is_flag=True, help="Also take labels that are only an earlier model's own outcome.")
@click.pass_context
def prepare(context: click.Context, model_labels: bool) -> None:
    """Step 2: labels and features, to data/watch_training.parquet."""
    from reel_driver.operations import data
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        path, labelled, left_out = data.prepare(work, include_model_labels=model_labels)
    click.echo(f"{path}: {labelled.height} labelled titles{left_out_words(left_out)}.")


def left_out_words(left_out: dict[str, int] | Any) -> str:
    """Why labels were not trained on.

    >>> left_out_words({"shows": 45, "anomalous": 2})
    '; left out: 45 shows, 2 anomalous'
    """
    return "; left out: " + ", ".join(f"{n} {reason}" for reason, n in left_out.items()) if left_out else ""


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_context
def backup(context: click.Context, path: Path) -> None:
    """Write everything in the database to one file."""
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        work.store.backup(path)
    click.echo(f"Saved to {path}.")


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.confirmation_option(prompt="This replaces everything in the database. Go on?")
@click.pass_context
def restore(context: click.Context, path: Path) -> None:
    """Replace everything in the database by a backup."""
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        work.store.restore(path)
        click.echo(f"Restored from {path}: {work.store.n_titles()} titles.")


@click.command()
@show.json_option
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Find what is inconsistent: labels without titles, duplicates, impossible years."""
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        findings = work.store.doctor()
    if as_json:
        show.echo_json([asdict(f) for f in findings])
    elif not findings:
        click.echo("Nothing is inconsistent.")
    else:
        rows = [
            [show.escape(f.what), str(f.n), show.escape("; ".join(f.examples)), show.escape(f.what_to_do)]
            for f in findings
        ]
        show.table(f"{len(findings)} findings", ["what", ("how often", "right"), "for example", "what to do"], rows)


COMMANDS = (demo, import_, extract, prepare, backup, restore, doctor)
