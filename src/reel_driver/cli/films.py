"""Commands on ratings and genres: rate, genres, experiment, tune; and what train, evaluate and predict say of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reel_driver.cli import show
from reel_driver.cli.models import register

data_option = click.option(
    "--data",
    "source",
    type=click.Path(path_type=Path),
    help="A table of films (CSV, Parquet, JSON lines) to learn from or be judged on.",
)


@click.command()
@click.option("--title", help="Title of the film.")
@click.option("--overview", help="Its description.")
@click.option("--release-date", help="A date such as 2021-12-15, or a year.")
@click.option("--genre", help="Genres, separated by commas.")
@click.option("--language", "original_language", help="Original language as its code, such as en.")
@click.option("--votes", type=int, help="How many have voted: rated by a model that sees votes, if one is trained.")
@click.option("--popularity", type=float, help="TMDB's measure of attention of late, likewise.")
@show.json_option
@click.pass_context
def rate(context: click.Context, /, as_json: bool, **film: Any) -> None:
    """The rating (0 to 10) that a crowd would give a film, with a 90 % interval."""
    from reel_driver.operations import films
    from reel_driver.operations.workspace import Workspace

    asked = films.film_of(**film)
    with Workspace.default(context.obj) as work:
        score = films.rate(work, asked)
    if as_json:
        show.echo_json(
            {"title": asked["title"], "predicted_rating": score.score, "lower": score.lower, "upper": score.upper}
        )
        return
    click.secho(f"{asked['title'] or 'This film'}: {score.score:.1f}", bold=True, nl=False)
    click.echo(f" (90 % interval {score.lower:.1f} to {score.upper:.1f})")


@click.command()
@click.argument("text")
@click.option("--n", default=5, show_default=True, type=click.IntRange(1), help="How many genres to show.")
@show.json_option
@click.pass_context
def genres(context: click.Context, text: str, n: int, as_json: bool) -> None:
    """Genres of a film from its description TEXT (- reads standard input), each with its probability."""
    from reel_driver.operations import films
    from reel_driver.operations.workspace import Workspace

    if text == "-":
        text = sys.stdin.buffer.read().decode(errors="replace")
    with Workspace.default(context.obj) as work:
        found, is_known = films.genres(work, text)
    if as_json:
        show.echo_json([{"genre": g, "probability": p} for g, p in found])
        return
    if not is_known:
        click.echo("No word of this text is known: these are the shares of all films.", err=True)
    for place, (genre, p) in enumerate(found[:n]):
        click.secho(f"{genre:20} {show.percent(p):>5}", bold=place == 0)


@click.command()
@click.argument("task", type=click.Choice(["rating"]))
@data_option
@click.option("--only", help="Only combinations whose name contains this text, for example lightgbm.")
@click.option("--test", "with_test", is_flag=True, help="Judge each combination on the test part, too.")
@click.option("--seed", default=0, show_default=True, help="Of the folds and of learners that have none of their own.")
@show.json_option
@click.pass_context
def experiment(context: click.Context, /, task: str, source: Path | None, as_json: bool, **wishes: Any) -> None:
    """Every feature pipeline with every learner (36 combinations), cross-validated and timed.

    A finished combination is kept, so that an interrupted experiment goes on where it was.
    """
    from reel_driver.operations.experiment import experiment
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work, show.progress("Combinations") as progress:
        found = experiment(work, needed(source), progress=progress, **wishes)
    if as_json:
        show.echo_json(found.rows)
        return
    parts = {"cv": "CV", **({"test": "test"} if wishes["with_test"] else {})}
    columns: list[show.Column] = ["combination"]
    columns += [(f"{words} {m}", "right") for words in parts.values() for m in ("RMSE", "MAE", "R2")]
    cells = [
        [
            r["name"],
            *(f"{r[p][m]:.{3 if m == 'r2' else 4}f}" for p in parts for m in ("rmse", "mae", "r2")),
            f"{r['seconds']:.1f}",
        ]
        for r in found.rows
    ]
    total = sum(r["seconds"] + r.get("test_seconds", 0) for r in found.rows)
    show.table(
        "Rating: 5-fold on the training part" + (", and the test part" if wishes["with_test"] else ""),
        [*columns, ("s", "right")],
        cells,
        caption=f"{total:.0f} s together. Kept in {show.escape(found.kept_in)}; without that folder all is judged anew.",
    )


@click.command()
@click.argument("task", type=click.Choice(["rating"]))
@data_option
@click.option(
    "--method",
    type=click.Choice(["grid", "random", "optuna"]),
    default="optuna",
    show_default=True,
    help="How the space is searched.",
)
@click.option("--model", default="five:lightgbm", show_default=True, help="A pipeline of the menu with lightgbm.")
@click.option("--trials", "n_trials", default=30, show_default=True, type=click.IntRange(1), help="Settings to try.")
@click.option("--storage", help="Where Optuna keeps its study: a database URL that several processes may share.")
@click.option("--seed", default=0, show_default=True, help="Same data, settings and seed give the same model.")
@show.json_option
@click.pass_context
def tune(context: click.Context, /, task: str, source: Path | None, as_json: bool, **wishes: Any) -> None:
    """Search the declared space of a rating pipeline. Optuna goes on where it was interrupted."""
    from reel_driver.operations import films
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work, show.progress("Trials") as progress:
        trials = films.tune(work, needed(source), progress=progress, **wishes)
    if as_json:
        show.echo_json([{"rmse": t.rmse, "is_pruned": t.is_pruned, "params": dict(t.params)} for t in trials])
        return
    rows = [
        [f"{t.rmse:.4f}" + (" (pruned)" if t.is_pruned else ""), ", ".join(f"{k}={v}" for k, v in t.params.items())]
        for t in trials[:10]
    ]
    show.table(f"Best of {len(trials)} settings", [("CV RMSE", "right"), "setting"], rows)


def needed(source: Path | None) -> Path:
    """The table that a command cannot do without."""
    if source is None:
        raise click.UsageError("Give --data FILE: a table of films with their ratings or genres.")
    return source


def train_task(
    context: click.Context, task: str, source: Path | None, model: str | None, seed: int, as_json: bool
) -> None:
    """`reel train rating|genre`."""
    from reel_driver.operations import films
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        with show.progress("Training") as progress:
            bundle = films.train(work, task, needed(source), model, seed=seed, progress=progress)
        register(work, task)
    if as_json:
        show.echo_json({"version": bundle.version, **bundle.about})
        return
    click.echo(f"Trained {task} {bundle.version} ({bundle.about['pipeline']}) on {bundle.about['n_films']} films.")
    for words, figures in bundle.about["evaluation"].items():
        shown = figures if isinstance(figures, Mapping) else {"": figures}
        click.echo(f"  {words.replace('_', ' ')}: " + ", ".join(f"{k} {v:.3f}" for k, v in shown.items()))


def evaluate_task(
    context: click.Context, task: str, source: Path | None, model: str | None, seed: int, as_json: bool
) -> None:
    """`reel evaluate rating|genre`."""
    from reel_driver.operations import films
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work, show.progress("Evaluating") as progress:
        card = films.evaluate(work, task, source, model, seed=seed, progress=progress)
    if as_json:
        show.echo_json(card)
    elif task == "rating":
        print_rating_card(card)
    else:
        print_genre_card(card)


def evaluate_rivals(source: Path | None, model: str | None, repeats: int, seed: int, as_json: bool) -> None:
    """`reel evaluate rating --repeats N`."""
    from reel_driver.operations import films

    with show.progress("Cross-validating") as progress:
        card = films.beside_rivals(needed(source), model, repeats=repeats, seed=seed, progress=progress)
    if as_json:
        show.echo_json(card)
        return
    names = ("RMSE", "between repeats", "MAE", "R2", "behind", "95 % interval")
    columns: list[show.Column] = ["", *((name, "right") for name in names)]
    rows = [
        [
            r["name"], f"{r['rmse']:.4f}", f"{r['spread']:.4f}", f"{r['mae']:.4f}", f"{r['r2']:.3f}",
            *(["", ""] if not r["behind"] else
              [f"{r['behind']:+.4f}", f"{r['behind_lower']:+.4f} to {r['behind_upper']:+.4f}"]),
        ]
        for r in card["rivals"]
    ]  # fmt: skip
    title = f"Rating: 5-fold, {card['repeats']} times, on the {card['n_train']} films of the training part"
    show.table(title, columns, rows, caption=f"{card['seconds']:.0f} s; the test part was not looked at.")


def print_ratings(context: click.Context, source: Path, target: Path | None, as_json: bool) -> None:
    """`reel predict rating --input FILE`, with or without `--output`."""
    from reel_driver.operations import films
    from reel_driver.operations.row import write_table
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        frame, problems = films.predict_ratings(work, source)
    for problem in problems[:20]:
        click.echo(problem, err=True)
    if target is not None:
        write_table(frame, target)
        click.echo(f"{frame['predicted_rating'].count()} films rated to {target}.")
    elif as_json:
        show.echo_json(frame.to_dicts())
    else:
        columns: list[show.Column] = ["title", ("rating", "right"), "90 % interval"]
        rows = [
            [show.escape(show.named(r)), f"{r['predicted_rating']:.1f}", f"{r['lower']:.1f} to {r['upper']:.1f}"]
            for r in frame.iter_rows(named=True)
            if r["problem"] is None
        ]
        show.table(f"Predicted ratings of {source.name}", columns, rows)


def print_rating_card(card: Mapping[str, Any]) -> None:
    """Errors on the training part and the test part, beside the baselines."""
    cv = card["cv"]
    named = {
        f"{card['pipeline']}, cross-validated": {**cv, "n": card["n_train"]},
        f"{card['pipeline']}, test part": card["test"],
        **({"the same, films with 100 votes or more": card["test_100_votes"]} if "test_100_votes" in card else {}),
        **{f"{name}, test part": errors for name, errors in card["baselines"].items()},
    }
    rows = [
        [name, f"{e['rmse']:.4f}", f"{e['mae']:.4f}", f"{e['r2']:.3f}", f"{int(e['n'])}"] for name, e in named.items()
    ]
    columns: list[show.Column] = [
        "", ("RMSE", "right"), ("MAE", "right"), ("R2", "right"), ("films", "right"),
    ]  # fmt: skip
    show.table(f"Rating: {card['pipeline']} ({card['seconds']:.0f} s)", columns, rows)


def print_genre_card(card: Mapping[str, Any]) -> None:
    """Figures of the model beside the baselines, and a table of genres."""
    metrics = list(card["test"])
    columns: list[show.Column] = ["", *((m.replace("_", " "), "right") for m in metrics)]
    named = {
        f"{card['pipeline']}, cross-validated": card["cv"],
        f"{card['pipeline']}, test part": card["test"],
        **{f"{name}, test part": figures for name, figures in card["baselines"].items()},
    }
    rows = [[name, *(f"{f[m]:.3f}" if m in f else "" for m in metrics)] for name, f in named.items()]
    show.table(f"Genre: {card['n_train']} films to learn from, {card['n_test']} to test on", columns, rows)
    cells = [
        [
            g["genre"],
            f"{g['n_films']}",
            f"{g['precision']:.2f}",
            f"{g['recall']:.2f}",
            f"{g['f1']:.2f}",
            f"{g['f1_of_majority']:.2f}" if "f1_of_majority" in g else "",
        ]
        for g in card["genres"]
    ]
    heads: list[show.Column] = [
        "genre", ("films", "right"), ("precision", "right"), ("recall", "right"), ("F1", "right"),
        ("F1 of majority", "right"),
    ]  # fmt: skip
    caption = f"At the threshold {card['threshold']:.2f}; calibration error {card['calibration_error']:.3f}."
    show.table("By genre, test part", heads, cells, caption=caption)


COMMANDS = (rate, genres, experiment, tune)
