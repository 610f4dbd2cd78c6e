"""Boosted trees, all at once: one bitwise AND a feature finds the leaf of a row in every tree.

In: a fitted HistGradientBoosting estimator. Out: what makes the answer of a row's entries. After
QuickScorer (Lucchese et al., 2015): of a tree, a bit a leaf; a split that sends a row to the right
clears the leaves to its left; the lowest bit left is the leaf of the row. Thresholds of a feature
stand in order, so that what all splits on it clear is known beforehand, from its rank among them.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import numpy as np

from .parts import Model, NotCompiled, both, expit, softmax

LEAVES = 64  # bits of the widest whole number
BYTES = 2**27  # of all tables of a model
Masks = Callable[[float], np.ndarray]  # a feature's value to (trees,) bits that may be left


def trees(estimator: Any, regression: bool) -> Model:
    """Compile a HistGradientBoosting estimator; raise `NotCompiled` for a loss it does not know."""
    if regression and type(estimator._loss.link).__name__ != "IdentityLink":
        raise NotCompiled(f"trees with the loss {estimator.loss}")
    total = _sums(estimator)
    if regression:
        return total
    if estimator.n_trees_per_iteration_ == 1:
        return lambda places, values: both(expit(total(places, values)[0]))
    return lambda places, values: softmax(total(places, values))


def _sums(estimator: Any) -> Model:
    """Return what makes of a row the sum of its leaves, (trees an iteration,)."""
    grown = [tree for iteration in estimator._predictors for tree in iteration]
    width, features, nodes = estimator.n_trees_per_iteration_, estimator._n_features, _Nodes(grown)
    codes = _codes(estimator)
    order = [*codes, *(place for place in range(features) if place not in codes)]
    tests = [
        (place, nodes.masks(number, codes.get(place)))
        for number, place in enumerate(order)
        if number in nodes.splits
    ]
    start = np.ravel(estimator._baseline_prediction)
    offset, leaves, everything = nodes.offset, nodes.values, nodes.everything

    def total(places: list[int], values: list[float]) -> list[float]:
        row = [0.0] * features
        for place, value in zip(places, values, strict=True):
            row[place] = value
        bits = everything.copy()
        for place, masks in tests:
            np.bitwise_and(bits, masks(row[place]), out=bits)
        lowest = np.bitwise_count((bits & (~bits + 1)) - 1)
        found = leaves.take(offset + lowest)
        return (found.reshape(-1, width).sum(axis=0) + start).tolist()

    return total


def _codes(estimator: Any) -> dict[int, list[float]]:
    """Return the values of each categorical feature by its place; they come first in the trees."""
    if estimator._preprocessor is None:
        return {}
    places = np.flatnonzero(estimator.is_categorical_).tolist()
    known = estimator._preprocessor.named_transformers_["encoder"].categories_
    return {place: [float(v) for v in one] for place, one in zip(places, known, strict=True)}


class _Nodes:
    """The splits of all trees, and the leaves that each of them clears when it sends to the right.

    everything: (trees,) all bits of a tree; values: of the leaves, flat; offset: (trees,) where
    those of a tree begin.
    """

    def __init__(self, grown: list[Any]) -> None:
        self.grown = grown
        most = max(tree.get_n_leaf_nodes() for tree in grown)
        if most > LEAVES:
            raise NotCompiled(f"trees with more than {LEAVES} leaves")
        self.dtype = np.min_scalar_type(2**most - 1)
        self.everything = np.empty(len(grown), self.dtype)
        self.offset = np.arange(len(grown)) * most
        self.values = np.zeros(len(grown) * most)
        self.splits: dict[int, list[tuple[int, Any, int]]] = {}  # by feature: tree, node, cleared
        for number, tree in enumerate(grown):
            leaves = self._walk(number, tree.nodes, 0, 0)
            self.everything[number] = 2**leaves - 1
        rows = sum(len(one) + 2 for one in self.splits.values())
        if rows * self.everything.nbytes > BYTES:
            raise NotCompiled("trees whose tables would be too large")

    def _walk(self, number: int, nodes: Any, at: int, first: int) -> int:
        """Number the leaves below a node from the left, and return the number after the last."""
        node = nodes[at]
        if node["is_leaf"]:
            self.values[self.offset[number] + first] = node["value"]
            return first + 1
        middle = self._walk(number, nodes, node["left"], first)
        cleared = 2**middle - 2**first
        self.splits.setdefault(int(node["feature_idx"]), []).append((number, node, cleared))
        return self._walk(number, nodes, node["right"], middle)

    def masks(self, feature: int, codes: list[float] | None) -> Masks:
        """Return what bits a value of a feature leaves; codes: its categories, None for numbers."""
        splits = self.splits[feature]
        missing = self._left([s for s in splits if not s[1]["missing_go_to_left"]])
        if codes is not None:
            table = {
                value: self._left([s for s in splits if not self._to_left(s, code)])
                for code, value in enumerate(codes)
                if value == value
            }
            return lambda value: table.get(value, missing)
        splits = sorted(splits, key=lambda split: split[1]["num_threshold"])
        bounds = sorted({float(node["num_threshold"]) for _, node, _ in splits})
        table_of, so_far, at = [self.everything], self.everything, 0
        for bound in bounds:
            end = at
            while end < len(splits) and splits[end][1]["num_threshold"] == bound:
                end += 1
            so_far = so_far & self._left(splits[at:end])
            table_of.append(so_far)
            at = end
        return lambda value: table_of[bisect_left(bounds, value)] if value == value else missing

    def _left(self, splits: list[tuple[int, Any, int]]) -> np.ndarray:
        bits = self.everything.copy()
        for tree, _, cleared in splits:
            bits[tree] &= ~self.dtype.type(cleared)
        return bits

    def _to_left(self, split: tuple[int, Any, int], code: int) -> bool:
        tree, node, _ = split
        bits = self.grown[tree].raw_left_cat_bitsets[node["bitset_idx"]]
        return bool(int(bits[code // 32]) >> (code % 32) & 1)
