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

Floats = NDArray[np.float32]
NAME = "all-MiniLM-L6-v2"
MAX_TOKENS = 160


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
    """The network with its tokenizer. Not changed after it is made, except by `tune`.

    Attributes:
        config: sizes, from the folder's `config.json`.
        tokens: the tokenizer's JSON.
        weights: parameters by name, torch tensors.
    """

    def __init__(self, config: Mapping[str, Any], tokens: str, weights: Mapping[str, Any]) -> None:
        torch, tokenizers = import_torch()
        self.config, self.tokens = dict(config), tokens
        self.weights = {n: w.detach().to(torch.float32).clone() for n, w in weights.items()}
        self._tokenizer = tokenizers.Tokenizer.from_str(tokens)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

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
        except (OSError, KeyError, ValueError) as error:
            raise EncoderMissing(NAME, f"{folder} cannot be read ({str(error)[:80]})") from error

    @property
    def width(self) -> int:
        """Numbers of a text."""
        return int(self.config["hidden_size"])

    def numbers(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, at least one and at most `MAX_TOKENS`."""
        return [e.ids or [0] for e in self._tokenizer.encode_batch(list(texts))]

    def forward(self, ids: Any, mask: Any, dropout: float = 0.0) -> Any:
        """Mean token state of each text, shape (n_texts, width), as a torch tensor with gradients where asked."""
        torch, _ = import_torch()
        f, w = torch.nn.functional, self.weights
        heads = int(self.config["num_attention_heads"])

        def linear(x: Any, name: str) -> Any:
            return f.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

        def norm(x: Any, name: str) -> Any:
            return f.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-12)

        def drop(x: Any) -> Any:
            return f.dropout(x, dropout) if dropout else x

        e = "embeddings"
        x = f.embedding(ids, w[f"{e}.word_embeddings.weight"]) + w[f"{e}.position_embeddings.weight"][: ids.shape[1]]
        x = drop(norm(x + w[f"{e}.token_type_embeddings.weight"][0], f"{e}.LayerNorm"))
        n_texts, length, width = x.shape
        allowed = mask[:, None, None, :].bool()
        for i in range(int(self.config["num_hidden_layers"])):
            p = f"encoder.layer.{i}"
            q, k, v = (
                linear(x, f"{p}.attention.self.{part}").view(n_texts, length, heads, -1).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            seen = f.scaled_dot_product_attention(q, k, v, attn_mask=allowed).transpose(1, 2)
            seen = linear(seen.reshape(n_texts, length, width), f"{p}.attention.output.dense")
            x = norm(x + drop(seen), f"{p}.attention.output.LayerNorm")
            inner = linear(f.gelu(linear(x, f"{p}.intermediate.dense")), f"{p}.output.dense")
            x = norm(x + drop(inner), f"{p}.output.LayerNorm")
        weight = mask[..., None].to(x.dtype)
        return (x * weight).sum(1) / weight.sum(1)

    def encode(self, texts: Sequence[str], batch_size: int = 64) -> Floats:
        """Sentence vectors, float32, shape (n_texts, width)."""
        torch, _ = import_torch()
        numbers = self.numbers(texts)
        out = np.zeros((len(numbers), self.width), np.float32)
        order = sorted(range(len(numbers)), key=lambda i: len(numbers[i]))
        with torch.inference_mode():
            for start in range(0, len(order), batch_size):
                part = order[start : start + batch_size]
                out[part] = self.forward(*padded([numbers[i] for i in part])).numpy()
        return out


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
