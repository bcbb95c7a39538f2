"""Commands on the taste model: build a prior, benchmark, label in rounds."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reel_driver.cli import show

FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def prior() -> None:
    """What is known of taste before you say a word."""


@prior.command("build")
@click.option("--ratings", required=True, type=FILE, help="MovieLens ratings: CSV, Parquet, `::` or tab files.")
@click.option("--titles", required=True, type=FILE, help="Facts of the films, with movieId: CSV or Parquet.")
@click.option("--output", required=True, type=FILE, help="File to write.")
@click.option("--factors", default=12, show_default=True, help="Item factors.")
@click.option("--rounds", default=20, show_default=True, help="Rounds of learning.")
@click.option("--people", default=None, type=int, help="Learn on so many people only. [default: all]")
@click.option(
    "--without",
    multiple=True,
    type=FILE,
    help="Ratings of people to be judged on: whoever is among them, under any number, is left out. May be repeated.",
)
@click.option("--seed", default=0, show_default=True, help="Of everything random.")
@click.option("--source", default="", help="What the ratings are called in the provenance. [default: the file's name]")
@show.json_option
def build(
    ratings: Path,
    titles: Path,
    output: Path,
    factors: int,
    rounds: int,
    people: int | None,
    without: tuple[Path, ...],
    seed: int,
    source: str,
    as_json: bool,
) -> None:
    """Learn a population prior from MovieLens ratings."""
    from reel_driver.operations.prior import build_prior

    with show.progress("Learning the population's taste") as progress:
        made = build_prior(
            ratings,
            titles,
            output,
            n_factors=factors,
            n_rounds=rounds,
            n_people=people,
            without=without,
            seed=seed,
            source=source,
            progress=progress,
        )
    facts = {**made.provenance, "file": str(output), "bytes": output.stat().st_size}
    if as_json:
        show.echo_json(facts)
        return
    click.echo(
        f"Learned from {facts['n_people']} people with {facts['n_ratings']} ratings of {facts['n_films_rated']} films; "
        f"{output} holds factors of {facts['n_films']} films in {facts['bytes'] / 1e6:.1f} MB."
    )


@click.group()
def benchmark() -> None:
    """Judge models on public data."""


@benchmark.command("taste")
@click.option("--ratings", required=True, type=FILE, help="MovieLens ratings: CSV, Parquet, `::` or tab files.")
@click.option("--titles", required=True, type=FILE, help="Facts of the films, with movieId: CSV or Parquet.")
@click.option("--model", default="taste", show_default=True, help="A model of `reel train`.")
@click.option(
    "--rung",
    default="posterior",
    show_default=True,
    type=click.Choice(["prior", "posterior", "stack", "xgboost", "ladder"]),
    help="Of the taste model; ladder lets each person's labels choose, which takes long.",
)
@click.option("--prior", "prior_file", default=None, type=FILE, help="Another prior than the one that ships.")
@click.option("--baselines", default="crowd,votes,logistic,xgboost", show_default=True, help="What to compare with.")
@click.option("--order", "orders", multiple=True, type=click.Choice(["random", "time"]), help="[default: both]")
@click.option("--labels", default="0,5,10,20,50,100,200", show_default=True, help="Numbers of labels.")
@click.option(
    "--choice",
    default="first",
    show_default=True,
    type=click.Choice(["first", "teach", "popular"]),
    help="Labels: the first ones in order, those that teach most, or those with most votes.",
)
@click.option("--min-ratings", default=180, show_default=True, help="People with fewer are left out.")
@click.option("--like", default=4.0, show_default=True, help="Stars from which on a title counts as liked.")
@click.option("--again", default=5.0, show_default=True, help='Stars from which on it counts as "would watch again".')
@click.option("--people", default=None, type=int, help="So many people only. [default: all]")
@click.option("--allow-overlap", is_flag=True, help="Judge people on whom the prior was learned, too.")
@click.option("--seed", default=0, show_default=True, help="Of everything random.")
@show.json_option
def benchmark_taste(
    ratings: Path,
    titles: Path,
    prior_file: Path | None,
    baselines: str,
    orders: tuple[str, ...],
    labels: str,
    people: int | None,
    rung: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Judge a model on new people: each labels n titles, the rest of what they rated is predicted."""
    from reel_driver.operations import benchmark as verb

    try:
        n_labels = tuple(sorted({int(n) for n in labels.split(",")}))
    except ValueError:
        raise click.BadParameter("numbers with commas between them", param_hint="--labels") from None
    config = verb.BenchmarkConfig(
        rung=None if rung == "ladder" else rung,
        prior=prior_file,
        baselines=tuple(b for b in baselines.split(",") if b),
        orders=orders or verb.ORDERS,
        n_labels=n_labels,
        n_people=people,
        **settings,
    )
    with show.progress("Judging on new people") as progress:
        found = verb.benchmark_taste(ratings, titles, config, progress=progress)
    if as_json:
        show.echo_json(found)
        return
    for order, models in found["results"].items():
        print_order(order, models, found)
    for left_out in found["left_out"]:
        click.echo(f"Left out: {left_out}.")


def print_order(order: str, models: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """One table: mean AUC of all, the further figures of the model itself."""
    own = models[found["model"]]
    further = {"average_precision": "AP", "ndcg_at_10": "NDCG@10", "calibration_error": "calib. error"}
    rows = []
    for n, figures in own.items():
        auc, covered = figures["roc_auc"], figures.get("interval_coverage")
        cells = [n, f"[bold]{auc['value']:.3f}[/bold] [dim]{auc['lower']:.3f} to {auc['upper']:.3f}[/dim]"]
        cells += [f"{models[m][n]['roc_auc']['value']:.3f}" for m in models if m != found["model"]]
        cells += [f"{figures[key]['value']:.3f}" for key in further]
        rows.append([*cells, f"{covered['value']:.0%}".replace("%", " %") if covered else ""])
    columns: list[show.Column] = [("labels", "right"), f"AUC of {found['model']}, 95 % interval"]
    columns += [(m, "right") for m in models if m != found["model"]]
    columns += [(words, "right") for words in (*further.values(), "90 % holds")]
    show.table(
        f"{found['n_people']} new people, {order} order, labels: {found['choice']}",
        columns,
        rows,
        caption=f"Means over people on everything after their first {found['pool']} titles. Liked: {found['like']:g} stars or more.",
    )


@click.command()
@click.option("--questions", "-n", default=20, show_default=True, help="Stop after so many answers.")
@click.pass_context
def label(context: click.Context, questions: int) -> None:
    """Answer a round of questions: the titles that teach the model most and that you probably know."""
    from reel_driver.domain import Verdict
    from reel_driver.operations.label_round import LabelRound
    from reel_driver.operations.workspace import Workspace

    keys = {"1": Verdict.WOULD_NOT_WATCH, "2": Verdict.WOULD_WATCH, "3": Verdict.WOULD_WATCH_AGAIN}
    with Workspace.default(context.obj) as work:
        asked = LabelRound(work)
        words = ", ".join(f"{key} {verdict.words}" for key, verdict in keys.items())
        click.echo(f"{words}, s skip (do not know it), u undo, q quit.")
        while asked.n_answers < questions and (title := asked.ask()) is not None:
            click.echo(f"{asked.n_answers + 1:>3}  {described(title)}  ", nl=False)
            while (key := read_key()) not in (*keys, "s", "u", "q"):
                pass
            if key == "q":
                click.echo("quit")
                break
            if key == "s":
                asked.skip()
                click.echo("skipped")
            elif key == "u":
                back = asked.undo()
                click.echo(f"taken back: {show.named(back)}" if back else "nothing to take back")
            else:
                asked.answer(keys[key])
                click.echo(f"{keys[key].words}  [doubt {asked.doubt / asked.doubt_before:.0%} of the start]")
        click.echo(f"{asked.n_answers} labels more. Next: reel train")


def described(title: Mapping[str, Any]) -> str:
    """What reminds a person of a title, and what the model would have guessed.

    >>> described({"title": "Alien", "release_year": 1979, "genre": ["Horror"], "directors": None, "probability": 0.7})
    'Alien (1979), Horror. Guess: 70 %'
    """
    parts = [show.named(title), ", ".join((title["genre"] or [])[:3])]
    if title["directors"]:
        parts.append(f"by {title['directors'][0]}")
    return f"{', '.join(p for p in parts if p)}. Guess: {show.percent(title['probability'])}"


def read_key() -> str:
    """One key of the terminal, or one character of a pipe; "q" at its end."""
    if sys.stdin.isatty():
        return click.getchar().lower()
    return sys.stdin.read(1).lower() or "q"


COMMANDS = (prior, benchmark, label)
