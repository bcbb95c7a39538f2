"""The store: titles, profiles, labels, scores, what was seen; in SQLite, or in PostgreSQL by URL.

Read `connect.py` first, then `tables.py`; every other file adds one part of `Store`.
"""

from __future__ import annotations

from reel_driver.store.backup import BackingUp
from reel_driver.store.doctor import Examining, Finding
from reel_driver.store.failures import StoreDamaged
from reel_driver.store.fixes import Fixing
from reel_driver.store.importing import Importable, ImportReport, import_into
from reel_driver.store.scores import Scoring
from reel_driver.store.upsert import Counts

__all__ = ["Counts", "Finding", "ImportReport", "Store", "StoreDamaged", "import_into"]


class Store(Importable, Fixing, Scoring, Examining, BackingUp):
    """An open store; use it as a context manager.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/reel.sqlite") as store:
    ...     store.n_titles()
    0
    """
