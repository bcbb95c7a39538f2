"""The pages: self-contained, small, with words for every picture; opened in a real browser where there is one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from conftest import missing
from reel_driver.examine import examine
from reel_driver.explore import explore
from reel_driver.ingest.plain import read_plain
from reel_driver.report import explore_page, model_page
from reel_driver.tasks import watch_pipeline
from reel_driver.train import TrainConfig, fit_bundle, levels_of

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

TABLES = ("reel-driver/training.parquet", "tmdb-9000.csv", "tv/netflix_titles.csv", "critics/vega_movies.json")
LIMIT = 3_000_000


def films(n: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    votes = rng.integers(1, 90_000, n)
    return pl.DataFrame(
        {
            "title_id": np.arange(n),
            "imdb_id": [f"tt{i:07d}" for i in range(n)],
            "kind": ["movie"] * n,
            "title": [f"Film {i} <b>&amp; \"quotes\"</b>" for i in range(n)],
            "release_year": rng.integers(1960, 2024, n),
            "genre": [[g] for g in rng.choice(["Drama", "<script>alert(1)</script>", "Comedy"], n)],
            "original_language": rng.choice(["en", "fr"], n),
            "tmdb_votes": votes,
            "verdict": np.where((votes > 60_000) ^ (rng.random(n) < 0.1), "would_watch", "would_not_watch"),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def model_html() -> str:
    pipeline = watch_pipeline("logistic")
    bundle, judged = fit_bundle("watch", pipeline, films(), TrainConfig(search=False))
    levels = levels_of(films()["verdict"])
    return model_page(examine(bundle, judged, pipeline, films(), levels, np.random.default_rng(0), profile="ann"))


@pytest.fixture(scope="module")
def explore_html() -> str:
    return explore_page(explore(films(), "films <of mine>.csv"))


def check_still(page: str) -> None:
    """What can be said of a page without a browser."""
    assert len(page.encode()) < LIMIT
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#|data:,)', page)
    assert not re.search(r"url\((?!#)", page)
    assert "http" not in re.sub(r"<(td|li|b|dd|span|title|svg)[^>]*>[^<]*", "", page)
    pictures = re.findall(r"<svg [^>]*>", page)
    assert pictures
    for picture in pictures:
        said = re.search(r'aria-label="([^"]+)"', picture)
        assert said
        assert len(said[1]) > 20


def test_pages_are_one_small_file_with_words_for_every_picture(explore_html: str, model_html: str) -> None:
    check_still(explore_html)
    check_still(model_html)


def test_names_in_the_data_are_text_and_never_markup(explore_html: str, model_html: str) -> None:
    for page in (explore_html, model_html):
        assert "<script>alert" not in page
        assert "<b>&amp; " not in page
    assert "films &lt;of mine&gt;.csv" in explore_html


def test_the_numbers_of_the_page_are_those_of_the_json(explore_html: str) -> None:
    found = explore(films(), "films").plain()
    for column in found["columns"]:
        assert f"{column['n_distinct']:,}</td>" in explore_html


def test_the_real_tables_make_small_pages(shared_data: Path) -> None:
    for name in TABLES:
        frame, problems = read_plain(shared_data / name)
        check_still(explore_page(explore(frame, Path(name).name, problems=problems)))


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        missing("chromium", "there is no Chromium with its driver (apt install chromium chromium-driver)")
    selenium = pytest.importorskip("selenium.webdriver")
    options = selenium.ChromeOptions()
    options.binary_location = str(binary)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = selenium.Chrome(options=options, service=selenium.ChromeService(str(driver)))
    yield opened
    opened.quit()


LOOK = """
const wide = document.documentElement.clientWidth;
const inScroll = e => e.closest('.scroll') !== null;
return {
  width: document.documentElement.scrollWidth,
  beyond: [...document.querySelectorAll('main *, header *')]
    .filter(e => !inScroll(e) && e.getBoundingClientRect().width > 0 && e.getBoundingClientRect().right > wide + 1)
    .map(e => e.tagName + ' ' + (e.textContent || '').slice(0, 40)),
  silent: [...document.querySelectorAll('svg, img')]
    .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('alt')) || (e.tagName === 'svg' && e.getAttribute('role') !== 'img')).length,
  tiny: [...document.querySelectorAll('p, li, td, th, dd, h1, h2, h3, h4, code, figcaption')]
    .filter(e => e.offsetParent && parseFloat(getComputedStyle(e).fontSize) < 12).length,
  tinyInPictures: [...document.querySelectorAll('svg text')]
    .map(e => e.getBoundingClientRect().height).filter(h => h > 0 && h < 9).length,
  ink: getComputedStyle(document.body).color,
  paper: getComputedStyle(document.body).backgroundColor,
};
"""


def look(browser: Chrome, path: Path, width: int, theme: str) -> dict[str, Any]:
    """Open a page as wide and as dark as asked; say what is on it, what the console said and what was asked of a network."""
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    )
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("performance"), browser.get_log("browser")
    browser.get(path.as_uri())
    seen: dict[str, Any] = browser.execute_script(LOOK)
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"]
    seen["asked"] = [u for u in urls if not u.startswith(("file:", "data:"))]
    seen["files"] = [u for u in urls if u.startswith("file:")]
    seen["console"] = [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    return seen


def brightness(colour: str) -> float:
    """Relative luminance from 0 to 1 of an rgb() colour (WCAG 2)."""
    parts = [int(p) / 255 for p in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_pages_without_errors_or_requests(
    browser: Chrome, tmp_path: Path, explore_html: str, model_html: str, width: int, theme: str
) -> None:
    for name, page in (("explore", explore_html), ("model", model_html)):
        path = tmp_path / f"{name}.html"
        path.write_text(page)
        seen = look(browser, path, width, theme)
        assert seen["console"] == []
        assert seen["asked"] == []
        assert len(seen["files"]) == 1
        assert seen["silent"] == 0
        assert seen["width"] <= width
        assert seen["beyond"] == []
        assert seen["tiny"] == 0
        assert seen["tinyInPictures"] == 0
        ink, paper = brightness(seen["ink"]), brightness(seen["paper"])
        assert (ink < paper) == (theme == "light")
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7


def test_a_browser_shows_the_real_tables_on_a_telephone(browser: Chrome, tmp_path: Path, shared_data: Path) -> None:
    for name in TABLES:
        frame, problems = read_plain(shared_data / name)
        path = tmp_path / "page.html"
        path.write_text(explore_page(explore(frame, Path(name).name, problems=problems)))
        seen = look(browser, path, 390, "light")
        assert (seen["console"], seen["asked"], seen["silent"], seen["beyond"]) == ([], [], 0, []), name
        assert seen["width"] <= 390
        assert seen["tinyInPictures"] == 0, name
