"""How fast the shipped rating and genre models answer on one core.

python bench/speed.py FILE [--n 6000]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reel_driver.bundle import Bundle

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"


def least(f: Callable[[], object], n: int) -> float:
    """Least CPU seconds of n runs: what it takes when nobody disturbs."""
    taken = []
    for _ in range(n):
        began = time.process_time()
        f()
        taken.append(time.process_time() - began)
    return min(taken)


def main() -> None:
    from reel_driver.bundle import load
    from reel_driver.operations.films import read_films
    from reel_driver.registry import SHIPPED

    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--n", type=int, default=6000)
    asked = parser.parse_args()
    rows = read_films(asked.source)[0][: asked.n].to_dicts()
    for task in ("genre", "rating"):
        timed(task, load(SHIPPED / task), rows)


def timed(task: str, bundle: Bundle, rows: list[dict[str, Any]]) -> None:
    """Print the median of one film and how many films a second."""
    bundle.score_rows(rows[:2])
    one = sorted(least(partial(bundle.score_rows, [row]), 3) for row in rows[:200])
    seconds = least(partial(bundle.score_rows, rows), 3 if task == "genre" else 1)
    print(f"{task}: one film {1e3 * one[len(one) // 2]:.3f} ms, {len(rows) / seconds:,.0f} films a second")


if __name__ == "__main__":
    main()
