"""The documents say what the software does, because they are written from it or tried."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reel_driver.cli import reel
from reel_driver.cli.reference import PAGES, walk
from reel_driver.config import SETTINGS

ROOT = Path(__file__).parents[1]
COMMANDS = {name: command for name, command, _ in walk(reel, click.Context(reel, info_name="reel"))}
SOURCES = sorted((ROOT / "src").rglob("*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    written = ROOT / "docs" / name
    assert written.read_text("utf-8") == PAGES[name](), "run `make docs-write`"


def test_the_reference_does_not_depend_on_the_terminal(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "reel_driver.cli.reference", str(tmp_path)]
    subprocess.run(program, check=True, env={**os.environ, "COLUMNS": "41", "REEL_HOME": str(tmp_path / "elsewhere")})
    for name in PAGES:
        assert (tmp_path / name).read_text("utf-8") == (ROOT / "docs" / name).read_text("utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_says_what_it_is_for(name: str) -> None:
    command = COMMANDS[name]
    assert command.help, name
    assert command.get_short_help_str(200).endswith("."), name
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, (name, parameter.name)


def test_every_setting_is_listed_and_has_help() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for setting in SETTINGS:
        assert f"`{setting.name}`" in page
        assert setting.help


def test_every_setting_that_the_code_reads_is_a_setting_that_is_documented() -> None:
    known = {name for s in SETTINGS for name in (s.name, *s.also)}
    for path in SOURCES:
        asked = re.findall(r"""(?:setting|environ\.get|getenv)\(\s*["']([A-Z_]+)["']""", path.read_text("utf-8"))
        assert set(asked) <= known, path


def commands_in(text: str) -> list[str]:
    """Every command line of `reel` in a document: in blocks of code and between backquotes."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    quoted = re.findall(r"`(reel [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [line for line in (*lines, *quoted) if line.startswith("reel ")]


def test_commands_are_found_in_a_document() -> None:
    text = "Say `reel tonight` or\n```\nreel train   # learn\nmake run\n```\n"
    assert commands_in(text) == ["reel train", "reel tonight"]


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md", "ARCHITECTURE.md"])
def test_every_command_in_a_document_exists_and_takes_those_options(document: str) -> None:
    for line in commands_in((ROOT / document).read_text("utf-8")):
        for part in re.split(r"&&|\|(?=\s)", line):
            words = [w for w in shlex.split(part) if w != "..."]
            check(words[1:], line)


def check(words: list[str], line: str) -> None:
    """Follow the words down to a command, and look each option up in it; a|b stands for both."""
    command: click.Command = reel
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            options = [o for o in command.params if isinstance(o, click.Option) if word in (*o.opts, *o.secondary_opts)]
            assert options or word == "--help", f"{line}: {word}"
            if options and not options[0].is_flag and words:
                words.pop(0)
        elif isinstance(command, click.Group):
            names = word.split("|")
            for name in names:
                assert name in command.commands, f"{line}: {name}"
            command = command.commands[names[0]]


def test_commands_that_refusals_and_hints_name_exist() -> None:
    for path in SOURCES:
        for line in re.findall(r"`(reel [a-z][^`{}]*)`", path.read_text("utf-8")):
            check(shlex.split(line)[1:], f"{path.name}: {line}")


def test_make_targets_that_documents_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for path in DOCUMENTS:
        for target in re.findall(r"`make ([a-z-]+)", path.read_text("utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (path.name, target)


def test_links_within_the_documents_lead_somewhere() -> None:
    for path in DOCUMENTS:
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text("utf-8")):
            assert (path.parent / link).exists(), (path.name, link)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / "src" / "reel_driver")))
def test_no_source_prints_a_traceback_or_leaves_a_note_to_itself(path: Path) -> None:
    text = path.read_text("utf-8")
    for word in ("traceback.print", "print_exc", "format_exc", "breakpoint(", "pdb", "TODO", "FIXME", "XXX"):
        assert word not in text, word
    if "cli" not in path.parts:
        assert not re.search(r"^\s*print\(", text, re.MULTILINE), "only the command prints"
