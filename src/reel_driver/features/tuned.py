"""What the genre models with a sentence encoder see: the words of a text, and what the encoder makes of it.

`EncoderSpec` has the encoder as published and its vectors, `TunedSpec` has it tuned on genres and its log-odds of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import State
from reel_driver.features.encoder import Encoder, base_encoder, encoder_folder, import_torch, padded, pooled
from reel_driver.features.sparse import ReadsTitles, TextBatch, TextSpec
from reel_driver.features.words import clean, joined

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class EncoderSpec(ReadsTitles):
    """Weighted words and pairs, and the centred vector of length 1 that the encoder as published gives.

    Attributes:
        words: terms and their weights.
        encoder: the network.
        centre: mean vector of the training texts.
    """

    kind: ClassVar[str] = "encoder_text"
    words: TextSpec
    encoder: Encoder
    centre: Floats

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a title that are read."""
        return self.words.fields

    def encode_texts(self, texts: Sequence[str]) -> TextBatch:
        """Several texts."""
        vectors = self.encoder.encode([clean(t) for t in texts]) - self.centre
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)
        return replace(self.words.encode_texts(texts), vectors=unit)

    def state(self) -> State:
        """The words' state, the network, the centre."""
        return joined_state(self.kind, self.words, self.encoder, {"encoder_centre": self.centre})

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> EncoderSpec:
        """Made again.

        Raises:
            ExtraMissing: without the encoder extra.
        """
        return cls(TextSpec.from_state(plain, arrays), Encoder.from_state(plain, arrays), arrays["encoder_centre"])


@dataclass(frozen=True)
class TunedSpec(ReadsTitles):
    """What the instant model sees, and the log-odds of the genres that a tuned encoder gives.

    Attributes:
        words: terms, weights, word vectors.
        encoder: the tuned network.
        head: log-odds of each genre per unit of the sentence vector, shape (n_genres, width).
        head_shift: log-odds of each genre at the vector 0, shape (n_genres,).
    """

    kind: ClassVar[str] = "tuned_text"
    words: TextSpec
    encoder: Encoder
    head: Floats
    head_shift: Floats

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
        return replace(self.words.encode_texts(texts), logits=self.logits(texts))

    def logits(self, texts: Sequence[str]) -> Floats:
        """The encoder's own log-odds of each genre, shape (n_texts, n_genres)."""
        vectors = self.encoder.encode([clean(t) for t in texts])
        return np.asarray(vectors @ self.head.T + self.head_shift, np.float32)

    def state(self) -> State:
        """The words' state, the network, the head."""
        return joined_state(self.kind, self.words, self.encoder, {"head": self.head, "head_shift": self.head_shift})

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TunedSpec:
        """Made again.

        Raises:
            ExtraMissing: without the encoder extra.
        """
        words, encoder = TextSpec.from_state(plain, arrays), Encoder.from_state(plain, arrays)
        return cls(words, encoder, arrays["head"], arrays["head_shift"])


def joined_state(kind: str, words: TextSpec, encoder: Encoder, own: Mapping[str, Floats]) -> State:
    """The state of a spec of words and an encoder."""
    (plain, arrays), (encoder_plain, encoder_arrays) = words.state(), encoder.state()
    return {**plain, **encoder_plain, "kind": kind}, {**arrays, **encoder_arrays, **own}


def published_spec(frame: pl.DataFrame) -> EncoderSpec:
    """The encoder as published, and the words beside it."""
    encoder = base_encoder(encoder_folder())
    return EncoderSpec(TextSpec().fit(frame), encoder, encoder.encode(texts_of(frame)).mean(axis=0))


def tuned_spec(
    frame: pl.DataFrame, truth: NDArray[np.bool_], rng: np.random.Generator, params: Mapping[str, Any]
) -> TunedSpec:
    """Tune the published encoder to tell genres, and fit the words beside it.

    Args:
        frame: training titles.
        truth: which genres each has, shape (n_titles, n_genres).
        rng: of the order and the seed of dropout.
        params: `epochs`, `learning_rate`, `batch_size`, `n_frozen`, `n_tokens`.
    """
    base = base_encoder(encoder_folder())
    encoder = Encoder(base.config, base.tokens, base.weights)
    head, shift = tune(encoder, texts_of(frame), truth, rng, params)
    return TunedSpec(TextSpec().fit(frame), encoder, head, shift)


def texts_of(frame: pl.DataFrame) -> list[str]:
    """Title and overview of each film as the encoder reads them."""
    return [clean(joined(t, o) or "") for t, o in frame.select("title", "overview").iter_rows()]


def tune(
    encoder: Encoder,
    texts: Sequence[str],
    truth: NDArray[np.bool_],
    rng: np.random.Generator,
    params: Mapping[str, Any],
) -> tuple[Floats, Floats]:
    """Train the upper layers with a linear head on top; returns the head's weights and shifts.

    The loss is 4 times the binary cross-entropy plus the cross-entropy against the genres' even shares; AdamW, a
    short warm-up, then down to 0 in a line. The embeddings and the lowest `n_frozen` layers stay as published, so
    what they make of a text is computed once. Texts are cut to `n_tokens` while tuning.
    """
    torch, _ = import_torch()
    f = torch.nn.functional
    torch.manual_seed(int(rng.integers(2**31)))
    size, n_frozen = int(params["batch_size"]), min(int(params["n_frozen"]), encoder.depth - 1)
    states = lower_states(encoder, texts, n_frozen, int(params["n_tokens"]))
    target = torch.tensor(truth.astype(np.float32))
    head = torch.nn.Linear(encoder.width, truth.shape[1])
    with torch.no_grad():
        head.weight.mul_(0.1)
        head.bias.copy_(torch.logit(target.mean(0).clamp(1e-3, 1 - 1e-3)))
    upper = tuple(f"encoder.layer.{i}." for i in range(n_frozen, encoder.depth))
    learned = [w.requires_grad_(True) for n, w in encoder.weights.items() if n.startswith(upper)]
    rate = float(params["learning_rate"])
    optimizer = torch.optim.AdamW(
        [
            {"params": [w for w in learned if w.ndim > 1], "lr": rate, "weight_decay": 0.01},
            {"params": [w for w in learned if w.ndim <= 1], "lr": rate, "weight_decay": 0.0},
            {"params": head.parameters(), "lr": 20 * rate, "weight_decay": 0.0},
        ],
        fused=True,
    )
    steps = -(-len(texts) // size) * int(params["epochs"])

    def pace(step: int) -> float:
        return min(step / (0.06 * steps + 1), max(0.0, (steps - step) / (0.94 * steps)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, pace)
    for _ in range(int(params["epochs"])):
        for batch in batches([len(s) for s in states], size, rng):
            x, mask = stacked([states[i] for i in batch])
            with torch.autocast("cpu", torch.bfloat16):
                vectors = pooled(encoder.layers(x, mask, n_frozen, encoder.depth, dropout=0.1), mask)
            logits, own = head(f.dropout(vectors.float(), 0.1)), target[batch]
            even = own / own.sum(1, keepdim=True).clamp(min=1)
            loss = 4 * f.binary_cross_entropy_with_logits(logits, own) - (f.log_softmax(logits, 1) * even).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*learned, *head.parameters()], 1.0)
            optimizer.step()
            schedule.step()
    encoder.changed(encoder.weights)
    return head.weight.detach().numpy().copy(), head.bias.detach().numpy().copy()


def lower_states(encoder: Encoder, texts: Sequence[str], n_layers: int, n_tokens: int) -> list[Any]:
    """Token states of each text after the lowest layers, bfloat16 tensors of shape (n_tokens_of_text, width)."""
    torch, _ = import_torch()
    numbers = encoder.numbers(texts, n_tokens)
    order = sorted(range(len(numbers)), key=lambda i: len(numbers[i]))
    states: list[Any] = [None] * len(numbers)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), 64):
            part = order[start : start + 64]
            ids, mask = padded([numbers[i] for i in part])
            x = encoder.layers(encoder.embed(ids), mask, 0, n_layers).bfloat16()
            for row, i in zip(x, part, strict=True):
                states[i] = row[: len(numbers[i])].clone()
    return states


def stacked(states: Sequence[Any]) -> tuple[Any, Any]:
    """Token states and mask of several texts, shape (n_texts, longest, width) and (n_texts, longest)."""
    torch, _ = import_torch()
    x = torch.nn.utils.rnn.pad_sequence(list(states), batch_first=True)
    lengths = torch.tensor([len(s) for s in states])
    return x, (torch.arange(x.shape[1]) < lengths[:, None]).long()


def batches(lengths: Sequence[int], size: int, rng: np.random.Generator) -> list[list[int]]:
    """Batches in a random order, each of texts of like length."""
    order = rng.permutation(len(lengths))
    chunks = [
        sorted(order[i : i + 32 * size].tolist(), key=lambda j: lengths[j]) for i in range(0, len(order), 32 * size)
    ]
    found = [chunk[i : i + size] for chunk in chunks for i in range(0, len(chunk), size)]
    return [found[i] for i in rng.permutation(len(found))]
