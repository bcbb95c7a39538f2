"""The command `reel`: options, one call, a printed result or a translated error. Heavy imports wait inside commands."""

from __future__ import annotations

import io
import os
import sys

import click

from reel_driver import __version__
from reel_driver.cli import data, films, know, labels, learn, models, row, serve, taste
from reel_driver.errors import ReelError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="reel-driver")
@click.option(
    "--profile",
    "-p",
    default=None,
    metavar="NAME",
    help="Whose labels and scores. [default: me, or REEL_PROFILE]",
)
@click.pass_context
def reel(context: click.Context, profile: str | None) -> None:
    """Learn what you want to watch from your own labels, and pick tonight's row.

    Everything that is written goes under one folder, REEL_HOME.
    """
    context.obj = profile


for module in (data, learn, know, row, films, labels, taste, models, serve):
    for command in module.COMMANDS:
        reel.add_command(command)


def main() -> None:
    """Run the command; exit code 1 with one sentence when something is refused, 2 for wrong use."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows few letters still gets its row
    try:
        reel(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped; nothing half-done was kept.", err=True)
        sys.exit(1)
    except ReelError as refusal:
        click.secho(str(refusal), fg="red", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader has gone (`reel tonight | head`): that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
