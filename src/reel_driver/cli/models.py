"""Commands on registered models: list, show, promote, rollback, diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reel_driver.cli import show
from reel_driver.cli.show import METRIC_WORDS

if TYPE_CHECKING:
    from reel_driver.operations.workspace import Workspace


@click.group()
def models() -> None:
    """Trained models: list, show, promote, rollback, diff."""


NAME = click.option(
    "--name", default=None, metavar="MODEL", help="Registered name. [default: the profile's watch model]"
)


@models.command("list")
@show.json_option
@click.pass_context
def list_models(context: click.Context, as_json: bool) -> None:
    """Every version of every model."""
    from reel_driver.operations import models as verbs
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        rows = verbs.list_models(work)
    if as_json:
        show.echo_json(rows)
        return
    cells = [
        [
            show.escape(r["name"]),
            f"[bold]{show.escape(r['version'])}[/bold]" if "champion" in r["aliases"] else show.escape(r["version"]),
            ", ".join(r["aliases"]),
            show.escape(r["pipeline"] or ""),
            _moment(r["trained_at"]),
            _learned_from(r),
            _quality(r["metrics"]),
        ]
        for r in rows
    ]
    columns = ["name", "version", "alias", "pipeline", "trained (UTC)", "learned from", "out of fold"]
    caption = "The champion scores and is served; previous is what `reel models rollback` goes back to."
    show.table(f"{len(rows)} versions" if len(rows) != 1 else "1 version", columns, cells, caption=caption)


@models.command("show")
@click.argument("version", default="champion")
@NAME
@show.json_option
@click.pass_context
def show_model(context: click.Context, version: str, name: str | None, as_json: bool) -> None:
    """Everything known of VERSION, its bundle verified."""
    from reel_driver.operations import models as verbs
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        facts = verbs.show_model(work, name or work.watch_name, version)
    if as_json:
        show.echo_json(facts)
        return
    about, origin = facts["about"], facts["origin"]
    rows = [
        ["pipeline", show.escape(facts["pipeline"] or "")],
        ["trained (UTC)", _moment(facts["trained_at"])],
        ["learned from", _learned_from(facts)],
        ["", ", ".join(f"{n} {v.replace('_', ' ')}" for v, n in about.get("verdicts", {}).items())],
        ["left out", ", ".join(f"{n} {why}" for why, n in (about.get("left_out") or {}).items())],
        ["settings", _settings(about.get("params", {}))],
        ["sees", f"{facts['n_features']} columns"],
        ["threshold", f"{facts['threshold']:.3f}" if facts["threshold"] else ""],
        ["metrics", ", ".join(f"{_words(k)} {v:.3f}" for k, v in facts["metrics"].items())],
        ["fingerprint", str(about.get("fingerprint", ""))[:12]],
        ["MLflow", f"version {origin['version']}, run {origin['run_id']}" if origin else ""],
    ]
    alias = "".join(f", {a}" for a in facts["aliases"])
    title = show.escape(f"{facts['name']} {facts['version']}{alias}: verified, it can be served")
    show.table(title, ["", ""], [row for row in rows if row[1]])


@models.command()
@click.argument("version")
@NAME
@click.pass_context
def promote(context: click.Context, version: str, name: str | None) -> None:
    """Make VERSION the champion, the one that scores."""
    from reel_driver.operations import models as verbs
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        verbs.promote(work, name or work.watch_name, version)
        click.echo(f"{name or work.watch_name}: {version} is the champion.")


@models.command()
@NAME
@click.pass_context
def rollback(context: click.Context, name: str | None) -> None:
    """Go back to the version before the champion."""
    from reel_driver.operations import models as verbs
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        version = verbs.rollback(work, name or work.watch_name)
        click.echo(f"{name or work.watch_name}: back to {version}.")


@models.command()
@click.argument("first", default="previous")
@click.argument("second", default="champion")
@NAME
@show.json_option
@click.pass_context
def diff(context: click.Context, first: str, second: str, name: str | None, as_json: bool) -> None:
    """What differs between two versions, and how differently they score the same titles."""
    from reel_driver.operations import models as verbs
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        found = verbs.diff(work, name or work.watch_name, first, second)
    if as_json:
        show.echo_json(found)
        return
    facts = dict(found["facts"])
    rows = [[words, *(_short(key, v) for v in facts.pop(key))] for key, words in _SAID.items() if key in facts]
    metrics = {k.removeprefix("metrics."): facts.pop(k) for k in list(facts) if k.startswith("metrics.")}
    rows += [[_words(key), *_judged(key, *metrics[key])] for key in sorted(metrics, key=_place)]
    rows += [[show.escape(k.removeprefix("params.")), *map(_plain, facts[k])] for k in sorted(facts)]
    if not rows and not found["largest_change"]:
        click.echo(f"{first} and {second} are the same.")
        return
    n = found["n_compared"]
    moved = f"On {n} titles the scores differ by {found['mean_change']:+.3f} on average and by {found['largest_change']:.3f} at most."
    for which, names in (("new", found["columns_new"]), ("gone", found["columns_gone"])):
        if names:
            more = f" and {len(names) - 8} more" if len(names) > 8 else ""
            moved += f"\nColumns {which}: {', '.join(map(show.escape, names[:8]))}{more}."
    show.table(
        f"{name or 'The watch model'}: what differs", ["", show.escape(first), show.escape(second)], rows, caption=moved
    )


def register(work: Workspace, name: str) -> None:
    """Register the fresh champion with MLflow, where that is configured; when it is out of reach, say so and go on."""
    from reel_driver import tracking
    from reel_driver.errors import ExtraMissing, RegistryUnreachable
    from reel_driver.operations import models as verbs

    if not tracking.is_configured():
        return
    try:
        click.echo(f"Registered with MLflow as version {verbs.publish(work, name)}.", err=True)
    except (RegistryUnreachable, ExtraMissing) as refusal:
        click.secho(f"Not registered: {refusal}", fg="yellow", err=True)


_SAID = {
    "pipeline": "pipeline",
    "trained_at": "trained (UTC)",
    "n_labels": "labels",
    "n_films": "films",
    "fingerprint": "fingerprint",
    "threshold": "threshold",
}
_LESS_IS_BETTER = ("log_loss", "brier", "calibration_error", "rmse", "mae")


_METRICS = METRIC_WORDS | {"mae": "MAE", "rmse": "RMSE", "r2": "R²", "micro_f1": "micro F1", "macro_f1": "macro F1"}


def _words(metric: str) -> str:
    return _METRICS.get(metric, show.escape(metric.replace("_", " ")))


def _place(metric: str) -> int:
    """Where a metric stands among others."""
    return list(_METRICS).index(metric) if metric in _METRICS else len(_METRICS)


def _moment(moment: object) -> str:
    return str(moment or "")[:16].replace("T", " ")


def _plain(value: object) -> str:
    return "" if value is None else show.escape(f"{value:g}" if isinstance(value, float) else value)


def _short(key: str, value: object) -> str:
    if key == "trained_at":
        return _moment(value)
    if key == "threshold" and isinstance(value, float):
        return f"{value:.3f}"
    return str(value or "")[:12] if key == "fingerprint" else _plain(value)


def _judged(metric: str, first: float | None, second: float | None) -> tuple[str, str]:
    """Both values, the better one green."""
    cells = ["" if v is None else f"{v:.3f}" for v in (first, second)]
    if first is not None and second is not None and cells[0] != cells[1]:
        better = int((second < first) == (metric in _LESS_IS_BETTER))
        cells[better] = f"[green]{cells[better]}[/green]"
    return cells[0], cells[1]


def _learned_from(row: dict[str, Any]) -> str:
    """How much a version has learned from."""
    if row.get("n_labels"):
        return f"{row['n_labels']} labels"
    return f"{row['n_films']} films" if row.get("n_films") else ""


def _quality(metrics: dict[str, float]) -> str:
    """The one figure that says most of a version."""
    for key in ("roc_auc", "mae", "micro_f1"):
        if key in metrics:
            return f"{_words(key)} {metrics[key]:.3f}"
    return ""


def _settings(params: dict[str, Any]) -> str:
    return ", ".join(f"{show.escape(k)} {_plain(v)}" for k, v in params.items())


COMMANDS = (models,)
