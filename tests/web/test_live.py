"""Models are swapped in the background, verified first; whatever goes wrong, what is served stays."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reel_driver.bundle import Bundle
from reel_driver.registry import Registry
from reel_driver.web.live import Live, Models


@pytest.fixture
def registry(tmp_path: Path, bundle: Bundle) -> Registry:
    """A registry with one version of a model."""
    registry = Registry(tmp_path / "models")
    registry.add("watch-me", bundle)
    return registry


def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_a_promoted_version_is_taken_up_and_a_rollback_too(registry: Registry, bundle: Bundle) -> None:
    live = Live(registry, "watch-me")
    assert live.refresh()
    assert live.served is not None
    assert not live.refresh()
    registry.add("watch-me", replace(bundle, threshold=0.9))
    assert live.refresh()
    assert (live.served.version, live.served.bundle.threshold) == ("v0002", 0.9)
    registry.promote("watch-me", "v0001")
    assert live.refresh()
    assert live.served.version == "v0001"


def test_a_request_under_way_keeps_the_bundle_that_it_began_with(registry: Registry, bundle: Bundle) -> None:
    live = Live(registry, "watch-me")
    live.refresh()
    begun = live.served
    registry.add("watch-me", replace(bundle, threshold=0.9))
    live.refresh()
    assert begun is not None
    assert begun.version == "v0001"
    assert begun.probabilities([{}, {}])


def test_a_damaged_version_is_not_served(registry: Registry, bundle: Bundle) -> None:
    live = Live(registry, "watch-me")
    live.refresh()
    registry.add("watch-me", bundle)
    damaged = registry.root / "watch-me" / "v0002" / "arrays.npz"
    damaged.write_bytes(damaged.read_bytes()[:-10])
    assert not live.refresh()
    assert live.served is not None
    assert live.served.version == "v0001"
    assert "damaged" in live.problem


def test_a_registry_that_vanishes_leaves_what_is_served(registry: Registry) -> None:
    live = Live(registry, "watch-me")
    live.refresh()
    shutil.rmtree(registry.root)
    assert not live.refresh()
    assert live.served is not None
    assert live.problem


def test_one_version_can_be_pinned(registry: Registry, bundle: Bundle) -> None:
    registry.add("watch-me", bundle)
    live = Live(registry, "watch-me", "v0001")
    live.refresh()
    assert live.served is not None
    assert live.served.version == "v0001"


def test_the_background_takes_up_what_is_promoted(registry: Registry, bundle: Bundle) -> None:
    models = Models(registry, "watch-me")
    models.start(0.05)
    try:
        registry.add("watch-me", bundle)
        assert until(lambda: models.watch.served is not None and models.watch.served.version == "v0002")
    finally:
        models.stop()


def test_a_remote_registry_that_is_down_or_hangs_holds_nobody_up(registry: Registry, bundle: Bundle) -> None:
    released = threading.Event()

    def hang(name: str) -> None:
        released.wait(10)
        raise ConnectionError("nobody there")

    models = Models(registry, "watch-me")
    started = time.monotonic()
    models.start(0.05, hang)
    try:
        assert time.monotonic() - started < 2
        assert models.watch.served is not None
        registry.add("watch-me", bundle)
        assert until(lambda: models.watch.served is not None and models.watch.served.version == "v0002")
        released.set()
        assert until(lambda: models.remote.startswith("out of reach"))
        assert "last local model is served" in models.remote
    finally:
        models.stop()
