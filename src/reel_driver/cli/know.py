"""Commands that look: explore."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reel_driver.cli import show

if TYPE_CHECKING:
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


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "table"


COMMANDS = (explore,)
