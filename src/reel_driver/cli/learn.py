"""Commands on models: train, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from reel_driver.cli import films, show
from reel_driver.cli.data import left_out_words
from reel_driver.cli.models import register
from reel_driver.cli.show import METRIC_WORDS

Options = Callable[[Callable[..., None]], Callable[..., None]]


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that train and evaluate share."""
    options: list[Options] = [
        click.option(
            "--model",
            default=None,
            metavar="NAME",
            help="A pipeline of the menu. [default: taste for watch; also xgboost, logistic]",
        ),
        click.option(
            "--cost-missed",
            default=2.0,
            show_default=True,
            type=click.FloatRange(0, min_open=True),
            help="Cost of missing a title.",
        ),
        click.option(
            "--cost-wasted",
            default=1.0,
            show_default=True,
            type=click.FloatRange(0, min_open=True),
            help="Cost of a wasted evening.",
        ),
        click.option("--search/--no-search", default=True, show_default=True, help="Search the model's declared grid."),
        click.option(
            "--seed", default=0, show_default=True, help="Same labels, settings and seed give the same model."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("task", type=click.Choice(["watch", "rating", "genre"]), default="watch")
@films.data_option
@training_options
@click.option("--force", is_flag=True, help="Train even when nothing changed.")
@click.option(
    "--model-labels",
    is_flag=True,
    help="Also learn from labels that are only an earlier model's own outcome.",
)
@show.json_option
@click.pass_context
def train(
    context: click.Context,
    /,
    task: str,
    source: Path | None,
    as_json: bool,
    force: bool,
    model_labels: bool,
    model: str | None,
    **settings: Any,
) -> None:
    """Step 3: train the watch model on your labels, judge it, and make it the champion.

    With TASK rating or genre: learn that from the films of --data.
    """
    if task != "watch":
        films.train_task(context, task, source, model, settings["seed"], as_json)
        return
    from reel_driver.operations import learn, row
    from reel_driver.operations.workspace import Workspace
    from reel_driver.tasks import DEFAULT_WATCH
    from reel_driver.train import TrainConfig

    with Workspace.default(context.obj) as work:
        with show.progress("Training") as progress:
            trained = learn.train(
                work,
                model or DEFAULT_WATCH,
                TrainConfig(**settings),
                include_model_labels=model_labels,
                force=force,
                progress=progress,
            )
        if trained.is_new:
            with show.progress("Scoring the catalogue") as progress:
                row.score_catalogue(work, trained.bundle, progress=progress)
            register(work, work.watch_name)
        if as_json:
            show.echo_json(
                {
                    "is_new": trained.is_new,
                    "version": trained.bundle.version,
                    "left_out": trained.left_out,
                    **trained.scorecard,
                }
            )
            return
        state = (
            f"Trained {trained.bundle.version}"
            if trained.is_new
            else f"Nothing changed: {trained.bundle.version} stays"
        )
        click.echo(f"{state}{left_out_words(trained.left_out)}.")
        print_scorecard(trained.scorecard)
        for path in trained.outputs:
            click.echo(path)


@click.command()
@click.argument("task", type=click.Choice(["watch", "rating", "genre"]), default="watch")
@films.data_option
@training_options
@click.option(
    "--repeats",
    type=click.IntRange(1, 100),
    help="Rating only: cross-validate so often beside the rivals, on the training part alone.",
)
@click.option(
    "--report", is_flag=True, help="Make the model's page: curves, costs, effects, slices, errors with reasons."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Where the page goes. [default: reports/ in REEL_HOME]",
)
@show.json_option
@click.pass_context
def evaluate(
    context: click.Context,
    /,
    task: str,
    source: Path | None,
    as_json: bool,
    repeats: int | None,
    report: bool,
    output: Path | None,
    model: str | None,
    **settings: Any,
) -> None:
    """Judge a model on your labels, out of fold, beside its baselines. Changes nothing.

    With TASK rating or genre: judge on the films of --data, or show how the model in use was judged.
    """
    if repeats is not None:
        if task != "rating":
            raise click.UsageError("--repeats belongs to the task rating.")
        films.evaluate_rivals(source, model, repeats, settings["seed"], as_json)
        return
    if task != "watch":
        films.evaluate_task(context, task, source, model, settings["seed"], as_json)
        return
    if report or output:
        _report(context.obj, model, settings, output, as_json=as_json)
        return
    from reel_driver.operations import learn
    from reel_driver.operations.workspace import Workspace
    from reel_driver.train import TrainConfig

    with Workspace.default(context.obj) as work, show.progress("Evaluating") as progress:
        scorecard = learn.evaluate(work, model, TrainConfig(**settings), progress=progress)
    if as_json:
        show.echo_json(scorecard)
    else:
        print_scorecard(scorecard)


def _report(
    profile: str | None, model: str | None, settings: Mapping[str, Any], output: Path | None, *, as_json: bool
) -> None:
    from reel_driver.operations import know
    from reel_driver.operations.workspace import Workspace
    from reel_driver.train import TrainConfig

    with Workspace.default(profile) as work:
        with show.progress("Examining") as progress:
            found = know.examine_model(work, model, TrainConfig(**settings), progress=progress)
        if as_json:
            show.echo_json(found.plain())
            if output is None:
                return
        from reel_driver.report import model_page

        where = know.save_page(work, f"model-{work.profile}", model_page(found), output)
    if not as_json:
        print_scorecard(found.evaluation)
        click.echo(where)


def print_scorecard(card: Mapping[str, Any]) -> None:
    """Metrics with intervals beside the baselines, the confusion matrix, and what it was measured on."""
    names = list(card["baselines"])
    best = {m: _best(card, m) for m in METRIC_WORDS}
    rows = []
    for key, words in METRIC_WORDS.items():
        metric = card["metrics"][key]
        cells = [
            words,
            f"[bold]{metric['value']:.3f}[/bold]",
            f"[dim]{metric['lower']:.3f} - {metric['upper']:.3f}[/dim]",
        ]
        for name in names:
            value = card["baselines"][name][key]
            cells.append(f"[green]{value:.3f}[/green]" if best[key] == name else f"{value:.3f}")
        rows.append(cells)
    columns: list[show.Column] = [
        "",
        ("model", "right"),
        "95 % interval",
        *((n.replace("by TMDB ", "by TMDB\n").replace("by IMDb ", "by IMDb\n"), "right") for n in names),
    ]
    counts, costs = card["confusion"], card["costs"]
    show.table(
        f"Scorecard of {card['pipeline']}: {card['n_titles']} labels, {card['n_watch']} would be watched, {card['n_folds']}-fold out of fold",
        columns,
        rows,
        caption=(
            f"At the threshold {card['threshold']:.2f} (a missed title costs {costs['missed']:g}, a wasted evening {costs['wasted']:g}): "
            f"{counts['tp']} right picks, {counts['fp']} wasted evenings, {counts['fn']} missed, {counts['tn']} rightly left out. "
            "Green: a baseline that is better than the model."
        ),
    )
    print_reliability(card)
    print_search(card)


def print_reliability(card: Mapping[str, Any]) -> None:
    """What was said against what happened, in groups of like probability."""
    groups = card["reliability"]
    error = card["metrics"]["calibration_error"]["value"]
    show.table(
        f"Said and happened: {error:.1%} apart on average".replace("%", " %"),
        ["", *((str(g["n_titles"]), "right") for g in groups)],
        [
            [words, *(show.percent(g[key]) for g in groups)]
            for words, key in (("said", "predicted"), ("happened", "observed"))
        ],
        caption="Labelled titles in groups of like probability, each judged by a model that had not seen it.",
    )


def print_search(card: Mapping[str, Any]) -> None:
    """Which settings were tried on the labels, the chosen one marked."""
    tried = card.get("search") or ()
    if not tried:
        return
    best = min(t["log_loss"] for t in tried)
    rows = [
        [
            ", ".join(f"{name} {value}" for name, value in t["params"].items()),
            f"{t['log_loss']:.4f}",
            "[bold]chosen[/bold]" if t["log_loss"] == best else "",
        ]
        for t in tried
    ]
    show.table("Tried on these labels", ["setting", ("log loss out of fold", "right"), ""], rows)


def _best(card: Mapping[str, Any], key: str) -> str | None:
    """The baseline that beats the model in a metric, if any."""
    from reel_driver.metrics import HIGHER_IS_BETTER

    own = card["metrics"][key]["value"]
    sign = 1 if HIGHER_IS_BETTER[key] else -1
    name = max(card["baselines"], key=lambda n: sign * card["baselines"][n][key])
    return name if sign * card["baselines"][name][key] > sign * own else None


COMMANDS = (train, evaluate)
