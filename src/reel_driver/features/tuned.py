"""What the encoder genre model sees: words as the instant one, and the vector of an encoder tuned on genres."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import State
from reel_driver.features.encoder import Encoder, base_encoder, encoder_folder, import_torch, padded
from reel_driver.features.sparse import ReadsTitles, TextBatch, TextSpec
from reel_driver.features.words import clean, joined

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class EncoderSpec(ReadsTitles):
    """Weighted words and pairs, and the centred vector of length 1 that an encoder gives.

    Attributes:
        words: terms and their weights.
        encoder: the network, published or tuned.
        centre: mean vector of the training texts.
    """

    kind: ClassVar[str] = "encoder_text"
    words: TextSpec
    encoder: Encoder
    centre: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a title that are read."""
        return self.words.fields

    @property
    def terms(self) -> tuple[str, ...]:
        """Words and pairs."""
        return self.words.terms

    def encode_texts(self, texts: Sequence[str]) -> TextBatch:
        """Several texts."""
        batch = self.words.encode_texts(texts)
        vectors = self.encoder.encode([clean(t) for t in texts]) - self.centre
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)
        return TextBatch(batch.terms, batch.values, batch.starts, unit)

    def state(self) -> State:
        """The words' state, the network's weights in half precision, the tokenizer."""
        plain, arrays = self.words.state()
        own: dict[str, NDArray[Any]] = {
            f"weight.{n}": w.numpy().astype(np.float16) for n, w in self.encoder.weights.items()
        }
        tokens = np.frombuffer(self.encoder.tokens.encode(), np.uint8)
        return (
            {**plain, "kind": self.kind, "config": self.encoder.config},
            {**arrays, **own, "tokens": tokens, "encoder_centre": self.centre},
        )

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> EncoderSpec:
        """Made again.

        Raises:
            ExtraMissing: without the encoder extra.
        """
        torch, _ = import_torch()
        weights = {
            n.removeprefix("weight."): torch.from_numpy(a.astype(np.float32))
            for n, a in arrays.items()
            if n.startswith("weight.")
        }
        encoder = Encoder(json.loads(json.dumps(plain["config"])), arrays["tokens"].tobytes().decode(), weights)
        return cls(TextSpec.from_state(plain, arrays), encoder, arrays["encoder_centre"])


def tuned_spec(
    frame: pl.DataFrame, truth: NDArray[np.bool_], rng: np.random.Generator, params: Mapping[str, Any]
) -> EncoderSpec:
    """Tune the published encoder to tell genres, and fit the words beside it.

    Args:
        frame: training titles.
        truth: which genres each has, shape (n_titles, n_genres).
        rng: of the order and the seed of dropout.
        params: `epochs` (0 leaves the encoder as published), `learning_rate`, `batch_size`.
    """
    base = base_encoder(encoder_folder())
    words = TextSpec().fit(frame)
    spec = EncoderSpec(words, Encoder(base.config, base.tokens, base.weights), np.zeros(base.width, np.float32))
    texts = [clean(joined(t, o) or "") for t, o in frame.select("title", "overview").iter_rows()]
    if params["epochs"]:
        tune(spec.encoder, texts, truth, rng, params)
    return EncoderSpec(words, spec.encoder, spec.encoder.encode(texts).mean(axis=0))


def tune(
    encoder: Encoder,
    texts: Sequence[str],
    truth: NDArray[np.bool_],
    rng: np.random.Generator,
    params: Mapping[str, Any],
) -> float:
    """Train all weights with a linear head on top, which is dropped; returns the seconds it took.

    The loss is 4 times the binary cross-entropy plus the cross-entropy against the genres' even shares; AdamW, a
    short warm-up, then down to 0 in a line. Weights end rounded to half precision, as they are saved.
    """
    torch, _ = import_torch()
    f = torch.nn.functional
    torch.manual_seed(int(rng.integers(2**31)))
    began, size = time.perf_counter(), int(params["batch_size"])
    numbers = encoder.numbers(texts)
    target = torch.tensor(truth.astype(np.float32))
    head = torch.nn.Linear(encoder.width, truth.shape[1])
    with torch.no_grad():
        head.weight.mul_(0.1)
        head.bias.copy_(torch.logit(target.mean(0).clamp(1e-3, 1 - 1e-3)))
    for w in encoder.weights.values():
        w.requires_grad_(True)
    large = [w for w in encoder.weights.values() if w.ndim > 1]
    small = [w for w in encoder.weights.values() if w.ndim <= 1]
    rate = float(params["learning_rate"])
    optimizer = torch.optim.AdamW(
        [
            {"params": large, "lr": rate, "weight_decay": 0.01},
            {"params": small, "lr": rate, "weight_decay": 0.0},
            {"params": head.parameters(), "lr": 20 * rate, "weight_decay": 0.0},
        ]
    )
    per_epoch = -(-len(texts) // size)
    steps = per_epoch * int(params["epochs"])

    def pace(step: int) -> float:
        return min(step / (0.06 * steps + 1), max(0.0, (steps - step) / (0.94 * steps)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, pace)
    for _ in range(int(params["epochs"])):
        for batch in batches([len(n) for n in numbers], size, rng):
            with torch.autocast("cpu", torch.bfloat16):
                states = encoder.forward(*padded([numbers[i] for i in batch]), dropout=0.1)
            logits, own = head(f.dropout(states.float(), 0.1)), target[batch]
            even = own / own.sum(1, keepdim=True).clamp(min=1)
            loss = 4 * f.binary_cross_entropy_with_logits(logits, own) - (f.log_softmax(logits, 1) * even).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*encoder.weights.values(), *head.parameters()], 1.0)
            optimizer.step()
            schedule.step()
    encoder.weights = {n: w.detach().half().float() for n, w in encoder.weights.items()}
    return time.perf_counter() - began


def batches(lengths: Sequence[int], size: int, rng: np.random.Generator) -> list[list[int]]:
    """Batches in a random order, each of texts of like length."""
    order = rng.permutation(len(lengths))
    chunks = [
        sorted(order[i : i + 32 * size].tolist(), key=lambda j: lengths[j]) for i in range(0, len(order), 32 * size)
    ]
    found = [chunk[i : i + size] for chunk in chunks for i in range(0, len(chunk), size)]
    return [found[i] for i in rng.permutation(len(found))]
