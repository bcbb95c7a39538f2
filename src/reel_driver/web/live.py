"""The models being served: loaded and verified in the background, swapped in one step.

A request reads `Live.served` once and works on that, whatever is swapped meanwhile. It never touches the disk or the
network: two threads do, one looking at the local registry, one bringing new champions from MLflow where that is
configured. Whatever goes wrong there, the bundle that is being served stays.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reel_driver.bundle import Bundle, load
from reel_driver.errors import BundleMissing, ReelError
from reel_driver.registry import CHAMPION, Registry
from reel_driver.web.recent import RecentInputs

log = logging.getLogger("reel_driver.web")

Puller = Callable[[str], object]
"""Brings the remote champion of a name into the local registry; raises when the remote is out of reach."""


@dataclass(frozen=True)
class Served:
    """One bundle while it is being served.

    Attributes:
        bundle: verified.
        name: registered name.
        version: its folder in the registry.
        run_id: of the training run, where one is known.
        loaded_at: Unix time.
        recent: the last inputs, for the drift.
    """

    bundle: Bundle
    name: str
    version: str
    run_id: str = ""
    loaded_at: float = field(default_factory=time.time)
    recent: RecentInputs = field(default_factory=RecentInputs)

    def probabilities(self, rows: Sequence[Mapping[str, Any]]) -> list[float]:
        """Probability of each title, in order."""
        p: list[float] = self.bundle.probabilities(rows).tolist()
        self.recent.add(rows)
        return p

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many columns, normalised numbers, fields and categories the bundle reads."""
        blocks = self.bundle.spec.blocks
        categories = {b.fields[0]: len(b.names) for b in blocks if b.kind == "multi_hot"}
        return {
            "features_count": self.bundle.spec.width,
            "normalization_fields": sum(b.kind in ("number", "log_ratio") for b in blocks),
            "schema_mappings": len(self.bundle.spec.fields),
            "genre_categories": categories.get("genre", 0),
            "origin_countries": categories.get("origin_country", 0),
            "production_countries": categories.get("production_countries", 0),
            "spoken_languages": categories.get("spoken_languages", 0),
        }


class Live:
    """The bundle of one name, kept up to date."""

    def __init__(self, registry: Registry, name: str, version: str = CHAMPION) -> None:
        self.registry, self.name, self.version = registry, name, version
        self.served: Served | None = None
        self.problem = ""
        """Why the newest version is not the one served; empty when it is."""

    def refresh(self) -> bool:
        """Load what the registry names, when it is not what is served already; returns whether it was swapped."""
        try:
            folder = self.registry.folder(self.name, self.version)
            if self.served is not None and self.served.version == folder.name:
                self.problem = ""
                return False
            bundle = load(folder)
        except BundleMissing:
            self.problem = f"There is no model {self.name!r} in the registry."
            return False
        except (ReelError, OSError) as error:
            self._refuse(str(error))
            return False
        warm(bundle)
        run_id = str(self.registry.origin(self.name, folder.name).get("run_id", ""))
        self.served, self.problem = Served(bundle, self.name, folder.name, run_id), ""
        log.info("serving %s %s", self.name, folder.name)
        return True

    def _refuse(self, why: str) -> None:
        if why != self.problem:
            log.warning("%s: not served: %s", self.name, why)
        self.problem = why


def warm(bundle: Bundle) -> None:
    """Compile what a bundle compiles at first use, so that no request pays for it."""
    row: dict[str, Any] = dict(bundle.golden[0][0]) if bundle.golden else {}
    for n in (1, 2, 64):  # one title, a few and many are scored in different ways
        bundle.score_rows([row] * n)


class Models:
    """All models being served, and the threads that keep them up to date.

    Attributes:
        watch: would they watch it.
        rating: what the crowd would rate it.
        genre: what kind of story it is.
        remote: state of the remote registry in words: "" where none is configured, "reachable", or why not.
    """

    def __init__(self, registry: Registry, watch_name: str, version: str = CHAMPION) -> None:
        self.watch = Live(registry, watch_name, version)
        self.rating = Live(registry, "rating")
        self.genre = Live(registry, "genre")
        self.remote = ""
        self._stop = threading.Event()

    @property
    def all(self) -> tuple[Live, ...]:
        """Every model."""
        return (self.watch, self.rating, self.genre)

    def start(self, seconds: float, pull: Puller | None = None) -> None:
        """Load what is there, then look again every so many seconds."""
        for live in self.all:
            live.refresh()
        if pull is not None:
            self.remote = "not asked yet"
            threading.Thread(target=self._pulling, args=(pull, seconds), name="pull", daemon=True).start()
        threading.Thread(target=self._polling, args=(seconds,), name="poll", daemon=True).start()

    def stop(self) -> None:
        """End the threads after what they are doing."""
        self._stop.set()

    def _polling(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            for live in self.all:
                try:
                    live.refresh()
                except Exception:
                    log.exception("looking for a new %s failed", live.name)

    def _pulling(self, pull: Puller, seconds: float) -> None:
        while True:
            try:
                for live in self.all:
                    pull(live.name)
                self.remote = "reachable"
            except Exception as error:  # whatever a remote registry does, the service goes on
                said = f"out of reach ({type(error).__name__}); the last local model is served"
                if said != self.remote:
                    log.warning("registry %s", said)
                self.remote = said
            if self._stop.wait(seconds):
                return
