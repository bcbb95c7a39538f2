"""Opening a database: the engine, its habits, and the schema brought up to date when it is behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, make_url, text

from reel_driver import config
from reel_driver.errors import ExtraMissing, StoreNotWritable, StoreTooNew, StoreUnreachable
from reel_driver.store.failures import translated
from reel_driver.store.tables import SCHEMA_VERSION

BUSY_SECONDS = 30
_POSTGRES = {
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""What libpq is told: texts are UTF-8 whatever the database calls them, and a server that has vanished is noticed in a minute."""
_MIGRATING = 7_335_010_001
"""Number of the lock under which one process at a time makes PostgreSQL's tables."""


class Connected:
    """An open database, and its transactions; the rooms of the store build on it.

    Attributes:
        where: the database's name, safe to print.
    """

    def __init__(self, engine: Engine, where: str, secret: str | None) -> None:
        self.where = where
        self._engine = engine
        self._secret = secret
        self._open = threading.local()

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """Open a database, making its folder and bringing its tables up to date when needed.

        Args:
            url: an SQLAlchemy URL, or None for the configured one.

        Raises:
            StoreError: in one of its kinds, when that cannot be.
            ExtraMissing: for PostgreSQL without its driver.
        """
        parsed = read_url(url if url is not None else config.database_url())
        where = shown(parsed)
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
            try:
                Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreNotWritable(where, error.strerror or str(error)) from None
        try:
            engine = _engine(parsed)
        except ModuleNotFoundError:
            raise ExtraMissing("postgres", "A PostgreSQL database") from None
        except exc.ArgumentError:
            raise StoreUnreachable(where, "the URL is not one of a database this software knows") from None
        store = cls(engine, where, str(parsed.password) if parsed.password else None)
        try:
            store._bring_up_to_date()
        except BaseException:
            engine.dispose()
            raise
        return store

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing: what is written inside is kept at the end, or not at all. Inner ones join the outer one."""
        current: Connection | None = getattr(self._open, "connection", None)
        if current is not None:
            yield current
            return
        with translated(self.where, self._secret), self._engine.connect() as connection:
            connection = connection.execution_options(reel_writes=True)
            with connection.begin():
                self._open.connection = connection
                try:
                    yield connection
                finally:
                    self._open.connection = None

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        current: Connection | None = getattr(self._open, "connection", None)
        if current is not None:
            yield current
            return
        with translated(self.where, self._secret), self._engine.connect() as connection:
            yield connection

    def _bring_up_to_date(self) -> None:
        version = self._version()
        if version is None or version < SCHEMA_VERSION:
            with self.transaction() as connection:
                from reel_driver.migrations import upgrade

                if not self._is_sqlite:
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
                upgrade(connection)
        elif version > SCHEMA_VERSION:
            raise StoreTooNew(self.where, version)

    def _version(self) -> str | None:
        with self._reading() as connection:
            try:
                found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            except (exc.OperationalError, exc.ProgrammingError):
                connection.rollback()
                if inspect(connection).has_table("alembic_version"):
                    raise
                return None
            return None if found is None else str(found)

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"


def read_url(url: str, said_by: str = "DATABASE_URL") -> URL:
    """A database URL of a kind that is known here, with its driver.

    Raises:
        StoreUnreachable: for anything else, in a sentence that names who said it.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (exc.ArgumentError, ValueError):
        raise StoreUnreachable(f"of {said_by}", "it is not a database URL") from None
    if backend not in ("sqlite", "postgresql"):
        raise StoreUnreachable(f"of kind {backend}", "only SQLite and PostgreSQL are known here")
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def shown(url: URL) -> str:
    """The database's name, safe to print."""
    if url.get_backend_name() == "sqlite":
        return str(url.database or ":memory:")
    return url.set(query={}).render_as_string(hide_password=True).replace("+psycopg", "")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=2, pool_pre_ping=True, connect_args=_POSTGRES)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    # The driver's own transactions begin too late for DDL and for a clean "all or nothing": begin them here.
    @event.listens_for(engine, "connect")
    def _habits(raw: Any, _record: object) -> None:
        raw.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=NORMAL",
            "temp_store=MEMORY",
            "cache_size=-65536",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("reel_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
