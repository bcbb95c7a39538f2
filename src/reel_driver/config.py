"""Every setting: its name, default and help, read from the environment and from a `.env` file.

The table `SETTINGS` is the whole truth: the documentation is generated from it. Names that earlier systems used
are read too (`also`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: its environment name.
        default: what holds when nothing is set, as text.
        help: what it does.
        also: further environment names that mean the same.
        is_secret: never shown.
    """

    name: str
    default: str
    help: str
    also: tuple[str, ...] = ()
    is_secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("REEL_HOME", "", "folder for everything that is written; default: the platform's user data folder"),
    Setting("REEL_PROFILE", "me", "profile that commands speak of when none is named"),
    Setting("DATABASE_URL", "", "PostgreSQL or SQLite URL; default: an SQLite file in REEL_HOME", is_secret=True),
    Setting("PG_DB", "", "name of the PostgreSQL database, when DATABASE_URL is not set"),
    Setting("PG_USER", "", "PostgreSQL user"),
    Setting("PG_PASS", "", "PostgreSQL password", is_secret=True),
    Setting("PG_HOST", "localhost", "PostgreSQL host, or the folder of its socket"),
    Setting("PG_PORT", "5432", "PostgreSQL port"),
)

_BY_NAME: Mapping[str, Setting] = {s.name: s for s in SETTINGS}


def setting(name: str) -> str:
    """The value of a setting: environment, then `.env` in the working directory, then its default.

    Raises:
        KeyError: when there is no such setting, which is a fault of the caller.
    """
    spec = _BY_NAME[name]
    for key in (spec.name, *spec.also):
        value = os.environ.get(key) or _dotenv(Path.cwd()).get(key)
        if value:
            return value
    return spec.default


@cache
def _dotenv(folder: Path) -> dict[str, str]:
    path = folder / ".env"
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    return {k: v for k, v in dotenv_values(path).items() if v}


def home() -> Path:
    """The one folder under which everything is written; made on first use by whoever writes."""
    configured = setting("REEL_HOME")
    if configured:
        return Path(configured).expanduser().resolve()
    from platformdirs import user_data_path

    return user_data_path("reel-driver", appauthor=False)


def database_url(folder: Path | None = None) -> str:
    """SQLAlchemy URL of the store: DATABASE_URL, or the PG_ settings, or SQLite under `folder` (default: `home()`)."""
    url = setting("DATABASE_URL")
    if url:
        for prefix in ("postgresql://", "postgres://"):
            if url.startswith(prefix):
                return "postgresql+psycopg://" + url.removeprefix(prefix)
        return url
    if setting("PG_DB"):
        from sqlalchemy import URL

        return URL.create(
            "postgresql+psycopg",
            username=setting("PG_USER") or None,
            password=setting("PG_PASS") or None,
            host=setting("PG_HOST"),
            port=int(setting("PG_PORT")),
            database=setting("PG_DB"),
        ).render_as_string(hide_password=False)
    return f"sqlite:///{(folder or home()) / 'reel.sqlite'}"
