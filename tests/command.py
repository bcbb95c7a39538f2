"""The command `reel`, run in a home of its own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

COMMAND = (str(Path(sys.executable).with_name("reel")),)
"""The command as it is installed beside this Python."""


def spawn_reel(home: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, in a process of its own and a pipe."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=reel_environment(home) | environment,
        cwd=home.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )


def run_reel(home: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same within this process, which spares the second that loading the libraries takes."""
    from reel_driver.cli import main

    out, err = io.StringIO(), io.StringIO()
    before, argv = dict(os.environ), sys.argv
    os.environ.clear()
    os.environ.update(reel_environment(home) | environment)
    sys.argv = ["reel", *map(str, arguments)]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = argv
        os.environ.clear()
        os.environ.update(before)
    return subprocess.CompletedProcess(["reel", *map(str, arguments)], code, out.getvalue(), err.getvalue())


def reel_environment(home: Path) -> dict[str, str]:
    """An environment in which `reel` writes under `home` alone."""
    own = ("REEL_", "PG_", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE")
    return {k: v for k, v in os.environ.items() if not k.startswith(own)} | {"REEL_HOME": str(home)}
