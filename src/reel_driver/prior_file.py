"""The prior that ships with the package, and priors of one's own: one npz file, numbers only."""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from reel_driver.errors import FileMissing, FileUnreadable
from reel_driver.files import write_atomically
from reel_driver.models.prior import TastePrior

SHIPPED = "taste_prior.npz"


@cache
def shipped_prior() -> TastePrior:
    """The prior that came with the package."""
    return _read((files("reel_driver.data") / SHIPPED).read_bytes())


def read_prior(path: Path) -> TastePrior:
    """A prior from a file that `reel prior build` wrote.

    Raises:
        FileMissing: when it is not there.
        FileUnreadable: when it is something else.
    """
    try:
        return _read(path.read_bytes())
    except FileNotFoundError as error:
        raise FileMissing(path) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileUnreadable(path, f"it is no taste prior ({error}); make one with reel prior build") from error


def write_prior(prior: TastePrior, path: Path) -> None:
    """Write a prior, whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **prior.to_bytes())  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def _read(content: bytes) -> TastePrior:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return TastePrior.from_bytes({name: archive[name] for name in archive.files})
