"""Commands on scores: score, tonight, predict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reel_driver.cli import films, show

if TYPE_CHECKING:
    from reel_driver.domain import Pick, Reason


@click.command()
@click.pass_context
def score(context: click.Context) -> None:
    """Score every title of the catalogue and keep the scores."""
    from reel_driver.operations import row
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work, show.progress("Scoring") as progress:
        n = row.score_catalogue(work, progress=progress)
    click.echo(f"{n} titles scored.")


@click.command()
@click.option("--n", default=10, show_default=True, type=click.IntRange(1, 100), help="Length of the row.")
@click.option("--minutes", type=click.IntRange(1), help="At most so many minutes long.")
@click.option("--genre", help="Only this genre, for example Drama.")
@click.option("--language", help="Only this original language, as its two-letter code.")
@click.option("--kind", type=click.Choice(["movie", "show"]), help="Only movies or only shows.")
@show.json_option
@click.pass_context
def tonight(context: click.Context, /, as_json: bool, **wishes: Any) -> None:
    """Tonight's row: what to watch, how sure that is, and why."""
    from reel_driver.operations import row
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work, show.progress("Scoring") as progress:
        picks = row.tonight(work, progress=progress, **wishes)
    if as_json:
        show.echo_json([plain_pick(p) for p in picks])
    elif picks:
        print_row(picks, "Tonight's row")
    else:
        click.echo("Nothing in the catalogue fits that: ask for less, or import more titles with `reel import titles`.")


@click.command()
@click.argument("ref", required=False, metavar="[TITLE]")
@click.option("--input", "source", type=click.Path(path_type=Path), help="Score every row of this file instead.")
@click.option(
    "--output",
    "target",
    type=click.Path(path_type=Path),
    help="Where the scored file goes: .parquet, .csv, .json or .jsonl.",
)
@click.option("--all-fields", is_flag=True, help="Write all fields of the titles to it, not only what names them.")
@show.json_option
@click.pass_context
def predict(
    context: click.Context, ref: str | None, source: Path | None, target: Path | None, all_fields: bool, as_json: bool
) -> None:
    """Would they watch TITLE (an id such as tt0111161, or a name)? Or every row of a file.

    With TITLE rating and --input: the predicted rating of every film of the file.
    """
    from reel_driver.operations import row
    from reel_driver.operations.workspace import Workspace

    if ref == "rating" and source is not None:
        films.print_ratings(context, source, target, as_json)
        return
    if (ref is None) == (source is None) or (source is None) != (target is None):
        raise click.UsageError("Give either a title, or both --input and --output.")
    with Workspace.default(context.obj) as work:
        if source is not None and target is not None:
            n, problems = row.predict_file(work, source, target, all_fields=all_fields)
            for problem in problems[:20]:
                click.echo(problem, err=True)
            click.echo(f"{n} rows scored to {target}.")
            return
        pick = row.predict(work, str(ref))
    if as_json:
        show.echo_json(plain_pick(pick))
        return
    s = pick.score
    extra = " (extrapolated: the model was trained on movies)" if s.is_extrapolated else ""
    click.secho(f"{show.named(pick.title)}: {show.percent(s.score)}", bold=True, nl=False)
    click.echo(f" (90 % interval {show.percent(s.lower)} to {show.percent(s.upper)}){extra}")
    if pick.predicted_rating is not None:
        click.echo(f"  nobody's rating is known; predicted: {rating_words(pick)}")
    for words, reasons in (("for", pick.reasons_for), ("against", pick.reasons_against)):
        for reason in reasons:
            click.echo(f"  {words:8}{reason.phrase} ({reason.weight:+.2f})")


def print_row(picks: Sequence[Pick], title: str) -> None:
    """A row of picks as a table."""
    rows = []
    for place, pick in enumerate(picks, start=1):
        t: dict[str, Any] = dict(pick.title)
        s = pick.score
        length = f"{t['runtime']} min" if t.get("runtime") else ("show" if t.get("kind") == "show" else "")
        marks = "[yellow]\\[to learn from][/yellow] " if pick.is_exploration else ""
        marks += "[dim]\\[extrapolated][/dim] " if s.is_extrapolated else ""
        genres = show.escape(", ".join((t.get("genre") or [])[:3]))
        why = _joined(pick.reasons_for)
        but = f"\n[dim]but {_joined(pick.reasons_against[:2])}[/dim]" if pick.reasons_against else ""
        rows.append(
            [
                str(place),
                f"[bold]{show.escape(show.named(t))}[/bold]\n{marks}[dim]{genres}[/dim]",
                length,
                f"[bold]{show.percent(s.score)}[/bold]\n[dim]{show.percent(s.lower)} to {show.percent(s.upper)}[/dim]",
                rating_words(pick),
                why + but,
            ]
        )
    columns: list[show.Column] = [
        ("", "right"),
        "title",
        ("", "right"),
        ("would watch", "right"),
        ("rating", "right"),
        "because",
    ]
    is_any = any(p.predicted_rating is not None for p in picks)
    show.table(title, columns, rows, caption="~ a predicted rating: nobody has voted yet." if is_any else "")


def rating_words(pick: Pick) -> str:
    """What the crowd gave, or what it is predicted to give with a ~ before it.

    >>> from reel_driver.domain import Pick, Score
    >>> rating_words(Pick({}, Score(1, 0.5, 0.4, 0.6), predicted_rating=6.43))
    '~6.4'
    """
    if pick.predicted_rating is not None:
        return f"~{pick.predicted_rating:.1f}"
    return "" if pick.rating is None else f"{pick.rating:.1f}"


def _joined(reasons: Sequence[Reason]) -> str:
    return show.escape(", ".join(r.phrase for r in reasons)) or "the crowd likes it"


def plain_pick(pick: Pick) -> dict[str, Any]:
    """A pick as plain JSON."""
    fields = (
        "title_id",
        "imdb_id",
        "tmdb_id",
        "kind",
        "title",
        "release_year",
        "runtime",
        "genre",
        "original_language",
        "overview",
    )
    return {**{f: pick.title.get(f) for f in fields}, **pick.plain()}


COMMANDS = (score, tonight, predict)
