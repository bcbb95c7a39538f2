"""A sentence encoder (all-MiniLM-L6-v2) in plain torch: optional, loaded from a local folder, never fetched.

The network is BERT's (Devlin et al. 2019) with the mean over tokens; weights are safetensors, the tokenizer is the
folder's `tokenizer.json`. No code of the folder is run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reel_driver.errors import EncoderMissing, ExtraMissing
from reel_driver.features.blocks import State

Floats = NDArray[np.float32]
NAME = "all-MiniLM-L6-v2"
MAX_TOKENS = 160
MAX_KNOWN = 30_000
"""Texts whose vectors are kept in memory: a vector is 1.5 kB."""


def encoder_folder() -> Path:
    """The encoder's folder: REEL_ENCODER, or where the Hugging Face cache keeps it.

    Raises:
        EncoderMissing: saying what to do.
    """
    named = os.environ.get("REEL_ENCODER")
    if named:
        if (Path(named) / "model.safetensors").is_file():
            return Path(named)
        raise EncoderMissing(NAME, f"{named} (REEL_ENCODER) has no model.safetensors")
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    kept = home / "hub" / f"models--sentence-transformers--{NAME}" / "snapshots"
    found = sorted(kept.glob("*/model.safetensors"))
    if not found:
        raise EncoderMissing(NAME, "it is not in the Hugging Face cache of this machine")
    return found[-1].parent


class Encoder:
    """The network with its tokenizer. Its weights are rounded to half precision, as bundles keep them.

    Attributes:
        config: sizes, from the folder's `config.json`.
        tokens: the tokenizer's JSON.
        weights: parameters by name, torch tensors.
    """

    def __init__(self, config: Mapping[str, Any], tokens: str, weights: Mapping[str, Any]) -> None:
        _, tokenizers = import_torch()
        self.config, self.tokens = dict(config), tokens
        self.weights = {n: w.detach().half().float() for n, w in weights.items()}
        self._tokenizer = tokenizers.Tokenizer.from_str(tokens)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._known: dict[str, Floats] = {}

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Read a folder as sentence-transformers writes it.

        Raises:
            ExtraMissing: without the encoder extra.
            EncoderMissing: when the folder does not hold such a model.
        """
        import_torch()
        from safetensors.torch import load_file

        try:
            config = json.loads((folder / "config.json").read_bytes())
            weights = {n.removeprefix("bert."): w for n, w in load_file(folder / "model.safetensors").items()}
            tokens = (folder / "tokenizer.json").read_text("utf-8")
            sizes = {k: int(config[k]) for k in ("num_hidden_layers", "num_attention_heads", "hidden_size")}
            used = ("embeddings.", "encoder.")
            kept = {n: w for n, w in weights.items() if n.startswith(used) and w.is_floating_point()}
            return cls(sizes, tokens, kept)
        except Exception as error:  # the libraries raise what they like on a file that is not what it should be
            why = " ".join(str(error).split())[:80]
            raise EncoderMissing(NAME, f"{folder} cannot be read ({why})") from error

    def state(self) -> State:
        """Sizes; the weights in half precision and the tokenizer."""
        halves: dict[str, NDArray[Any]] = {f"weight.{n}": w.numpy().astype(np.float16) for n, w in self.weights.items()}
        return {"config": self.config}, {**halves, "tokens": np.frombuffer(self.tokens.encode(), np.uint8)}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Encoder:
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
        return cls(plain["config"], arrays["tokens"].tobytes().decode(), weights)

    @property
    def depth(self) -> int:
        """Layers."""
        return int(self.config["num_hidden_layers"])

    @property
    def width(self) -> int:
        """Numbers of a text."""
        return int(self.config["hidden_size"])

    def changed(self, weights: Mapping[str, Any]) -> None:
        """Take other weights; what was read with the old ones is forgotten."""
        self.weights = {n: w.detach().half().float() for n, w in weights.items()}
        self._known.clear()

    def numbers(self, texts: Sequence[str], n_tokens: int = MAX_TOKENS) -> list[list[int]]:
        """Token numbers of each text, at least one and at most `n_tokens`; the last one is kept, it ends the text."""
        whole = (e.ids or [0] for e in self._tokenizer.encode_batch(list(texts)))
        return [ids if len(ids) <= n_tokens else [*ids[: n_tokens - 1], ids[-1]] for ids in whole]

    def forward(self, ids: Any, mask: Any) -> Any:
        """Mean token state of each text, shape (n_texts, width), as a torch tensor."""
        return pooled(self.layers(self.embed(ids), mask, 0, self.depth), mask)

    def embed(self, ids: Any) -> Any:
        """What each token says by itself and by its place, shape (n_texts, longest, width)."""
        torch, _ = import_torch()
        f, w, e = torch.nn.functional, self.weights, "embeddings"
        x = f.embedding(ids, w[f"{e}.word_embeddings.weight"]) + w[f"{e}.position_embeddings.weight"][: ids.shape[1]]
        x = x + w[f"{e}.token_type_embeddings.weight"][0]
        return f.layer_norm(x, x.shape[-1:], w[f"{e}.LayerNorm.weight"], w[f"{e}.LayerNorm.bias"], 1e-12)

    def layers(self, x: Any, mask: Any, first: int, last: int, dropout: float = 0.0) -> Any:
        """Token states after the layers from `first` up to `last`, with gradients where the weights ask for them.

        Attention is written out: the fused one takes seven times as long to go backwards on a CPU.
        """
        torch, _ = import_torch()
        f, w = torch.nn.functional, self.weights
        heads = int(self.config["num_attention_heads"])

        def linear(x: Any, name: str) -> Any:
            return f.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

        def norm(x: Any, name: str) -> Any:
            return f.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-12)

        n_texts, length, width = x.shape
        unseen = torch.where(mask[:, None, None, :].bool(), 0.0, -1e9)
        for i in range(first, last):
            p = f"encoder.layer.{i}"
            q, k, v = (
                linear(x, f"{p}.attention.self.{part}").view(n_texts, length, heads, -1).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            likeness = (q * (width // heads) ** -0.5) @ k.transpose(-1, -2) + unseen.to(q.dtype)
            seen = (torch.softmax(likeness, -1).to(v.dtype) @ v).transpose(1, 2)
            seen = linear(seen.reshape(n_texts, length, width), f"{p}.attention.output.dense")
            x = norm(x + dropped(seen, dropout), f"{p}.attention.output.LayerNorm")
            inner = linear(f.gelu(linear(x, f"{p}.intermediate.dense")), f"{p}.output.dense")
            x = norm(x + dropped(inner, dropout), f"{p}.output.LayerNorm")
        return x

    def encode(self, texts: Sequence[str], batch_size: int = 64) -> Floats:
        """Sentence vectors, float32, shape (n_texts, width). Texts that were read before are not read again."""
        torch, _ = import_torch()
        read = {t: vector for t in texts if (vector := self._known.get(t)) is not None}
        new = [t for t in dict.fromkeys(texts) if t not in read]
        numbers = self.numbers(new)
        order = sorted(range(len(numbers)), key=lambda i: len(numbers[i]))
        with torch.inference_mode():
            for start in range(0, len(order), batch_size):
                part = order[start : start + batch_size]
                vectors = self.forward(*padded([numbers[i] for i in part])).numpy()
                read.update(zip((new[i] for i in part), vectors, strict=True))
        if len(self._known) + len(new) <= MAX_KNOWN:
            self._known.update((t, read[t]) for t in new)
        return np.stack([read[t] for t in texts]) if texts else np.zeros((0, self.width), np.float32)


def pooled(states: Any, mask: Any) -> Any:
    """Mean over the tokens that are there, shape (n_texts, width)."""
    weight = mask[..., None].to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1)


def dropped(x: Any, share: float) -> Any:
    """Dropout by one random byte a number: torch's own takes a tenth of a training step on a CPU."""
    torch, _ = import_torch()
    out_of_256 = round(share * 256)
    if not out_of_256:
        return x
    words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
    kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= out_of_256
    return x * kept.to(x.dtype) * (256 / (256 - out_of_256))


def padded(numbers: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Token numbers and mask as tensors, shape (n_texts, longest)."""
    torch, _ = import_torch()
    length = max(len(n) for n in numbers)
    ids = torch.zeros(len(numbers), length, dtype=torch.long)
    mask = torch.zeros(len(numbers), length, dtype=torch.long)
    for i, own in enumerate(numbers):
        ids[i, : len(own)] = torch.tensor(own)
        mask[i, : len(own)] = 1
    return ids, mask


@lru_cache(maxsize=1)
def base_encoder(folder: Path) -> Encoder:
    """The encoder as it was published, read once."""
    return Encoder.load(folder)


def import_torch() -> tuple[Any, Any]:
    """The two libraries, or the sentence that tells how to get them.

    Raises:
        ExtraMissing: without the encoder extra.
    """
    try:
        import tokenizers
        import torch
    except ImportError as error:
        raise ExtraMissing("encoder", "The sentence encoder") from error
    return torch, tokenizers
