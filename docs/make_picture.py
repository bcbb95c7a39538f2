"""Draw docs/tonight.svg from what `reel demo` really prints on a terminal: `python docs/make_picture.py`."""

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 118


def printed_on_a_terminal(command: list[str], home: str) -> str:
    """What a command prints when it believes to be on a terminal."""
    ours, theirs = pty.openpty()
    surroundings = {
        **os.environ,
        "COLUMNS": str(WIDTH),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "REEL_HOME": home,
    }
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, stdin=theirs, env=surroundings) as running:
        os.close(theirs)
        pieces = []
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # how Linux says that the other side has closed
                break
            if not piece:
                break
            pieces.append(piece)
        running.wait()
    os.close(ours)
    return b"".join(pieces).decode()


def main() -> None:
    """Run the demo and draw what it printed."""
    with tempfile.TemporaryDirectory() as home:
        text = printed_on_a_terminal([str(Path(sys.executable).with_name("reel")), "demo"], home).replace(
            home, "~/.reel"
        )
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi(text.replace("\r\n", "\n")))
    drawn = console.export_svg(title="make run")
    # Fonts from elsewhere are left out: a picture should need nothing but itself.
    drawn = re.sub(r"@font-face \{.*?\}\n", "", drawn, flags=re.DOTALL)
    target = Path(__file__).with_name("tonight.svg")
    target.write_text(drawn.replace("Fira Code", "ui-monospace, 'DejaVu Sans Mono'"))
    print(target)


if __name__ == "__main__":
    main()
