"""Commands that correct: labels and titles. Each correction is logged and can be taken back."""

from __future__ import annotations

import click

from reel_driver.cli import show
from reel_driver.domain import Verdict

VERDICT = click.Choice([v.value for v in Verdict])


@click.group()
def labels() -> None:
    """Your verdicts: show, set, unset, review, anomalous, revert."""


@labels.command("show")
@click.argument("ref", required=False, metavar="[TITLE]")
@show.json_option
@click.pass_context
def show_labels(context: click.Context, ref: str | None, as_json: bool) -> None:
    """All labels, or the whole history of one title's."""
    from reel_driver.operations import correct
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        rows = correct.label_history(work, ref) if ref else correct.list_labels(work)
    if as_json:
        show.echo_json(rows)
        return
    cells = [
        [
            show.escape(show.named(r)),
            (r["verdict"] or "taken back").replace("_", " "),
            r["decided_by"] + (", reviewed" if r["is_reviewed"] else "") + (", anomalous" if r["is_anomalous"] else ""),
            show.escape(r["source"]),
            f"{r['labelled_at']:%Y-%m-%d %H:%M}",
        ]
        for r in rows
    ]
    show.table(f"{len(rows)} labels", ["title", "verdict", "decided by", "source", "when (UTC)"], cells)


@labels.command("set")
@click.argument("ref", metavar="TITLE")
@click.argument("verdict", type=VERDICT)
@click.pass_context
def set_label(context: click.Context, ref: str, verdict: str) -> None:
    """Say your word on TITLE; the latest word counts, earlier ones stay in the history."""
    from reel_driver.operations import correct
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        title = correct.set_label(work, ref, Verdict(verdict))
    click.echo(f"{show.named(title)}: {Verdict(verdict).words}.")


def _one_word(name: str, help_text: str, verb: str, words: str) -> click.Command:
    @click.command(name, help=help_text)
    @click.argument("ref", metavar="TITLE")
    @click.pass_context
    def command(context: click.Context, ref: str) -> None:
        from reel_driver.operations import correct
        from reel_driver.operations.workspace import Workspace

        with Workspace.default(context.obj) as work:
            title = getattr(correct, verb)(work, ref)
        click.echo(f"{show.named(title)}: {words}.")

    return command


for made in (
    _one_word("unset", "Take your word on TITLE back.", "unset_label", "label taken back"),
    _one_word(
        "review",
        "Confirm TITLE's label as right; a label of a model's becomes a person's.",
        "review_label",
        "label confirmed",
    ),
    _one_word(
        "anomalous",
        "Mark TITLE's label as an odd one out, kept out of training.",
        "mark_anomalous",
        "kept out of training",
    ),
    _one_word("revert", "Go back to the word before the latest.", "revert_label", "back to the word before"),
):
    labels.add_command(made)


@click.group()
def titles() -> None:
    """The catalogue: show, fix, revert."""


@titles.command("show")
@click.argument("ref", metavar="TITLE")
@show.json_option
@click.pass_context
def show_title(context: click.Context, ref: str, as_json: bool) -> None:
    """Everything known of TITLE."""
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        title = work.store.find_title(ref)
    if as_json:
        show.echo_json(title)
        return
    rows = [
        [f, show.escape(", ".join(v) if isinstance(v, list) else v)] for f, v in title.items() if v not in (None, [])
    ]
    show.table(show.named(title), ["field", "value"], rows)


@titles.command("fix")
@click.argument("ref", metavar="TITLE")
@click.argument("field")
@click.argument("value")
@click.pass_context
def fix_title(context: click.Context, ref: str, field: str, value: str) -> None:
    """Correct one FIELD of TITLE; lists are given as a|b. Later imports leave the correction alone."""
    from reel_driver.operations import correct
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        number, before, after = correct.fix_title(work, ref, field, value)
    click.echo(f"{field}: {before} -> {after} (take it back with `reel titles revert {number}`).")


@titles.command("revert")
@click.argument("number", type=int)
@click.pass_context
def revert_fix(context: click.Context, number: int) -> None:
    """Take correction NUMBER back (`reel titles fixes` lists them)."""
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        work.store.revert_fix(number)
    click.echo(f"Correction {number} taken back.")


@titles.command("fixes")
@show.json_option
@click.pass_context
def list_fixes(context: click.Context, as_json: bool) -> None:
    """Every correction made, with its number."""
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        rows = work.store.title_fixes()
    if as_json:
        show.echo_json(rows)
        return
    names = ["fix_id", "title_id", "field", "old_value", "new_value", "fixed_at", "reverted_at"]
    cells = [["" if r[n] is None else show.escape(r[n]) for n in names] for r in rows]
    show.table(f"{len(rows)} corrections", names, cells)


@click.command()
@click.argument("refs", nargs=-1, required=True, metavar="TITLE...")
@click.option("--undo", is_flag=True, help="Not seen after all.")
@click.pass_context
def seen(context: click.Context, refs: tuple[str, ...], undo: bool) -> None:
    """Mark titles as seen: they leave tonight's row without a verdict."""
    from reel_driver.operations import correct
    from reel_driver.operations.workspace import Workspace

    with Workspace.default(context.obj) as work:
        for title in correct.mark_seen(work, refs, undo=undo):
            click.echo(f"{show.named(title)}: {'not seen' if undo else 'seen'}.")


COMMANDS = (labels, titles, seen)
