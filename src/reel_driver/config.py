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
    Setting("REEL_ENCODER", "", "folder of all-MiniLM-L6-v2 for `--model encoder`; default: the Hugging Face cache"),
    Setting("HF_HOME", "", "where the Hugging Face cache is; default: ~/.cache/huggingface"),
    Setting("REEL_PROFILE", "me", "profile that commands speak of when none is named"),
    Setting("DATABASE_URL", "", "PostgreSQL or SQLite URL; default: an SQLite file in REEL_HOME", is_secret=True),
    Setting("PG_DB", "", "name of the PostgreSQL database, when DATABASE_URL is not set"),
    Setting("PG_USER", "", "PostgreSQL user"),
    Setting("PG_PASS", "", "PostgreSQL password", is_secret=True),
    Setting("PG_HOST", "localhost", "PostgreSQL host, or the folder of its socket"),
    Setting("PG_PORT", "5432", "PostgreSQL port"),
    Setting("REEL_DRIVER_API_HOST", "127.0.0.1", "address that the service binds"),
    Setting("REEL_DRIVER_API_PORT", "8000", "port of the service"),
    Setting("REEL_DRIVER_API_PREFIX", "/reel-driver", "path before the routes of the reel-driver clients"),
    Setting(
        "REEL_DRIVER_API_LOG_LEVEL",
        "warning",
        "what the service logs beside its access log: debug, info, warning, error",
    ),
    Setting("REEL_DRIVER_API_MODEL_VERSION", "champion", "version or alias of the watch model that is served"),
    Setting(
        "REEL_API_TOKEN", "", "secret that clients send; default: made on first use where one is needed", is_secret=True
    ),
    Setting("REEL_API_CORS", "", "web origins that may ask the service, separated by commas; none by default"),
    Setting("REEL_API_POLL", "5", "seconds between two looks at the registry"),
    Setting("REEL_API_MAX_BODY", str(16 * 2**20), "largest request in bytes; more is 413"),
    Setting("REEL_API_MAX_BATCH", "10000", "most items of one request; more is 413"),
    Setting("REEL_API_MAX_CONCURRENT", "256", "most requests answered at once, single predictions aside; more is 503"),
    Setting(
        "REEL_API_TIMEOUT", "30", "seconds for a request to arrive, longer is 408; and for its answer, longer is 503"
    ),
    Setting(
        "REEL_API_KEEP_ALIVE",
        "75",
        "seconds that an idle connection is kept: more than a load balancer before it keeps one, or requests are lost between",
    ),
    Setting("REEL_API_RATE", "0", "requests a second of one client; more is 429; 0 for no limit"),
    Setting("MLFLOW_TRACKING_URI", "", "MLflow server that runs and models are registered with; none by default"),
    Setting("MLFLOW_HOST", "", "MLflow host, when MLFLOW_TRACKING_URI is not set", also=("REEL_DRIVER_MLFLOW_HOST",)),
    Setting("MLFLOW_PORT", "5000", "MLflow port", also=("REEL_DRIVER_MLFLOW_PORT",)),
    Setting("REEL_DRIVER_MLFLOW_EXPERIMENT", "reel-driver", "MLflow experiment that training logs to"),
    Setting("REEL_DRIVER_MLFLOW_MODEL", "", "MLflow name of the watch model; default: watch- and the profile"),
    Setting("REEL_DRIVER_MINIO_ENDPOINT", "", "S3 host of MLflow's artifacts, as a name or a URL"),
    Setting("REEL_DRIVER_MINIO_PORT", "9000", "its port"),
    Setting("REEL_DRIVER_MINIO_ACCESS_KEY", "", "its access key", also=("AWS_ACCESS_KEY_ID",), is_secret=True),
    Setting("REEL_DRIVER_MINIO_SECRET_KEY", "", "its secret key", also=("AWS_SECRET_ACCESS_KEY",), is_secret=True),
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
