"""The reference pages, written from the code: `python -m reel_driver.cli.reference docs` (or `make docs-write`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from reel_driver.config import SETTINGS
from reel_driver.domain import TITLE_FIELDS

_HEAD = "<!-- Written by `make docs-write` from the code; a test holds it to that. -->\n"


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    """The command and all below it: its whole name, itself and its context."""
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.commands[name]
            yield from walk(below, click.Context(below, info_name=name, parent=context))


def commands_page() -> str:
    """The help of every command, as Markdown."""
    from reel_driver.cli import reel

    parts = [_HEAD, "# Commands\n"]
    # Lines of one length, however wide the terminal is; and the names of --help that the command gives its parts.
    root = click.Context(
        reel, info_name="reel", terminal_width=100, max_content_width=100, help_option_names=["-h", "--help"]
    )
    for name, command, context in walk(reel, root):
        context.terminal_width = 100
        parts.append(f"## {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def settings_page() -> str:
    """Every setting and every field of a title, as Markdown tables."""
    lines = [
        _HEAD,
        "# Settings\n",
        "From the environment, or from a file `.env` in the folder where `reel` is started.\n",
        "| setting | default | what it does |",
        "|---|---|---|",
    ]
    for s in SETTINGS:
        names = ", ".join(f"`{n}`" for n in (s.name, *s.also))
        lines.append(f"| {names} | {f'`{s.default}`' if s.default else ''} | {s.help} |")
    lines += [
        "\n# Fields of a title\n",
        "Names in files, in the database and in requests; imports also know the names in the last column.\n",
        "| field | type | what it is | also |",
        "|---|---|---|---|",
    ]
    for f in TITLE_FIELDS:
        also = ", ".join(f"`{n}`" for n in f.aliases)
        lines.append(f"| `{f.name}` | {f.type} | {f.help} | {also} |")
    return "\n".join(lines) + "\n"


PAGES = {"commands.md": commands_page, "settings.md": settings_page}
"""Generated pages by the name of their file."""


def write(folder: Path) -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
