"""Where the verbs work: the home folder, its store and its registry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from reel_driver import config
from reel_driver.registry import Registry

if TYPE_CHECKING:
    from reel_driver.store import Store


@dataclass
class Workspace:
    """The one folder under which everything is written, and what lives in it. A context manager that closes the store.

    Attributes:
        home: the folder.
        profile: whose labels and scores the verbs speak of.
    """

    home: Path
    profile: str

    @classmethod
    def default(cls, profile: str | None = None) -> Workspace:
        """The workspace that the settings name."""
        return cls(config.home(), profile or config.setting("REEL_PROFILE"))

    @cached_property
    def store(self) -> Store:
        """The database, opened (and created or migrated) at first use."""
        from reel_driver.store import Store

        return Store.open(config.database_url(self.home))

    @property
    def registry(self) -> Registry:
        """Versions of trained bundles."""
        return Registry(self.home / "models")

    @property
    def watch_name(self) -> str:
        """The registered name of this profile's watch bundle."""
        return f"watch-{self.profile}"

    def data(self, name: str) -> Path:
        """A file of the data folder."""
        return self.home / "data" / name

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "store" in self.__dict__:
            self.store.close()
