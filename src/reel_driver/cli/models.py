"""Commands on registered models: list, show, promote, rollback, diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reel_driver.cli import show

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
            r["version"],
            ", ".join(r["aliases"]),
            show.escape(r["pipeline"] or ""),
            str(r["trained_at"] or ""),
            str(r["n_labels"] or ""),
            f"{r['metrics']['roc_auc']:.3f}" if "roc_auc" in r["metrics"] else "",
        ]
        for r in rows
    ]
    columns = ["name", "version", "alias", "pipeline", "trained at", "labels", "ROC AUC"]
    show.table(f"{len(rows)} versions", columns, cells)


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
    _print(f"{facts['name']} {facts['version']}", facts, as_json)


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
    _print(f"{first} -> {second}", found, as_json)


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


def _print(title: str, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show.echo_json(facts)
        return
    rows = [[k, show.escape(v)] for k, v in facts.items() if not isinstance(v, dict)]
    for key, value in facts.items():
        if isinstance(value, dict):
            rows += [
                [f"{key}.{k}", show.escape(" -> ".join(map(str, v)) if key == "facts" else v)] for k, v in value.items()
            ]
    show.table(title, ["", ""], rows)


COMMANDS = (models,)
