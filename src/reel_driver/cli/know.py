"""Commands that look: explore, compare, drift."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reel_driver.cli import show

if TYPE_CHECKING:
    from reel_driver.changes import Comparison
    from reel_driver.explore import Exploration

OUTPUT = click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Where the page goes. [default: reports/ in REEL_HOME]",
)


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--query", default=None, metavar="SQL", help="Look at the rows of a SELECT on the store instead.")
@click.option("--target", default=None, metavar="COLUMN", help="The column to judge against. [default: found by name]")
@OUTPUT
@show.json_option
@click.pass_context
def explore(
    context: click.Context, path: Path | None, query: str | None, target: str | None, output: Path | None, as_json: bool
) -> None:
    """Know the data: your catalogue and labels, or any CSV, Parquet or JSON file, as one page with pictures.

    Says what is missing and whether that means something, what is of the wrong type, what is there twice, what cannot
    be right, and what alone tells the label too well.
    """
    from reel_driver.operations import know
    from reel_driver.operations.workspace import Workspace

    if path is not None and query is not None:
        raise click.UsageError("Give a PATH or a --query, not both.")
    with Workspace.default(context.obj) as work:
        with show.progress("Exploring") as progress:
            found = know.explore(work, path, query=query, target=target, progress=progress)
        if as_json:
            show.echo_json(found.plain())
            if output is None:
                return
        from reel_driver.report import explore_page

        name = path.stem if path else "query" if query else f"catalogue-{work.profile}"
        where = know.save_page(work, f"explore-{_file_name(name)}", explore_page(found), output)
    if not as_json:
        print_findings(found)
        click.echo(where)


def print_findings(found: Exploration) -> None:
    """What stands out, loudest first; the rest is on the page."""
    judged = f", judged against {found.target.column}" if found.target else ""
    click.echo(f"{found.source}: {found.n_rows:,} rows, {found.n_columns} columns{judged}.")
    for level, mark, colour in (("loud", "!", "red"), ("warn", "-", None)):
        for finding in found.findings:
            if finding.level == level:
                click.echo(f"{click.style(mark, fg=colour, bold=True)} {finding.fact}")
    notes = sum(f.level == "note" for f in found.findings)
    click.echo(f"{notes} more to know on the page:" if notes else "The page:")


@click.command()
@click.argument("before", default="previous", metavar="[A]")
@click.argument("after", default="champion", metavar="[B]")
@show.json_option
@click.pass_context
def compare(context: click.Context, before: str, after: str, as_json: bool) -> None:
    """What changed from model A to model B: for whom, and which titles' verdicts flipped.

    A and B are versions (v0001), aliases or folders of bundles. [default: previous champion]
    """
    from reel_driver.operations import know
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        found = know.compare_models(work, before, after)
    if as_json:
        show.echo_json(found.plain())
    else:
        print_comparison(found)


def print_comparison(found: Comparison) -> None:
    """The scorecards side by side, what shifted, for whom, and the titles that flipped."""
    from reel_driver.cli.show import METRIC_WORDS

    rows = [
        [words, f"{found.scorecards[k][0]:.3f}", f"{found.scorecards[k][1]:.3f}"]
        for k, words in METRIC_WORDS.items()
        if k in found.scorecards
    ]
    rows.insert(0, ["labels", *(f"{n:,}" for n in found.n_labels)])
    show.table("Each judged out of fold on its own labels", ["", (found.before, "right"), (found.after, "right")], rows)
    fits = [
        [show.escape(f.profile), f"{f.n_labels:,}", *("" if v is None else f"{v:.3f}" for v in (f.before, f.after))]
        for f in found.profiles
    ]
    if fits:
        columns: list[show.Column] = [
            "profile",
            ("labels", "right"),
            (found.before, "right"),
            (found.after, "right"),
        ]
        show.table("How each ranks the labels of each profile (ROC AUC)", columns, fits, caption="A model has seen the labels it was trained on: there it looks better than it is.")  # fmt: skip
    shifts = [
        [s.by, show.escape(s.name), f"{s.n:,}", show.percent(s.before), show.percent(s.after), f"{s.n_flipped:,}"]
        for s in found.shifts
    ]
    show.table(
        f"{found.n_titles:,} titles: {found.n_now_picked:,} are picked now and were not, {found.n_now_dropped:,} no longer (rank correlation {found.agreement:.3f})",
        ["", "titles that", ("n", "right"), ("before", "right"), ("now", "right"), ("flipped", "right")],
        shifts,
    )  # fmt: skip
    for words, flips in (("Picked now", found.now_picked), ("No longer picked", found.now_dropped)):
        if flips:
            show.table(
                words,
                ["title", ("before", "right"), ("now", "right"), "your label", "because"],
                [
                    [
                        show.escape(show.named({"title": f.title, "release_year": f.year})),
                        show.percent(f.before),
                        show.percent(f.after),
                        (f.label or "").replace("_", " "),
                        show.escape("; ".join(f.reasons)),
                    ]
                    for f in flips
                ],
            )


@click.command()
@click.argument("recent", required=False, type=click.Path(path_type=Path))
@click.option(
    "--last", default=1000, show_default=True, type=click.IntRange(1), help="Newest titles of the catalogue to look at."
)
@click.option("--service", metavar="URL", help="Look at the requests of late to a running service instead.")
@show.json_option
@click.pass_context
def drift(context: click.Context, recent: Path | None, last: int, service: str | None, as_json: bool) -> None:
    """Whether titles of lately still look like those the model learned from, feature by feature.

    RECENT is a file of titles or requests; without it the newest titles of the catalogue are looked at, or with
    --service what a running service was asked about lately.
    """
    from reel_driver.operations import know
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        found = know.find_drift(work, recent, last, service=service)
    if as_json:
        show.echo_json(found.plain())
        return
    marks = {"different": "[bold red]different[/bold red]", "a little different": "[yellow]a little different[/yellow]"}
    rows = [
        [f.field, f"{f.psi:.3f}", f"{f.beyond_chance:.3f}", marks.get(f.verdict, f.verdict), show.escape(f.words)]
        for f in found.fields
    ]
    show.table(
        f"{found.recent} against {found.reference}",
        ["field", ("PSI", "right"), ("chance", "right"), "verdict", "what changed"],
        rows,
        caption="PSI: population stability index; chance: what samples of this size stay under when nothing changed.",
    )
    click.echo(found.verdict)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "table"


COMMANDS = (explore, compare, drift)
