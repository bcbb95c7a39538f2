"""The notebooks run from top to bottom on a machine where nothing is set up yet."""

from __future__ import annotations

import runpy
from pathlib import Path

import jupytext
import pytest

from reel_driver import config

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.py"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_and_is_a_notebook(path: Path) -> None:
    book = jupytext.read(path)
    kinds = {cell.cell_type for cell in book.cells}
    assert kinds == {"markdown", "code"}
    assert book.cells[0].source.startswith("# ")
    runpy.run_path(str(path))
    if path.stem != "02_experiments":
        assert (config.home() / "reports" / f"{path.stem}.html").is_file()


def test_the_three_notebooks_are_there_and_hold_no_logic() -> None:
    assert [p.stem for p in NOTEBOOKS] == ["01_eda", "02_experiments", "03_watch_analysis"]
    for path in NOTEBOOKS:
        assert not [
            line for line in path.read_text().splitlines() if line.startswith(("def ", "class ", "for ", "while "))
        ]
