"""Named versions of bundles with aliases, in a local folder.

    <root>/<name>/v0001/        a bundle, never changed once written
    <root>/<name>/aliases.json  {"champion": "v0002", "previous": "v0001"}

`champion` is the version that scores; `previous` is the one before it, to go back to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reel_driver.bundle import Bundle, load, save
from reel_driver.errors import BundleMissing, NotFound
from reel_driver.files import write_atomically

CHAMPION = "champion"
PREVIOUS = "previous"
ORIGIN = "origin.json"
"""File beside a bundle that names its run and its version in a remote registry."""

SHIPPED = Path(__file__).parent / "data" / "bundles"
"""Pretrained bundles that stand in until there is a champion of one's own: `rating` and `genre`."""
SHIPPED_VERSION = "shipped"
"""What their version is called."""


@dataclass(frozen=True)
class Registry:
    """Versions of bundles under one folder.

    Attributes:
        root: the folder; made on first use.
    """

    root: Path

    def names(self) -> list[str]:
        """Everything that has a version."""
        if not self.root.is_dir():
            return []
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and self.versions(p.name))

    def versions(self, name: str) -> list[str]:
        """All versions, oldest first."""
        folder = self.root / name
        if not folder.is_dir():
            return []
        return sorted(p.name for p in folder.iterdir() if p.name.startswith("v") and (p / "manifest.json").is_file())

    def is_shipped(self, name: str) -> bool:
        """Whether the bundle that comes with the package stands in, because there is no version of one's own."""
        return not self.versions(name) and (SHIPPED / name / "manifest.json").is_file()

    def aliases(self, name: str) -> dict[str, str]:
        """Alias to version."""
        try:
            read = json.loads((self.root / name / "aliases.json").read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            read = {}
        versions = self.versions(name)
        aliases = {k: v for k, v in read.items() if v in versions} if isinstance(read, dict) else {}
        # A damaged alias file must not take the versions with it: the newest one stands in.
        return {CHAMPION: versions[-1], **aliases} if versions else {}

    def add(self, name: str, bundle: Bundle) -> Bundle:
        """Save a bundle as the next version and make it the champion.

        Raises:
            DiskError: when it cannot be written; the champion stays what it was.
        """
        folder = self.root / name
        # Damaged versions keep their numbers too.
        taken = [p.name[1:] for p in folder.iterdir() if p.name.startswith("v")] if folder.is_dir() else []
        number = 1 + max((int(v) for v in taken if v.isdigit()), default=0)
        saved = save(bundle, self.root / name / f"v{number:04d}")
        self.promote(name, saved.version)
        return saved

    def promote(self, name: str, version: str) -> None:
        """Make a version the champion; the champion so far becomes `previous`.

        Raises:
            NotFound: when there is no such version.
        """
        if version not in self.versions(name):
            raise NotFound("version", version, f"versions of {name}: {', '.join(self.versions(name)) or 'none'}.")
        aliases = self.aliases(name)
        if aliases.get(CHAMPION) != version:
            if CHAMPION in aliases:
                aliases[PREVIOUS] = aliases[CHAMPION]
            aliases[CHAMPION] = version
            write_atomically(self.root / name / "aliases.json", json.dumps(aliases, indent=1).encode())

    def folder(self, name: str, version: str = CHAMPION) -> Path:
        """The folder of a version or alias.

        Raises:
            BundleMissing: when there is none.
        """
        resolved = self.aliases(name).get(version, version)
        folder = self.root / name / resolved
        if resolved == CHAMPION and (SHIPPED / name / "manifest.json").is_file():
            return SHIPPED / name
        if resolved == CHAMPION or not folder.is_dir():
            raise BundleMissing(name if version == CHAMPION else f"{name} {version}")
        return folder

    def load(self, name: str, version: str = CHAMPION) -> Bundle:
        """Read and verify a version; errors as `bundle.load`."""
        return load(self.folder(name, version))

    def origin(self, name: str, version: str = CHAMPION) -> Mapping[str, object]:
        """Where a version that came from elsewhere came from; empty for one that was trained here."""
        try:
            read = json.loads((self.folder(name, version) / ORIGIN).read_bytes())
        except (OSError, ValueError, BundleMissing):
            return {}
        return read if isinstance(read, dict) else {}

    def about(self, name: str, version: str = CHAMPION) -> Mapping[str, object]:
        """The plain facts of a version, without reading its arrays; empty when unreadable or absent."""
        try:
            manifest = json.loads((self.folder(name, version) / "manifest.json").read_bytes())
        except (OSError, ValueError, BundleMissing):
            return {}
        about = manifest.get("about", {})
        return about if isinstance(about, dict) else {}
