"""A bundle: everything needed to score. Spec, model, calibration, threshold, and rows that prove it still works.

On disk a bundle is a folder of `manifest.json` (all that is plain), `arrays.npz` (all that is numbers) and
`golden.json` (about 50 titles with their scores). The manifest names the SHA-256 of the others. It is written under a
temporary name and renamed when whole. Nothing in it can run code: a bundle from a stranger can be wrong, never
dangerous.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reel_driver import __version__
from reel_driver.domain import Kind, Reason, Score, TitleRow
from reel_driver.errors import BundleCorrupt, BundleMissing, BundleTooNew, DiskError, ExtraMissing
from reel_driver.features.spec import FeatureSpec
from reel_driver.models import AsksFew, model_class
from reel_driver.models.calibrate import Calibration
from reel_driver.models.genre import GenreCalibration
from reel_driver.models.interval import RatingInterval

if TYPE_CHECKING:
    import polars as pl

FORMAT = 1
"""Version of the bundle format that this software writes; it reads this one and older ones."""
N_GOLDEN = 50
TOLERANCE = {"watch": 1e-6, "genre": 1e-3, "rating": 2e-3}
"""How far a golden row's score may be off, by task. Processors add up a long sum of 32-bit numbers in their own order: among
six kinds of x86 that is up to 2e-6 in a probability of a genre and 2e-4 points in a rating; by a sentence encoder, more."""
CHUNK = 50_000
"""Titles encoded at once when a whole catalogue is scored: bounds the memory."""


@dataclass(frozen=True)
class Bundle:
    """A trained model with everything around it.

    Attributes:
        task: "watch", "rating" or "genre".
        spec: what the model sees: a `FeatureSpec`, or a `TextSpec` for genres.
        model: the fitted model, one of the kinds of `models`.
        calibration: from raw scores to what is said: probabilities or a rating, and intervals.
        threshold: titles at or above it are picked.
        about: plain facts: pipeline, profile, trained_at, n_labels, fingerprint, params, metrics, software.
        golden: titles with the scores they must get.
    """

    task: str
    spec: Any
    model: Any
    calibration: Any
    threshold: float
    about: Mapping[str, Any] = field(default_factory=dict)
    golden: tuple[tuple[TitleRow, Any], ...] = ()

    @property
    def version(self) -> str:
        """The name it was saved under; empty before."""
        return str(self.about.get("version", ""))

    def score_rows(
        self, rows: Sequence[TitleRow]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Probability, lower and upper end of each title, each of shape (n_titles,)."""
        value, lower, upper = self.calibration(*self._raw(rows))
        return value, lower, upper

    def genres(self, text: str) -> list[tuple[str, float]]:
        """Genres of a text with their probabilities, the best one first: for the bundles of the genre task."""
        return self.genres_of([text])[0]

    def genres_of(self, texts: Sequence[str]) -> list[list[tuple[str, float]]]:
        """The same of several texts."""
        probability: NDArray[np.float64] = self.score_rows([{"overview": text} for text in texts])[0]
        names: tuple[str, ...] = self.model.genres
        orders = np.argsort(-probability, axis=1, kind="stable").tolist()
        return [[(names[i], p[i]) for i in order] for order, p in zip(orders, probability.tolist(), strict=True)]

    def probabilities(self, rows: Sequence[TitleRow]) -> NDArray[np.float64]:
        """Probability of each title, shape (n_titles,): what a service needs, without the interval."""
        probability: NDArray[np.float64] = self.calibration.probability(self._raw(rows)[0])
        return probability

    @property
    def scored_fields(self) -> tuple[str, ...]:
        """The fields of a title that its score hangs on."""
        fields: tuple[str, ...] = self._scoring[0].fields
        return fields

    @cached_property
    def _scoring(self) -> tuple[Any, Any]:
        """Spec and model without the columns that the model never asks about: they score the same, and sooner."""
        if not (isinstance(self.spec, FeatureSpec) and isinstance(self.model, AsksFew)):
            return self.spec, self.model
        spec, columns = self.spec.narrowed(self.model.asks(self.spec.width))
        return spec, self.model.on(columns, self.spec.width)

    def _raw(self, rows: Sequence[TitleRow]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        spec, model = self._scoring
        one = len(rows) == 1 and isinstance(spec, FeatureSpec)
        raw: tuple[NDArray[np.float64], NDArray[np.float64] | None] = model.predict(
            spec.encode_row(rows[0])[None, :] if one else spec.encode_rows(rows)
        )
        return raw

    def score_row(self, row: TitleRow, title_id: int = 0) -> Score:
        """The score of one title."""
        p, lower, upper = self.score_rows([row])
        return Score(title_id, float(p[0]), float(lower[0]), float(upper[0]), row.get("kind") == Kind.SHOW)

    def score_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Scores of a catalogue, in its order, as `SCORE_SCHEMA`; rows without `title_id` are numbered from 0."""
        import polars as pl

        parts = [self._scored(frame[start : start + CHUNK]) for start in range(0, max(frame.height, 1), CHUNK)]
        scored: pl.DataFrame = pl.concat(parts)
        if "title_id" not in frame.columns:
            scored = scored.with_columns(title_id=pl.int_range(pl.len(), dtype=pl.Int64))
        return scored

    def _scored(self, part: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        from reel_driver.schema import SCORE_SCHEMA, conform

        spec, model = self._scoring
        p, lower, upper = self.calibration(*model.predict(spec.encode_frame(part)))
        is_show = (part["kind"] == Kind.SHOW.value).fill_null(False) if "kind" in part.columns else False
        scored = pl.DataFrame({"score": p, "lower": lower, "upper": upper}).with_columns(is_extrapolated=is_show)
        if "title_id" in part.columns:
            scored = scored.with_columns(part["title_id"])
        return conform(scored, SCORE_SCHEMA)

    def reasons(self, rows: Sequence[TitleRow], n: int = 3) -> list[tuple[tuple[Reason, ...], tuple[Reason, ...]]]:
        """The `n` strongest reasons for and against each title, in words, strongest first.

        Columns of one field that say the same are added up; parts under 0.05 in log-odds are left out.
        """
        parts = self.model.contributions(self.spec.encode_rows(rows))[:, :-1] * self.calibration.slope
        out = []
        for row, weights in zip(rows, parts, strict=True):
            found: dict[str, float] = {}
            for column in np.flatnonzero(np.abs(weights) >= 0.02):
                phrase = self.spec.phrase(int(column), row)
                found[phrase] = found.get(phrase, 0.0) + float(weights[column])
            ranked = sorted((Reason(p, w) for p, w in found.items() if abs(w) >= 0.05), key=lambda r: -abs(r.weight))
            out.append((tuple(r for r in ranked if r.weight > 0)[:n], tuple(r for r in ranked if r.weight < 0)[:n]))
        return out

    def with_golden(self, frame: pl.DataFrame, rng: np.random.Generator) -> Bundle:
        """The same bundle with golden rows drawn from a frame of titles."""
        chosen = np.sort(rng.choice(frame.height, size=min(N_GOLDEN, frame.height), replace=False))
        columns = [c for c in self.spec.fields if c in frame.columns]
        rows = frame[chosen.tolist()].select(columns).to_dicts()
        return replace(self, golden=tuple(zip(rows, self.score_rows(rows)[0].tolist(), strict=True)))

    def verify(self, where: object) -> None:
        """Score the golden rows again.

        Raises:
            BundleCorrupt: when a score disagrees.
        """
        if not self.golden:
            return
        rows, expected = zip(*self.golden, strict=True)
        got = self.score_rows(rows)[0]
        worst = float(np.abs(got - np.array(expected)).max())
        if not worst <= TOLERANCE[self.task]:
            raise BundleCorrupt(where, f"its own test titles are scored {worst:.2g} off")


def save(bundle: Bundle, folder: Path) -> Bundle:
    """Write a bundle to a new folder, whole or not at all; returns it as it can be loaded again.

    Raises:
        DiskError: when it cannot be written; nothing is left behind.
    """
    bundle = replace(bundle, about={**bundle.about, "version": folder.name})
    spec_plain, spec_arrays = bundle.spec.state()
    model_plain, model_arrays = bundle.model.state()
    calibration_plain, calibration_arrays = bundle.calibration.state()
    arrays = {
        f"{part}.{name}": a
        for part, own in (("spec", spec_arrays), ("model", model_arrays), ("calibration", calibration_arrays))
        for name, a in own.items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    golden = json.dumps(
        [{"title": dict(row), "score": score} for row, score in bundle.golden],
        ensure_ascii=False,
        default=_plain,
    )
    files = {"arrays.npz": buffer.getvalue(), "golden.json": golden.encode()}
    manifest = {
        "format": FORMAT,
        "software": __version__,
        "task": bundle.task,
        "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "about": bundle.about,
        "threshold": bundle.threshold,
        "spec": spec_plain,
        "model": {"kind": bundle.model.kind, **model_plain},
        "calibration": calibration_plain,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    files["manifest.json"] = json.dumps(manifest, ensure_ascii=False, indent=1, default=_plain).encode()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise DiskError(folder.parent, error.strerror or str(error)) from error
    try:
        for name, content in files.items():
            with (temporary / name).open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        temporary.chmod(0o755)
        temporary.rename(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise DiskError(folder, error.strerror or str(error)) from error
    return bundle


def load(folder: Path) -> Bundle:
    """Read and verify a bundle: format, hashes, golden rows.

    Raises:
        BundleMissing: when there is no such folder.
        BundleTooNew: when a newer version of this software wrote it.
        BundleCorrupt: when anything in it is not as it was written.
        ExtraMissing: when it holds an encoder and the encoder extra is not installed.
    """
    if not (folder / "manifest.json").is_file():
        raise BundleMissing(folder)
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        written = int(manifest["format"])
    except Exception as error:  # a stranger's file may be wrong in any way at all
        raise BundleCorrupt(folder, f"manifest.json is not readable: {_why(error)}") from error
    if written > FORMAT:
        raise BundleTooNew(folder, written, FORMAT)
    try:
        content = {name: (folder / name).read_bytes() for name in ("arrays.npz", "golden.json")}
        for name, data in content.items():
            if hashlib.sha256(data).hexdigest() != manifest["files"][name]:
                raise BundleCorrupt(folder, f"{name} is not the file that was saved")
        with np.load(io.BytesIO(content["arrays.npz"]), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        bundle = Bundle(
            task=manifest["task"],
            spec=_spec_class(manifest["spec"]).from_state(manifest["spec"], _of("spec", arrays)),
            model=model_class(manifest["model"]["kind"]).from_state(manifest["model"], _of("model", arrays)),
            calibration=_CALIBRATIONS[manifest["calibration"].get("kind", "platt")].from_state(
                manifest["calibration"], _of("calibration", arrays)
            ),
            threshold=float(manifest["threshold"]),
            about=dict(manifest["about"]),
            golden=tuple((g["title"], g["score"]) for g in json.loads(content["golden.json"])),
        )
        bundle.verify(folder)
    except (BundleCorrupt, ExtraMissing):
        raise
    except Exception as error:  # a stranger's file may be wrong in any way at all
        raise BundleCorrupt(folder, _why(error)) from error
    return bundle


def _why(error: Exception) -> str:
    """A fault of the libraries, short and on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


_CALIBRATIONS: Mapping[str, Any] = {
    "platt": Calibration,
    RatingInterval.kind: RatingInterval,
    GenreCalibration.kind: GenreCalibration,
}


def _spec_class(plain: Mapping[str, Any]) -> Any:
    """The kind of spec that was saved: texts for genres, columns for everything else."""
    kind = plain.get("kind")
    if kind == "text":
        from reel_driver.features.sparse import TextSpec

        return TextSpec
    if kind in ("encoder_text", "tuned_text"):
        from reel_driver.features import tuned

        return tuned.TunedSpec if kind == tuned.TunedSpec.kind else tuned.EncoderSpec
    return FeatureSpec


def _of(part: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(f"{part}."): a for name, a in arrays.items() if name.startswith(f"{part}.")}


def _plain(value: object) -> object:
    """What json does not know: dates, and numpy's numbers."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(type(value).__name__)
