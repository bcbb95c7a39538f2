"""Versions that never change, a champion, and the one before it."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from reel_driver.bundle import Bundle
from reel_driver.errors import BundleCorrupt, BundleMissing, DiskError, NotFound
from reel_driver.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_an_empty_registry_says_that_nothing_was_trained_yet(registry: Registry) -> None:
    assert registry.versions("watch-me") == []
    assert registry.aliases("watch-me") == {}
    assert registry.about("watch-me") == {}
    with pytest.raises(BundleMissing, match="run `reel train` first"):
        registry.load("watch-me")
    assert not registry.root.exists(), "looking makes nothing"


def test_the_bundle_added_last_is_the_champion_and_the_one_before_it_previous(
    registry: Registry, bundle: Bundle
) -> None:
    assert registry.add("watch-me", bundle).version == "v0001"
    assert registry.aliases("watch-me") == {"champion": "v0001"}
    second = registry.add("watch-me", replace(bundle, threshold=0.7))
    assert second.version == "v0002"
    assert registry.versions("watch-me") == ["v0001", "v0002"]
    assert registry.aliases("watch-me") == {"champion": "v0002", "previous": "v0001"}
    assert registry.load("watch-me").threshold == 0.7
    assert registry.load("watch-me", "previous").threshold == bundle.threshold
    assert registry.load("watch-me", "v0001").version == "v0001"


def test_one_can_go_back_and_forth(registry: Registry, bundle: Bundle) -> None:
    registry.add("watch-me", bundle)
    registry.add("watch-me", bundle)
    registry.promote("watch-me", "v0001")
    assert registry.aliases("watch-me") == {"champion": "v0001", "previous": "v0002"}
    registry.promote("watch-me", "v0001")
    assert registry.aliases("watch-me") == {"champion": "v0001", "previous": "v0002"}, (
        "promoting it again changes nothing"
    )


def test_a_version_nobody_has_heard_of_cannot_be_promoted_or_loaded(registry: Registry, bundle: Bundle) -> None:
    registry.add("watch-me", bundle)
    with pytest.raises(NotFound, match="v0001"):
        registry.promote("watch-me", "v0042")
    with pytest.raises(BundleMissing):
        registry.load("watch-me", "v0042")
    assert registry.aliases("watch-me") == {"champion": "v0001"}


def test_profiles_do_not_see_each_others_bundles(registry: Registry, bundle: Bundle) -> None:
    registry.add("watch-me", bundle)
    with pytest.raises(BundleMissing):
        registry.load("watch-you")


def test_a_damaged_champion_is_refused_and_the_next_training_gets_a_number_of_its_own(
    registry: Registry, bundle: Bundle
) -> None:
    registry.add("watch-me", bundle)
    (registry.folder("watch-me") / "arrays.npz").write_bytes(b"")
    with pytest.raises(BundleCorrupt):
        registry.load("watch-me")
    assert registry.add("watch-me", bundle).version == "v0002"
    registry.load("watch-me")


def test_a_damaged_manifest_does_not_make_its_number_free_again(registry: Registry, bundle: Bundle) -> None:
    registry.add("watch-me", bundle)
    (registry.root / "watch-me" / "v0001" / "manifest.json").unlink()
    assert registry.about("watch-me") == {}
    assert registry.add("watch-me", bundle).version == "v0002"
    assert registry.load("watch-me").version == "v0002"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'{"champion": "v0099"}', b"\xff\xfe"])
def test_a_damaged_alias_file_takes_no_version_with_it(registry: Registry, bundle: Bundle, content: bytes) -> None:
    registry.add("watch-me", bundle)
    (registry.root / "watch-me" / "aliases.json").write_bytes(content)
    assert registry.load("watch-me").version == "v0001"
    assert registry.add("watch-me", bundle).version == "v0002"
    assert registry.aliases("watch-me")["champion"] == "v0002"


def test_what_a_killed_save_left_behind_is_no_version(registry: Registry, bundle: Bundle) -> None:
    registry.add("watch-me", bundle)
    left = registry.root / "watch-me" / ".v0002.abc123"
    left.mkdir()
    (left / "manifest.json").write_text("{}")
    (registry.root / "watch-me" / "v0002").mkdir()
    assert registry.versions("watch-me") == ["v0001"]
    assert registry.add("watch-me", bundle).version in ("v0002", "v0003")
    registry.load("watch-me")


def test_a_disk_that_fills_up_while_promoting_leaves_the_champion(
    registry: Registry, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add("watch-me", bundle)
    calls = 0
    real = os.fsync

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:  # three files of the bundle, then the aliases
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError):
        registry.add("watch-me", bundle)
    monkeypatch.undo()
    assert registry.load("watch-me").version == "v0001"
    assert sorted(p.name for p in (registry.root / "watch-me").iterdir()) == ["aliases.json", "v0001", "v0002"]


def test_facts_of_a_version_are_read_without_its_arrays(registry: Registry, bundle: Bundle) -> None:
    registry.add("watch-me", bundle)
    (registry.folder("watch-me") / "arrays.npz").unlink()
    assert registry.about("watch-me")["profile"] == "starter"
