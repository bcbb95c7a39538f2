"""A table understood: its columns recognised, each value read, rejected with a reason, or left out with one.

A row is rejected where it would be a wrong title or a wrong label; any other value that cannot be read is left out and the
title kept, reported once a column.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.domain import FIELD, TITLE_FIELDS, VERDICTS, ZERO_IS_UNKNOWN, Field
from reel_driver.errors import ColumnsMissing
from reel_driver.ingest import dates, values
from reel_driver.ingest.raw import Raw
from reel_driver.ingest.recognise import fields_of, says_show
from reel_driver.schema import TITLE_SCHEMA, Problem, conform


def understood(
    raw: Raw, *, needs_labels: bool = False, name: object = None, fields: frozenset[str] | None = None
) -> tuple[pl.DataFrame, list[Problem]]:
    """Turn a raw table into titles, and labels where it has them; see `read_table` for what comes back.

    Raises:
        ColumnsMissing: no column names a title, or there is no label column where one is needed.
    """
    columns = fields_of(raw.frame.columns)
    source = raw.source if name is None else name
    if not columns.keys() & {"title", "imdb_id", "tmdb_id"}:
        raise ColumnsMissing(source, ["title or imdb_id or tmdb_id"], raw.frame.columns)
    if needs_labels and "verdict" not in columns:
        raise ColumnsMissing(source, ["label (or verdict, or would_watch)"], raw.frame.columns)
    table = _Tidying(raw, columns)
    wanted = [field for field in TITLE_FIELDS if fields is None or field.name in fields]
    read = {field.name: table.field(field) for field in wanted if field.name in columns}
    schema = pl.Schema({field.name: TITLE_SCHEMA[field.name] for field in wanted})
    frame = conform(pl.DataFrame(read), schema).with_columns(raw.lines.alias("line"))
    frame = _derived(frame, table.years_of_dates, is_show=says_show(raw.frame.columns))
    if "verdict" in columns and fields is None:
        frame = frame.with_columns(table.labels())
    nameless = frame.select(pl.all_horizontal(pl.col("title", "imdb_id", "tmdb_id").is_null())).to_series()
    table.reject(nameless, "title", None, "it has neither a title nor an id; give one of them.")
    return frame if table.kept.all() else frame.filter(table.kept), table.problems()


class _Tidying:
    """One table on its way; gathers what is wrong."""

    def __init__(self, raw: Raw, columns: dict[str, str]) -> None:
        self._raw = raw
        self._columns = columns
        self._rejections = list(raw.problems)
        self._notes: list[Problem] = []
        self.kept = pl.repeat(True, len(raw.frame), dtype=pl.Boolean, eager=True)
        self.years_of_dates: pl.Series | None = None

    @cached_property
    def _has_id(self) -> pl.Series:
        ids = [self._texts(c).is_not_null() for f, c in self._columns.items() if f in ("imdb_id", "tmdb_id")]
        if not ids:
            return pl.repeat(False, len(self._raw.frame), dtype=pl.Boolean, eager=True)
        return pl.DataFrame(ids).select(pl.any_horizontal(pl.all())).to_series()

    def problems(self) -> list[Problem]:
        """All of it: rejected rows in the order of the file, then what was left out."""
        return sorted(self._rejections, key=lambda p: p.line or 0) + self._notes

    def reject(self, bad: pl.Series, field: str, column: pl.Series | None, advice: str) -> None:
        """Reject the rows where `bad` holds, once each."""
        at = (bad & self.kept).arg_true()
        column_name = self._columns.get(field, field)
        for row in at.to_list():
            value = "" if column is None else str(column[row])
            self._rejections.append(Problem(self._raw.source, self._raw.lines[row], column_name, value, advice))
        self.kept = self.kept & ~bad

    def note(self, bad: pl.Series, field: str, column: pl.Series, advice: str) -> None:
        """Say once for the column that some of its values were left out."""
        at = (bad & self.kept).arg_true()
        if len(at):
            count = f"in {len(at)} rows " if len(at) > 1 else ""
            line, value = self._raw.lines[at[0]], str(column[at[0]])
            self._notes.append(
                Problem(
                    self._raw.source,
                    line,
                    self._columns[field],
                    value,
                    f"left out {count}and the title kept: {advice}",
                    False,
                )
            )

    def field(self, field: Field) -> pl.Series:
        """One field of the title, read."""
        column = self._raw.frame[self._columns[field.name]]
        if field.type in ("int", "float"):
            return self._number(field, column)
        if field.type == "date":
            return self._date(field, column)
        if field.type == "list":
            return self._list(field, column)
        return self._text(field, column)

    def labels(self) -> list[pl.Series]:
        """The label columns: verdict, decided_by, is_reviewed, is_anomalous, labelled_at, and profile where there is one."""
        texts = self._texts(self._columns["verdict"])
        verdict = _translate(texts, values.verdict, pl.String())
        bad = texts.is_not_null() & verdict.is_null()
        self.reject(bad, "verdict", texts, f"say {', '.join(VERDICTS)} (or 0, 1, 2, yes, no).")
        reviewed, anomalous = self._flag("is_reviewed"), self._flag("is_anomalous")
        if "decided_by" in self._columns:
            decided = self._texts(self._columns["decided_by"]).fill_null("person")
        elif self._columns.keys() & {"human_labeled", "is_reviewed"}:
            by_person = (
                pl.DataFrame([self._flag("human_labeled"), reviewed]).select(pl.any_horizontal(pl.all())).to_series()
            )
            decided = by_person.replace_strict({True: "person", False: "model"}, return_dtype=pl.String)
        else:
            decided = pl.repeat("person", len(texts), dtype=pl.String, eager=True)
        found = [
            verdict.alias("verdict"),
            decided.alias("decided_by"),
            reviewed,
            anomalous,
            self._labelled_at(),
        ]
        return [*found, self._texts(self._columns["profile"]).alias("profile")] if "profile" in self._columns else found

    def _flag(self, name: str) -> pl.Series:
        if name not in self._columns:
            return pl.repeat(False, len(self._raw.frame), dtype=pl.Boolean, eager=True).alias(name)
        return _translate(self._texts(self._columns[name]), values.flag, pl.Boolean()).fill_null(False).alias(name)

    def _labelled_at(self) -> pl.Series:
        wanted = pl.Datetime("us", "UTC")
        if "labelled_at" not in self._columns:
            return pl.repeat(None, len(self._raw.frame), dtype=wanted, eager=True).alias("labelled_at")
        column = self._raw.frame[self._columns["labelled_at"]]
        if isinstance(column.dtype, pl.Datetime):
            zoned = column if column.dtype.time_zone else column.dt.replace_time_zone("UTC")
            return zoned.cast(wanted).alias("labelled_at")
        return _translate(_as_text(column), _moment, wanted).alias("labelled_at")

    def _texts(self, column: str) -> pl.Series:
        return _known(_as_text(self._raw.frame[column]))

    def _text(self, field: Field, column: pl.Series) -> pl.Series:
        readers: dict[str, Callable[[str], str | None]] = {
            "kind": values.kind,
            "original_language": values.language,
        }
        if field.name in ("imdb_id", *readers):
            texts = _as_text(column)
            if field.name == "imdb_id":
                texts = _known(texts)
                read = _ids(texts)
            else:  # few different ones
                reader = readers[field.name]
                read = _translate(texts, lambda text: None if values.says_nothing(text) else reader(text), pl.String())
            if read.null_count() == texts.null_count():
                return read
            texts = _known(texts)
            unread = texts.is_not_null() & read.is_null()
            if field.name == "kind":
                unread &= texts.str.to_lowercase() != "unknown"
                self.reject(unread, "kind", texts, "only movies and shows are kept; say movie or show.")
            elif field.name == "imdb_id":
                self.reject(unread, "imdb_id", texts, "an IMDb id is tt and 7 or 8 digits.")
            else:
                self.note(unread, field.name, texts, f"it has to be {field.help}.")
            return read
        texts = _as_text(column)
        if texts.str.contains("[\0\r\v]").any():
            texts = texts.str.replace_all("\0", "", literal=True).str.replace_all(r"\r\n?|\v", "\n")
        texts = texts.str.strip_chars()
        if (texts.str.len_bytes() <= len("\\N")).any():
            texts = texts.to_frame().select(pl.when(~pl.first().is_in(["", "\\N"])).then(pl.first()))[column.name]
        if field.max_length is not None and (texts.str.len_bytes() > field.max_length).any():
            long = (texts.str.len_chars() > field.max_length).fill_null(False)
            if long.any():
                if field.name in ("title", "original_title", "tagline"):
                    return texts.str.slice(0, field.max_length)
                self.note(long, field.name, texts, f"it has at most {field.max_length} characters.")
                return texts.to_frame().select(pl.when(~long).then(pl.first()))[column.name]
        return texts

    def _number(self, field: Field, column: pl.Series) -> pl.Series:
        if field.type == "int" and column.dtype.is_integer() and _is_within(field, column):
            return column.cast(pl.Int64)
        numbers, unread = self._numbers(field, column)
        if field.name == "imdb_rating" and ((numbers.max() or 0) > 10):  # type: ignore[operator]
            numbers = (numbers / 10).round(3)
        low = field.minimum if field.minimum is not None else float("-inf")
        high = field.maximum if field.maximum is not None else float("inf")
        bad = (unread | (numbers < low) | (numbers > high)).fill_null(False)
        if field.name in ZERO_IS_UNKNOWN or field.name == "tmdb_rating":
            numbers = self._zeros_out(field, numbers)
        if bad.any():
            texts = self._texts(column.name) if not column.dtype.is_numeric() else column.cast(pl.String)
            limits = (
                f"between {field.minimum:.15g} and {field.maximum:.15g}" if field.maximum is not None else "0 or more"
            )
            advice = f"it has to be a number {limits}: {field.help}."
            if field.name in ("release_year", "season", "episode"):
                self.reject(bad & ~self._has_id, field.name, texts, advice)
            self.note(bad, field.name, texts, advice)
            numbers = numbers.to_frame().select(pl.when(~bad).then(pl.first()))[column.name]
        return numbers.round(0).cast(pl.Int64) if field.type == "int" else numbers

    def _numbers(self, field: Field, column: pl.Series) -> tuple[pl.Series, pl.Series]:
        """The column as numbers, and where something stands that is none."""
        if column.dtype.is_numeric():
            return column.cast(pl.Float64).fill_nan(None), pl.repeat(False, len(column), dtype=pl.Boolean, eager=True)
        texts = self._texts(column.name)
        numbers = texts.cast(pl.Float64, strict=False).fill_nan(None)
        if (numbers.is_null() & texts.is_not_null()).any():
            reader = values.year if field.name == "release_year" else values.number
            careful = _translate(texts, reader, pl.Float64())
            numbers = numbers.to_frame().select(pl.coalesce(pl.first(), careful))[column.name]
        return numbers, texts.is_not_null() & numbers.is_null() & (texts != "NaN")

    def _zeros_out(self, field: Field, numbers: pl.Series) -> pl.Series:
        is_zero = numbers == 0
        if not is_zero.any():
            return numbers
        if field.name == "tmdb_rating" and "tmdb_votes" in self._columns:
            votes = self._texts(self._columns["tmdb_votes"]).cast(pl.Float64, strict=False).fill_null(0)
            is_zero = is_zero & (votes == 0)
        return numbers.to_frame().select(pl.when(~is_zero.fill_null(False)).then(pl.first()))[numbers.name]

    def _date(self, field: Field, column: pl.Series) -> pl.Series:
        if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
            return self._within_bounds(field, column, column.cast(pl.Date))
        texts = self._texts(column.name)
        reading = dates.reading_of(texts.drop_nulls().unique().to_list())
        read = _translate(texts, reading, pl.Date())
        if reading.is_guess:
            self._remark(
                field.name,
                texts,
                f"days and months cannot be told apart in this column; read as {reading.order}",
            )
        if reading.has_short_years:
            self._remark(
                field.name,
                texts,
                f"years of two digits up to {dates.pivot():02} are read as 20.., others as 19..",
            )
        years = texts.str.extract(r"^(\d{4})(?:-\d{2})?$", 1).cast(pl.Int64)
        self.note(
            texts.is_not_null() & read.is_null() & years.is_null(),
            field.name,
            texts,
            "write it as 2021-12-15.",
        )
        return self._within_bounds(field, texts, read, years)

    def _within_bounds(
        self, field: Field, column: pl.Series, read: pl.Series, years: pl.Series | None = None
    ) -> pl.Series:
        """Dates of the years that a release may have; the others are left out. Years alone are kept for `_derived`."""
        told = read.dt.year().cast(pl.Int64)
        if years is not None:
            told = pl.select(pl.coalesce(told, years)).to_series()
        bounds = FIELD["release_year"]
        outside = (~told.is_between(bounds.minimum, bounds.maximum)).fill_null(False)
        if outside.any():
            advice = f"its year has to be {bounds.minimum} to {bounds.maximum}."
            self.note(outside, field.name, _as_text(column), advice)
        kept = pl.DataFrame([read.alias("read"), told.alias("told")]).select(pl.when(~outside).then(pl.all()))
        self.years_of_dates = kept["told"]
        return kept["read"].alias(read.name)

    def _remark(self, field: str, texts: pl.Series, what: str) -> None:
        at = texts.is_not_null().arg_true()[0]
        line, value = self._raw.lines[at], str(texts[at])
        self._notes.append(Problem(self._raw.source, line, self._columns[field], value, f"{what}.", False))

    def _list(self, field: Field, column: pl.Series) -> pl.Series:
        element = values.ELEMENTS.get(field.name, str.strip)
        limit = field.max_length or 10_000
        if column.dtype != pl.List(pl.String):
            return self._read_lists(field, element, limit, column, np.arange(len(column)))
        rough = _rough(column, lambda item: element(item.strip())[:limit])
        tidy = column.to_frame().select(pl.when(column.list.len() > 0).then(pl.first())).to_series()
        if not rough.any():
            return tidy
        read = self._read_lists(field, element, limit, column.filter(rough), np.flatnonzero(rough.to_numpy()))
        at = pl.select(pl.when(rough).then(rough.cum_sum().cast(pl.Int64) - 1)).to_series()
        return tidy.to_frame().select(pl.when(rough).then(read.gather(at)).otherwise(pl.first())).to_series()

    def _read_lists(
        self, field: Field, element: Callable[[str], str], limit: int, column: pl.Series, rows: NDArray[np.int64]
    ) -> pl.Series:
        """Lists of some rows, read as text."""
        texts = _known(_as_text(column))
        dropped: set[str] = set()

        def read(text: str) -> list[str] | None:
            found: dict[str, None] = {}
            for item in values.items(text):
                try:
                    found[element(item)[:limit]] = None
                except ValueError:
                    dropped.add(text)
            return [item for item in found if item] or None

        lists = _translate(texts, read, pl.List(pl.String()))
        if dropped:
            is_bad, shown = np.zeros(len(self.kept), dtype=bool), np.full(len(self.kept), None, dtype=object)
            is_bad[rows] = texts.is_in(list(dropped)).fill_null(False).to_numpy()
            shown[rows] = texts.to_numpy()
            self.note(pl.Series(is_bad), field.name, pl.Series(shown), f"elements that are not {field.help}.")
        return lists


def _derived(frame: pl.DataFrame, years_of_dates: pl.Series | None, *, is_show: bool) -> pl.DataFrame:
    """Years from dates, and shows told by their seasons or by what only tables of shows have."""
    a_show = pl.lit(is_show) | pl.col("season").is_not_null() | pl.col("episode").is_not_null()
    return frame.with_columns(
        pl.col("release_year") if years_of_dates is None else pl.coalesce("release_year", years_of_dates),
        pl.coalesce("kind", pl.when(a_show).then(pl.lit("show"))),
    )


def _is_within(field: Field, numbers: pl.Series) -> bool:
    """Whether whole numbers need no care: all within the field's bounds, and no 0 that may stand for unknown."""
    least, most = numbers.min(), numbers.max()
    if least is None or most is None:
        return True
    low = field.minimum if field.minimum is not None else float("-inf")
    high = field.maximum if field.maximum is not None else float("inf")
    return bool(low <= least <= most <= high and (least > 0 or field.name not in ZERO_IS_UNKNOWN))  # type: ignore[operator]


def _rough(lists: pl.Series, read: Callable[[str], str]) -> pl.Series:
    """Lists that have to be read: with an element that is empty, unknown, there twice, or not written as it is read."""
    n_items = lists.list.len().fill_null(0)
    items = lists.list.explode(keep_nulls=False, empty_as_null=False)
    rough = ((lists.list.n_unique() < n_items) & (n_items > 1)).fill_null(False)
    unread = [item for item in items.unique().to_list() if not _is_read_as_it_is(item, read)]
    if not unread:
        return rough
    rows = np.repeat(np.arange(len(lists)), n_items.to_numpy())
    touched = np.zeros(len(lists), dtype=bool)
    touched[rows[items.is_in(unread, nulls_equal=True).to_numpy()]] = True
    return rough | pl.Series(touched)


def _is_read_as_it_is(item: str | None, read: Callable[[str], str]) -> bool:
    try:
        return bool(item) and read(str(item)) == item
    except ValueError:
        return False


def _known(texts: pl.Series) -> pl.Series:
    """The texts without white space around them, null where they stand for unknown."""
    texts = texts.str.strip_chars()
    if not (texts.str.len_bytes() <= _LONGEST_NOTHING).any():
        return texts
    is_nothing = texts.str.to_lowercase().is_in(list(values.NOTHING))
    return texts.to_frame().select(pl.when(~is_nothing).then(pl.first())).to_series()


_LONGEST_NOTHING = max(len(nothing) for nothing in values.NOTHING)


def _ids(texts: pl.Series) -> pl.Series:
    """IMDb ids, which are all different: those that are as they should be are not read one by one."""
    is_right = texts.str.contains(r"^tt[0-9]{7,8}$")
    if is_right.all():
        return texts
    rest = texts.to_frame().select(pl.when(~is_right).then(pl.first())).to_series()
    read = _translate(rest, values.imdb_id, pl.String())
    return read.to_frame().select(pl.when(is_right).then(texts).otherwise(pl.first())).to_series()


def _translate(texts: pl.Series, read: Callable[[str], Any], dtype: pl.DataType) -> pl.Series:
    """Each different text read once; null where it cannot be read."""
    different = texts.drop_nulls().unique().to_list()
    results = []
    for text in different:
        try:
            results.append(read(text))
        except (ValueError, OverflowError):
            results.append(None)
    if results == different and dtype == texts.dtype:
        return texts
    table = pl.DataFrame([pl.Series("text", different, dtype=pl.String), pl.Series("read", results, dtype=dtype)])
    joined = pl.DataFrame({"text": texts}).join(table, on="text", how="left", maintain_order="left")
    return joined["read"].alias(texts.name)


def _as_text(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.List | pl.Array):
        as_json = (
            column.alias("v").cast(pl.List(pl.String)).to_frame().select(pl.struct("v").struct.json_encode().alias("v"))
        )
        return as_json["v"].str.slice(5).str.head(-1).alias(column.name)
    if column.dtype == pl.Boolean:
        return column.replace_strict({True: "true", False: "false"}, return_dtype=pl.String)
    return column.cast(pl.String)


def _moment(text: str) -> Any:
    from datetime import UTC, datetime

    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
