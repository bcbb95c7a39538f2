"""Driver errors turned into the sentences of `errors.py`, without a password in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from reel_driver.errors import StoreError, StoreNotWritable, StoreUnreachable

_SQLITE_NOT_WRITABLE = ("readonly", "read-only", "disk is full", "disk i/o error", "unable to open")
_SQLITE_DAMAGED = ("malformed", "not a database", "corrupt")
_POSTGRES_NOT_WRITABLE = {
    "25006": "it is read-only",
    "53100": "its disk is full",
    "42501": "this user may not write there",
}


class StoreDamaged(StoreError):
    """A database file that is not one, or that is broken."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"The database {where} is damaged or is not a database ({why}): put the file aside and bring back a backup "
            "with `reel restore`."
        )


@contextmanager
def translated(where: str, secret: str | None = None) -> Iterator[None]:
    """Raise one of our errors in place of what a driver raises.

    Args:
        where: how to call the database, safe to print.
        secret: a password to blot out, should a driver ever quote it.

    Raises:
        StoreUnreachable, StoreNotWritable, StoreDamaged: by cause.
    """
    try:
        yield
    except (exc.ProgrammingError, exc.IntegrityError):
        raise  # a fault of ours, not of the database
    except exc.DBAPIError as error:
        raise _said(where, error.orig or error, secret) from None
    except exc.SQLAlchemyError as error:
        raise StoreUnreachable(where, _first_line(error, secret)) from None
    except sqlite3.Error as error:
        raise _said(where, error, secret) from None
    except Exception as error:
        if type(error).__module__.startswith("psycopg"):
            raise _said(where, error, secret) from None
        raise


def _said(where: str, error: BaseException, secret: str | None) -> StoreError:
    why = _first_line(error, secret)
    state = getattr(error, "sqlstate", None)
    if state in _POSTGRES_NOT_WRITABLE:
        return StoreNotWritable(where, _POSTGRES_NOT_WRITABLE[state])
    if isinstance(error, sqlite3.Error):
        low = why.lower()
        if any(word in low for word in _SQLITE_DAMAGED):
            return StoreDamaged(where, why)
        if any(word in low for word in _SQLITE_NOT_WRITABLE):
            return StoreNotWritable(where, why)
        if "locked" in low:
            why = "another run is writing to it"
    return StoreUnreachable(where, why)


def _first_line(error: BaseException, secret: str | None) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = lines[0].strip().rstrip(".:")
    return text.replace(secret, "***") if secret else text
