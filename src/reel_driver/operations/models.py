"""Verbs on registered models: list, show, promote, roll back, compare; and their twins in MLflow where that is configured."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reel_driver import bundle as bundles
from reel_driver import tracking
from reel_driver.bundle import Bundle
from reel_driver.config import setting
from reel_driver.errors import NotFound
from reel_driver.operations.workspace import Workspace
from reel_driver.plots import confusion_svg, reliability_svg
from reel_driver.registry import CHAMPION, ORIGIN, PREVIOUS, SHIPPED, SHIPPED_VERSION, Registry

STALE = 24 * 3600
"""Seconds after which a bundle that is still on its way from MLflow is taken for given up."""


def list_models(work: Workspace, name: str | None = None) -> list[dict[str, Any]]:
    """Every version of every model, or of one."""
    registry = work.registry
    shipped = sorted(p.name for p in SHIPPED.iterdir() if registry.is_shipped(p.name))
    names = [name] if name else [*registry.names(), *shipped]
    lines = [_line(registry, n, v) for n in names for v in registry.versions(n)]
    return lines + [_line(registry, n, CHAMPION) for n in shipped if n in names]


def _line(registry: Registry, name: str, version: str) -> dict[str, Any]:
    """What a list says of a version; of the shipped one, which bears no number, when it is asked for as the champion."""
    about: Mapping[str, Any] = registry.about(name, version)
    is_shipped = version == CHAMPION and registry.is_shipped(name)
    aliases = [CHAMPION] if is_shipped else sorted(a for a, v in registry.aliases(name).items() if v == version)
    return {
        "name": name,
        "version": SHIPPED_VERSION if is_shipped else version,
        "aliases": aliases,
        "pipeline": about.get("pipeline"),
        "trained_at": about.get("trained_at"),
        "n_labels": about.get("n_labels"),
        "n_films": about.get("n_films"),
        "metrics": measured(about),
    }


def measured(about: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a bundle of any task, each by its name; out of fold, or on films held out."""
    evaluation: Mapping[str, Any] = about.get("evaluation", {})
    found = evaluation.get("metrics") or next((v for v in evaluation.values() if isinstance(v, Mapping)), {})
    return {k: float(v["value"] if isinstance(v, Mapping) else v) for k, v in found.items() if k != "n"}


def show_model(work: Workspace, name: str, version: str = CHAMPION) -> dict[str, Any]:
    """Everything known of a version, its bundle verified.

    Raises:
        NotFound: when there is no such version.
        BundleError: when it cannot be served.
    """
    loaded = bundles.load(_folder(work, name, version))
    folder = work.registry.folder(name, version)
    about = {k: v for k, v in loaded.about.items() if k != "inputs"}
    return {
        **_line(work.registry, name, CHAMPION if folder.parent == SHIPPED else folder.name),
        "n_features": len(_columns(loaded)),
        "threshold": loaded.threshold,
        "about": about,
        "origin": dict(work.registry.origin(name, version)),
    }


def _columns(bundle: Bundle) -> tuple[str, ...]:
    """Names of what the model sees; a model of whole texts sees terms."""
    spec: Any = bundle.spec
    return tuple(spec.names if hasattr(spec, "names") else spec.terms)


def _folder(work: Workspace, name: str, version: str) -> Path:
    known = work.registry.versions(name)
    if version not in (*known, *work.registry.aliases(name)) and known:
        raise NotFound("version", version, f"versions of {name}: {', '.join(known)}.")
    return work.registry.folder(name, version)


def promote(work: Workspace, name: str, version: str) -> None:
    """Make a version the champion, here and in MLflow; the champion so far becomes `previous`.

    Raises:
        NotFound: when there is no such version.
        BundleCorrupt: when it cannot be served.
        RegistryUnreachable: when MLflow is configured and out of reach; then nothing is changed here either.
    """
    folder = _folder(work, name, version)
    bundles.load(folder)
    if tracking.is_configured():
        remote_name = _remote_name(work, name)
        found = tracking.find(remote_name, mark_of(folder))
        if found is None:
            raise NotFound("version in MLflow", folder.name, "only a version that training registered can be promoted.")
        before = tracking.champion(remote_name, CHAMPION)
        if before is not None and before.version != found.version:
            tracking.set_alias(remote_name, PREVIOUS, before.version)
        tracking.set_alias(remote_name, CHAMPION, found.version)
    work.registry.promote(name, folder.name)


def rollback(work: Workspace, name: str) -> str:
    """Go back to the version before the champion; returns which that is."""
    version = work.registry.aliases(name).get(PREVIOUS)
    if version is None:
        raise NotFound("version before the champion of", name, "there has been only one.")
    promote(work, name, version)
    return version


def diff(work: Workspace, name: str, first: str, second: str) -> dict[str, Any]:
    """What differs between two versions: settings, metrics, columns, and how they score the same titles."""
    a, b = (bundles.load(_folder(work, name, version)) for version in (first, second))
    rows = [row for row, _ in (*a.golden, *b.golden)]
    change = b.score_rows(rows)[0] - a.score_rows(rows)[0] if rows else np.zeros(1)
    old, new = _flat(a), _flat(b)
    return {
        "facts": {k: [old.get(k), new.get(k)] for k in sorted(old.keys() | new.keys()) if old.get(k) != new.get(k)},
        "columns_gone": sorted(set(_columns(a)) - set(_columns(b))),
        "columns_new": sorted(set(_columns(b)) - set(_columns(a))),
        "n_compared": len(rows),
        "mean_change": round(float(change.mean()), 6),
        "largest_change": round(float(np.abs(change).max()), 6),
    }


def _flat(bundle: Bundle) -> dict[str, Any]:
    about = bundle.about
    flat: dict[str, Any] = {k: about.get(k) for k in ("pipeline", "trained_at", "n_labels", "n_films", "fingerprint")}
    flat["threshold"] = round(bundle.threshold, 6)
    flat |= {f"params.{k}": v for k, v in about.get("params", {}).items()}
    return flat | {f"metrics.{k}": round(v, 6) for k, v in measured(about).items()}


def mark_of(folder: Path) -> str:
    """SHA-256 of a bundle's manifest, which itself names the hashes of everything else."""
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def publish(work: Workspace, name: str) -> str:
    """Log and register the champion's training in MLflow, where that is configured; returns the version's number.

    Raises:
        RegistryUnreachable: when it is out of reach; the local champion is served all the same.
    """
    folder = work.registry.folder(name)
    about: Mapping[str, Any] = work.registry.about(name)
    evaluation: Mapping[str, Any] = about.get("evaluation", {})
    metrics = measured(about)
    for baseline, values in evaluation.get("baselines", {}).items():
        metrics |= {f"baseline_{baseline}.{k}": float(v) for k, v in values.items()}
    texts = {"evaluation.json": json.dumps(evaluation, indent=1, default=str)}
    if "confusion" in evaluation:
        texts["confusion_matrix.json"] = json.dumps(evaluation["confusion"])
        texts["plots/confusion_matrix.svg"] = confusion_svg(evaluation["confusion"])
        texts["plots/reliability.svg"] = reliability_svg(evaluation.get("reliability", []))
    learned_from = {k: about[k] for k in ("n_labels", "n_films", "data", "rows", "seed") if k in about}
    facts = tracking.RunFacts(
        params={**about.get("params", {}), "pipeline": about.get("pipeline"), **learned_from},
        metrics={"".join(c if c.isalnum() or c in "_-." else "_" for c in k): v for k, v in metrics.items()},
        tags={k: str(about[k]) for k in ("fingerprint", "profile", "pipeline", "trained_at") if k in about},
        texts=texts,
    )
    aliases = {PREVIOUS: CHAMPION, CHAMPION: "new"}
    return tracking.log_and_register(folder, _remote_name(work, name), mark_of(folder), facts, aliases).version


def _remote_name(work: Workspace, name: str) -> str:
    return (setting("REEL_DRIVER_MLFLOW_MODEL") or name) if name == work.watch_name else name


def puller(work: Workspace) -> Callable[[str], object]:
    """What brings the remote champion of a name into the local registry, verified; nothing where it is there already."""
    return lambda name: pull(work, name)


def pull(work: Workspace, name: str) -> str | None:
    """Make MLflow's champion the local one; returns its local version, None where MLflow has none.

    Raises:
        RegistryUnreachable: when MLflow is out of reach; nothing is changed.
        BundleCorrupt: when what came is damaged; nothing is changed.
    """
    remote = tracking.champion(_remote_name(work, name), CHAMPION)
    if remote is None:
        return None
    registry = work.registry
    for version in reversed(registry.versions(name)):
        if remote.mark and mark_of(registry.folder(name, version)) == remote.mark:
            registry.promote(name, version)
            return version
    home = registry.root / name
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(".pull.*"):  # by one that was killed
        if time.time() - left.stat().st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=".pull.", dir=home))
    try:
        fetched = tracking.download(remote, temporary)
        bundles.load(fetched)
        origin = {
            "uri": tracking.without_password(tracking.tracking_uri()),
            "version": remote.version,
            "run_id": remote.run_id,
        }
        (fetched / ORIGIN).write_text(json.dumps(origin))
        version = f"v-mlflow-{int(remote.version):04d}"
        shutil.rmtree(home / version, ignore_errors=True)
        fetched.rename(home / version)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    registry.promote(name, version)
    return version
