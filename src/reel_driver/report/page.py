"""The page around every report: one file, no network, no scripts, light and dark."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from reel_driver import __version__
from reel_driver.errors import ExtraMissing
from reel_driver.report import words

if TYPE_CHECKING:
    import jinja2


@cache
def _environment() -> jinja2.Environment:
    try:
        import jinja2
    except ImportError as error:
        raise ExtraMissing("report", "Drawing a report") from error
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("reel_driver.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters |= {"percent": words.percent, "number": words.number, "comma": lambda n: f"{n:,}"}
    return made


def render(template: str, **values: Any) -> str:
    """Fill a template; everything but drawn pictures is escaped.

    Raises:
        ExtraMissing: when the template library is not installed.
    """
    return _environment().get_template(template).render(version=__version__, **values)


def picture(drawn: str) -> Any:
    """Mark a drawn SVG as safe to place in a page."""
    import markupsafe

    return markupsafe.Markup(drawn)
