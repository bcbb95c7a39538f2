"""Shallow trees asked of many titles at once, eight titles a byte.

Every different question of all trees is answered once for every title, and the answers are kept as bits. A tree then
goes down one level with three bit operations that serve all titles and all trees together: of the two answers that
stand below a node the one is taken that the node's own answer points to. The bits of all levels side by side are the
number of the leaf. After Ye et al., RapidScorer (2018), with the levels in place of its masks of leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix

DEEPEST = 8
"""Levels that are scored so: every tree is filled up to 2**depth leaves."""

CHUNK = 256
"""Titles answered at once: so many that their answers stay in the cache."""


@dataclass(frozen=True, slots=True)
class BitTrees:
    """Trees of one depth, filled up where they end earlier.

    Attributes:
        columns: columns that are asked about, intp, shape (n_columns,).
        asked: which of them a question asks; from `n_columns` on the negative of one, intp, shape (n_questions,).
        limit: a question is answered with 1 when the value is at least this, float32, shape (n_questions, 1).
        levels: question of each node, by level, intp, shape (2**level, n_trees).
        value: what each leaf adds, tree after tree, float32, shape (n_trees * 2**depth,).
        first: where each tree's leaves begin, for each title of a chunk, intp, shape (n_trees, CHUNK); written out, because
            adding it broadcast takes longer.
    """

    columns: NDArray[np.intp]
    asked: NDArray[np.intp]
    limit: NDArray[np.float32]
    levels: tuple[NDArray[np.intp], ...]
    value: NDArray[np.float32]
    first: NDArray[np.intp]

    @classmethod
    def of_nodes(
        cls,
        n_trees: int,
        depth: int,
        asked: NDArray[np.intp],
        limit: NDArray[np.float32],
        first: NDArray[np.intp],
        value: NDArray[np.float32],
        width: int,
    ) -> BitTrees:
        """The same trees as these nodes, whose arrays are those of `forest._Packed`."""
        is_inner = first != np.arange(len(first))
        questions = np.zeros(len(first), dtype=[("asked", np.intp), ("limit", np.float32)])
        questions["asked"], questions["limit"] = asked, limit
        different, own = np.unique(questions[is_inner], return_inverse=True)
        question = np.zeros(len(first), dtype=np.intp)
        question[is_inner] = own
        columns, column = np.unique(different["asked"] % width, return_inverse=True)
        is_turned = different["asked"] >= width
        node, levels = np.arange(n_trees)[None, :], []
        for _ in range(depth):
            levels.append(question[node])
            children = np.empty((2 * len(node), n_trees), dtype=np.intp)
            children[0::2] = first[node]
            children[1::2] = first[node] + is_inner[node]
            node = children
        return cls(
            columns,
            (column + len(columns) * is_turned).astype(np.intp),
            np.ascontiguousarray(different["limit"])[:, None],
            tuple(levels),
            value[node].T.ravel(),
            np.repeat(np.arange(n_trees) << depth, CHUNK).reshape(n_trees, CHUNK),
        )

    def scores(self, encoded: Matrix, base: float) -> NDArray[np.float32]:
        """Base and reached leaves of all trees added up in order, shape (n_titles,)."""
        n_trees = self.levels[0].shape[1]
        known = encoded[:, self.columns].T
        room = 64 if len(encoded) > 32 else 8  # bits of a machine word, or of a byte
        n = -(-len(encoded) // room) * room
        both = np.zeros((2 * len(self.columns), n), np.float32)
        both[: len(self.columns), : len(encoded)] = known
        np.negative(both[: len(self.columns)], out=both[len(self.columns) :])
        is_second = both.take(self.asked, axis=0) >= self.limit
        answers = np.packbits(is_second.ravel(), bitorder="little").reshape(len(self.asked), -1)
        if room == 64:
            answers = answers.view(np.uint64)
        taken: list[NDArray[Any]] = []
        leaf = np.zeros(n_trees * n // 8, np.uint64)
        for questions in self.levels:
            below = answers.take(questions, axis=0)
            for turn in taken:
                half = len(below) // 2
                second = below[half:]
                second ^= below[:half]
                second &= turn
                second ^= below[:half]
                below = second
            taken.append(below[0])
            leaf <<= np.uint64(1)
            leaf |= np.unpackbits(below[0].view(np.uint8).ravel(), bitorder="little").view(np.uint64)
        place = leaf.view(np.uint8).reshape(n_trees, n).astype(np.intp)
        place += self.first[:, :n]
        added = self.value.take(place)
        added[0] += np.float32(base)
        total: NDArray[np.float32] = np.add.reduce(added, axis=0)  # tree after tree, as the library adds
        return total[: len(encoded)]
