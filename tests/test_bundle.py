"""A bundle is whole or refused in one sentence, and nothing in it can run code."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from reel_driver import starter
from reel_driver.bundle import FORMAT, N_GOLDEN, Bundle, load, save
from reel_driver.errors import BundleCorrupt, BundleError, BundleMissing, BundleTooNew, DiskError
from reel_driver.schema import SCORE_SCHEMA

FILES = ("manifest.json", "arrays.npz", "golden.json")


@pytest.fixture(scope="module")
def saved_once(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "v0001"
    save(bundle, folder)
    return folder


@pytest.fixture
def folder(saved_once: Path, tmp_path: Path) -> Path:
    """A saved bundle to do as one likes with."""
    return Path(shutil.copytree(saved_once, tmp_path / "v0001"))


def rewrite(folder: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change a JSON file of a bundle and make the manifest's hashes right again, as a forger would."""
    value = json.loads((folder / name).read_text("utf-8"))
    change(value)
    (folder / name).write_text(json.dumps(value), "utf-8")
    if name != "manifest.json":
        forge_hash(folder, name)


def forge_hash(folder: Path, name: str) -> None:
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    rewrite(folder, "manifest.json", lambda m: m["files"].__setitem__(name, digest))


def test_what_was_saved_is_loaded_and_scores_the_same_to_the_last_bit(bundle: Bundle, folder: Path) -> None:
    loaded = load(folder)
    films = starter.catalogue()
    assert loaded.score_frame(films).equals(bundle.score_frame(films))
    assert loaded.spec == bundle.spec
    assert loaded.threshold == bundle.threshold
    assert loaded.task == "watch"
    assert loaded.version == "v0001"
    assert loaded.about["profile"] == "starter"
    assert loaded.reasons(films.head(3).to_dicts()) == bundle.reasons(films.head(3).to_dicts())


def test_a_bundle_that_was_loaded_can_be_saved_again_unchanged(folder: Path, tmp_path: Path) -> None:
    save(load(folder), tmp_path / "again" / "v0001")
    for name in ("arrays.npz", "golden.json"):
        with_arrays = (tmp_path / "again" / "v0001" / name).read_bytes()
        assert len(with_arrays) == len((folder / name).read_bytes()), name
    assert load(tmp_path / "again" / "v0001").spec == load(folder).spec


def test_a_bundle_holds_three_files_that_others_may_read_and_no_code(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)
    assert folder.stat().st_mode & 0o555 == 0o555
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o444 == 0o444
        assert b"pickle" not in path.read_bytes()


def test_it_carries_about_fifty_of_its_titles_with_their_scores(bundle: Bundle) -> None:
    assert len(bundle.golden) == N_GOLDEN
    rows, expected = zip(*bundle.golden, strict=True)
    np.testing.assert_allclose(bundle.score_rows(rows)[0], expected, atol=1e-12)
    bundle.verify("here")


def test_golden_rows_that_score_otherwise_are_a_refusal(folder: Path) -> None:
    rewrite(folder, "golden.json", lambda golden: golden[7].update(score=golden[7]["score"] + 1e-4))
    with pytest.raises(BundleCorrupt, match="its own test titles are scored"):
        load(folder)


def test_golden_rows_that_score_to_nothing_are_a_refusal(folder: Path) -> None:
    rewrite(folder, "golden.json", lambda golden: golden[0].update(score=float("nan")))
    with pytest.raises(BundleCorrupt):
        load(folder)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("calibration", "slope", 3.0), ("calibration", "shift", 0.5), ("model", "base", 0.0)],
)
def test_a_number_of_the_manifest_that_was_changed_is_found_by_the_golden_rows(
    folder: Path, part: str, key: str, value: float
) -> None:
    rewrite(folder, "manifest.json", lambda m: m[part].__setitem__(key, value))
    with pytest.raises(BundleCorrupt):
        load(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["cut", "empty", "one byte", "noise", "folder"])
def test_damage_to_any_file_is_refused_in_one_sentence(folder: Path, name: str, damage: str) -> None:
    path = folder / name
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "one byte":
        path.write_bytes(b"\xff" + content[1:])
    elif damage == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(len(content)))
    else:
        path.unlink()
        path.mkdir()
    with pytest.raises(BundleError) as refusal:
        load(folder)
    assert "\n" not in str(refusal.value)
    assert "reel train" in str(refusal.value)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match="reel train"):
        load(folder)


def test_no_folder_at_all_means_that_nothing_was_trained_yet(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing, match="run `reel train` first"):
        load(tmp_path / "v0001")


def test_a_bundle_of_a_newer_version_says_so_even_when_all_else_has_changed(folder: Path) -> None:
    (folder / "manifest.json").write_text(json.dumps({"format": FORMAT + 1, "everything": "else"}))
    with pytest.raises(BundleTooNew, match="update reel-driver"):
        load(folder)


@pytest.mark.parametrize(
    "manifest",
    ["null", "[]", '"text"', "7", "{}", '{"format": "new"}', '{"format": null}', '{"format": 1}', "{" * 50_000,
     '{"format": 1, "files": []}', '{"format": 1, "files": {"arrays.npz": "0", "golden.json": "0"}}'],
    ids=lambda m: m[:30],
)  # fmt: skip
def test_a_manifest_that_is_something_else_is_refused(folder: Path, manifest: str) -> None:
    (folder / "manifest.json").write_text(manifest)
    with pytest.raises(BundleCorrupt):
        load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("spec"),
        lambda m: m.pop("threshold"),
        lambda m: m["model"].update(kind="os.system"),
        lambda m: m["model"].update(kind=["xgboost"]),
        lambda m: m["model"].pop("depth"),
        lambda m: m["spec"]["blocks"].pop(0),
        lambda m: m["spec"]["blocks"][0].update(kind="exec"),
        lambda m: m["spec"]["blocks"][0].update(field="no_such_field"),
        lambda m: m["spec"].update(blocks=None),
        lambda m: m.update(calibration=None),
        lambda m: m.update(threshold="high"),
        lambda m: m.update(about=None),
        lambda m: m["model"].update(depth=10**12),
    ],
)
def test_a_manifest_that_lacks_a_part_or_names_what_is_not_there_is_refused(
    folder: Path, change: Callable[[Any], None]
) -> None:
    rewrite(folder, "manifest.json", change)
    with pytest.raises(BundleCorrupt):
        load(folder)


def test_arrays_of_objects_are_never_unpickled(folder: Path, tmp_path: Path) -> None:
    exploded = tmp_path / "exploded"

    class Own:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(exploded),)

    with np.load(folder / "arrays.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["model.value"] = np.array([Own()], dtype=object)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    (folder / "arrays.npz").write_bytes(buffer.getvalue())
    forge_hash(folder, "arrays.npz")
    with pytest.raises(BundleCorrupt):
        load(folder)
    assert not exploded.exists()


def test_a_pickle_in_place_of_the_arrays_is_never_opened(folder: Path, tmp_path: Path) -> None:
    exploded = tmp_path / "exploded"

    class Own:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(exploded),)

    (folder / "arrays.npz").write_bytes(pickle.dumps(Own()))
    forge_hash(folder, "arrays.npz")
    with pytest.raises(BundleCorrupt):
        load(folder)
    assert not exploded.exists()


def test_arrays_of_other_shapes_are_refused(folder: Path) -> None:
    with np.load(folder / "arrays.npz") as archive:
        whole = {name: archive[name] for name in archive.files}
    for name in whole:
        arrays = {**whole, name: whole[name][: len(whole[name]) // 2]}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        (folder / "arrays.npz").write_bytes(buffer.getvalue())
        forge_hash(folder, "arrays.npz")
        with pytest.raises(BundleCorrupt):
            load(folder)


@pytest.mark.parametrize("fails_at", [1, 2, 3, "rename"])
def test_a_disk_that_fills_up_halfway_leaves_nothing_behind(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int | str
) -> None:
    calls = 0

    def full(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == fails_at or fails_at == "rename":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "rename", full) if fails_at == "rename" else monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="No space left on device"):
        save(bundle, tmp_path / "models" / "v0001")
    monkeypatch.undo()
    assert list((tmp_path / "models").iterdir()) == []
    save(bundle, tmp_path / "models" / "v0001")
    load(tmp_path / "models" / "v0001")


def test_a_folder_that_cannot_be_made_is_one_sentence(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file stands where the folder should be")
    with pytest.raises(DiskError):
        save(bundle, tmp_path / "models" / "v0001")


def test_a_saved_version_is_never_written_over(bundle: Bundle, folder: Path) -> None:
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(DiskError):
        save(replace(bundle, threshold=0.1), folder)
    assert (folder / "manifest.json").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir() if p.name.startswith(".")] == []


def test_scores_of_a_catalogue_come_in_its_order_with_an_interval_and_shows_are_marked(bundle: Bundle) -> None:
    films = starter.catalogue().with_columns(title_id=pl.int_range(1000, 1000 + pl.len()).reverse())
    scored = bundle.score_frame(films)
    assert scored.schema == SCORE_SCHEMA
    assert scored["title_id"].equals(films["title_id"])
    assert scored.select(((pl.col("lower") <= pl.col("score")) & (pl.col("score") <= pl.col("upper"))).all()).item()
    assert scored["score"].is_between(0, 1).all()
    assert scored["is_extrapolated"].equals((films["kind"] == "show").alias("is_extrapolated"))


def test_a_title_scores_the_same_alone_in_a_frame_and_in_a_request(bundle: Bundle) -> None:
    films = starter.catalogue()
    scored = bundle.score_frame(films)
    rows = films.to_dicts()
    np.testing.assert_allclose(bundle.score_rows(rows)[0], scored["score"], atol=1e-6)
    for i in (0, 300, films.height - 1):
        one = bundle.score_row(rows[i], title_id=5)
        assert one.score == pytest.approx(scored["score"][i], abs=1e-6)
        assert one.title_id == 5
        assert one.is_extrapolated == (rows[i]["kind"] == "show")


def test_an_empty_catalogue_and_an_unknown_title_score_too(bundle: Bundle) -> None:
    assert bundle.score_frame(starter.catalogue().clear()).schema == SCORE_SCHEMA
    assert bundle.score_frame(starter.catalogue().clear()).height == 0
    assert 0 < bundle.score_row({}).score < 1
    assert bundle.score_frame(pl.DataFrame({"title": ["Nobody Knows"]})).height == 1


def test_reasons_are_words_with_weights_strongest_first_on_their_own_side(bundle: Bundle) -> None:
    for pro, contra in bundle.reasons(starter.catalogue().head(40).to_dicts(), n=3):
        assert len(pro) <= 3
        assert len(contra) <= 3
        assert all(r.weight > 0 for r in pro)
        assert all(r.weight < 0 for r in contra)
        assert [r.weight for r in pro] == sorted((r.weight for r in pro), reverse=True)
        assert [r.weight for r in contra] == sorted(r.weight for r in contra)
        assert all(r.phrase and "=" not in r.phrase and "~" not in r.phrase for r in (*pro, *contra))
        assert len({r.phrase for r in (*pro, *contra)}) == len(pro) + len(contra)
