"""The training table of a live `atp` PostgreSQL schema."""

from __future__ import annotations

import polars as pl

from reel_driver.errors import ColumnsMissing, ExtraMissing, NothingToRead, StoreUnreachable
from reel_driver.ingest.raw import Raw
from reel_driver.ingest.recognise import fields_of
from reel_driver.ingest.tidy import understood
from reel_driver.schema import Problem

SOURCE = "atp.training"


def read_atp(url: str) -> tuple[pl.DataFrame, list[Problem]]:
    """Read `atp.training`, whichever of its columns there are; nothing is written there.

    A label is a person's when it is human_labeled, reviewed or confirmed, and else an earlier model's own outcome.

    Args:
        url: an SQLAlchemy URL of the PostgreSQL database.

    Returns:
        As `read_table`.

    Raises:
        StoreUnreachable: no such server, or it went away halfway.
        ColumnsMissing: there is no such table, or it has no ids.
        NothingToRead: it is empty.
    """
    from sqlalchemy import create_engine, exc, make_url, text

    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        where = parsed.set(query={}).render_as_string(hide_password=True).replace("+psycopg", "")
        engine = create_engine(parsed, connect_args={"connect_timeout": 10})
    except ModuleNotFoundError:
        raise ExtraMissing("postgres", "Reading a PostgreSQL database") from None
    except (exc.ArgumentError, ValueError):
        raise StoreUnreachable("of that URL", "it is not the URL of a PostgreSQL database") from None
    look = text(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'atp' AND table_name = 'training' ORDER BY ordinal_position"
    )
    try:
        with engine.connect() as connection:
            connection.execution_options(postgresql_readonly=True)
            found = {row.column_name: row.data_type for row in connection.execute(look)}
            wanted = list(fields_of(list(found)).values())
            if "imdb_id" not in wanted:
                raise ColumnsMissing(f"{SOURCE} of {where}", ["imdb_id"], list(found))
            shown = ", ".join(_as_text(name, found[name]) for name in wanted)
            order = '"imdb_id"'
            rows = connection.execute(text(f"SELECT {shown} FROM atp.training ORDER BY {order}")).all()
    except exc.DBAPIError as error:
        why = (str(error.orig).strip().splitlines() or [""])[0]
        if parsed.password:
            why = why.replace(str(parsed.password), "***")
        raise StoreUnreachable(where, why) from None
    finally:
        engine.dispose()
    if not rows:
        raise NothingToRead(f"{SOURCE} of {where}")
    columns = zip(wanted, zip(*rows, strict=True), strict=True)
    frame = pl.DataFrame([pl.Series(name, list(values), dtype=pl.String) for name, values in columns])
    return understood(Raw(SOURCE, frame, pl.Series("line", range(1, len(frame) + 1), dtype=pl.Int64)))


def _as_text(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return f"to_json({quoted})::text" if kind == "ARRAY" else f"{quoted}::text"
