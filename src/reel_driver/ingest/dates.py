"""Dates as files write them; which of "3/4/22" is the month is decided once for a whole column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

Order = Literal["day first", "month first"]

_MONTHS = {
    m: n
    for n, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1)
}
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_NUMBERS = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})(?: .*)?")
_MONTH_FIRST = re.compile(r"([a-z]{3,9})\.?[-/ ]+(\d{1,2})(?:st|nd|rd|th)?[-/, ]+(\d{4}|\d{2})", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.?[-/ ]+([a-z]{3,9})\.?[-/, ]+(\d{4}|\d{2})", re.IGNORECASE)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True, slots=True)
class Reading:
    """How the dates of a column are to be read.

    Attributes:
        order: what "3/4/2021" means in it.
        is_guess: no date of the column told; the order is the separator's usual one.
        has_short_years: years of two digits occur.
    """

    order: Order
    is_guess: bool
    has_short_years: bool

    def __call__(self, text: str) -> date:
        """The date that a text of this column means.

        Raises:
            ValueError: when it means none.
        """
        return _read(text.strip(), self.order)


def reading_of(texts: Iterable[str]) -> Reading:
    """Decide from the dates that leave no choice, such as 15/12/2021.

    >>> reading_of(["3/4/22", "15/12/21"]).order
    'day first'
    >>> reading_of(["3/4/22", "12/15/21"])("3/4/22")
    datetime.date(2022, 3, 4)
    """
    votes = {"day first": 0, "month first": 0}
    numeric = short = dotted = 0
    for text in texts:
        found = _NUMBERS.fullmatch(text.strip())
        if not found:
            continue
        numeric += 1
        short += len(found[3]) == 2
        dotted += "." in found[0][:3]
        a, b = int(found[1]), int(found[2])
        votes["day first"] += a > 12 >= b
        votes["month first"] += b > 12 >= a
    if votes["day first"] == votes["month first"]:
        order: Order = "day first" if dotted else "month first"
    else:
        order = "day first" if votes["day first"] > votes["month first"] else "month first"
    return Reading(order, is_guess=numeric > 0 and not any(votes.values()), has_short_years=short > 0)


def pivot() -> int:
    """Years of two digits up to this one are of this century: five years from now."""
    return (datetime.now(UTC).year + 5) % 100


def _read(text: str, order: Order) -> date:
    for pattern, parts in _PATTERNS:
        if found := pattern.fullmatch(text):
            year, month, day = parts(found)
            return date(_long(year), int(month) if month.isdigit() else _MONTHS[month[:3].lower()], int(day))
    if found := _NUMBERS.fullmatch(text):
        a, b = int(found[1]), int(found[2])
        # A number over 12 is a day, whatever the rest of the column does.
        day_first = b <= 12 if a > 12 else order == "day first" and b <= 12
        return date(_long(found[3]), b, a) if day_first else date(_long(found[3]), a, b)
    raise ValueError(text)


def _long(year: str) -> int:
    if len(year) == 4:
        return int(year)
    return int(year) + (2000 if int(year) <= pivot() else 1900)


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[str, str, str]]], ...] = (
    (_ISO, lambda m: (m[1], m[2], m[3])),
    (_COMPACT, lambda m: (m[1], m[2], m[3])),
    (_MONTH_FIRST, lambda m: (m[3], m[1], m[2])),
    (_DAY_FIRST, lambda m: (m[3], m[2], m[1])),
)
