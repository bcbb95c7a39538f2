"""A table out of a database by SQL, read only."""

from __future__ import annotations

import polars as pl

from reel_driver.errors import FileUnreadable, NothingToRead


def read_query(url: str, sql: str) -> pl.DataFrame:
    """The rows of a SELECT; the connection may not write.

    Raises:
        FileUnreadable: when the database refuses the query.
        NothingToRead: when it gives no rows.
    """
    from sqlalchemy import create_engine, exc, text

    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            is_sqlite = engine.dialect.name == "sqlite"
            connection.execute(text("PRAGMA query_only = ON" if is_sqlite else "SET TRANSACTION READ ONLY"))
            result = connection.execute(text(sql))
            if not result.returns_rows:
                raise FileUnreadable("The query", "it gives no table; ask with SELECT.")
            names = list(result.keys())
            rows = [tuple(row) for row in result]
    except exc.SQLAlchemyError as error:
        why = str(error.__cause__ or error).splitlines()[0][:200]
        raise FileUnreadable("The query", f"{why}.") from None
    finally:
        engine.dispose()
    if not rows:
        raise NothingToRead("The query")
    return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None, strict=False)
