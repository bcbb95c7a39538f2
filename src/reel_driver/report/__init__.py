"""Reports: plain findings in, one self-contained HTML page out. Nothing is computed here but sentences and pictures."""

from __future__ import annotations

from reel_driver.report.explored import explore_page
from reel_driver.report.model import model_page

__all__ = ["explore_page", "model_page"]
