"""Drawing on the terminal: progress, tables, JSON. On a pipe there is neither colour nor a bar."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import click

METRIC_WORDS = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}
"""What a person calls the metrics of a watch model, in the order of the scorecard."""

json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output instead of a table.")


def echo_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@contextmanager
def progress(words: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on the terminal while the block runs; silent in a pipe. Yields the function to report to."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(words, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


Column: TypeAlias = str | tuple[str, str]
"""Of a table: its name, or its name and "right" where its cells are aligned so."""


def table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], caption: str = "") -> None:
    """Print a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=title,
        caption=caption or None,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
    )
    for column in columns:
        name, justify = column if isinstance(column, tuple) else (column, "left")
        drawn.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text.from_markup(cell) for cell in row))
    width = None if sys.stdout.isatty() else 120
    Console(width=width, highlight=False).print(drawn)


def escape(text: object) -> str:
    """Text that is shown as it is, whatever brackets it holds."""
    from rich.markup import escape as rich_escape

    return rich_escape(str(text))


def percent(p: float) -> str:
    """A probability for a person.

    >>> percent(0.8149), percent(0.9996), percent(0.0001)
    ('81 %', '>99 %', '<1 %')
    """
    if p > 0.995:
        return ">99 %"
    return "<1 %" if p < 0.005 else f"{p:.0%}".replace("%", " %")


def named(row: Mapping[str, Any]) -> str:
    """A title with its year.

    >>> named({"title": "Alien", "release_year": 1979})
    'Alien (1979)'
    """
    year = row.get("release_year")
    return f"{row.get('title')}" + (f" ({year})" if year else "")
