"""Operators of classical machine learning (ai.onnx.ml) and text counting on integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from edgepack.backends.passes import hints
from edgepack.backends.passes.dtypes import FLOAT32, Refusal
from edgepack.backends.passes.forms import (
    as_float,
    cast,
    concat,
    equal,
    full,
    gather,
    maximum,
    reduce,
    reshape,
    slice_axis,
)
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, array_constant, op

_ML = "ai.onnx.ml"
_MEMBER = 6  # nodes_modes of a set membership test (TreeEnsemble-5)


@rewrite("Binarizer", domain=_ML)
def binarizer(node: Node) -> Tensor:
    """Binarizer is 1 above the threshold, 0 elsewhere (ai.onnx.ml 1)."""
    return cast(node.tensor(0) > node.real("threshold"), FLOAT32)


@rewrite("ArrayFeatureExtractor", domain=_ML)
def array_feature_extractor(node: Node) -> Tensor:
    """ArrayFeatureExtractor gathers along the last axis (ai.onnx.ml 1)."""
    tensor = node.tensor(0)
    taken = gather(tensor, reshape(node.tensor(1), (-1,)), tensor.rank - 1)
    return reshape(taken, (1, -1)) if tensor.rank == 1 else taken


def _numbers(node: Node, name: str) -> list[Any]:
    value = node.attributes.get(name, [])
    return numpy_helper.to_array(value).tolist() if isinstance(value, TensorProto) else list(value)


class _Forest:
    """The trees of a TreeEnsemble as sums of products: each leaf's weight times the tests on its path."""

    def __init__(self, node: Node) -> None:
        names = ("featureids", "splits", "modes", "truenodeids", "trueleafs", "falsenodeids", "falseleafs")
        rows = [_numbers(node, f"nodes_{name}") for name in names]
        self.features, self.splits, self.modes, self.yes, self.yes_leaf, self.no, self.no_leaf = rows
        self.targets, self.weights = _numbers(node, "leaf_targetids"), _numbers(node, "leaf_weights")
        self.roots = [int(r) for r in _numbers(node, "tree_roots")]
        self.members = _member_sets(_numbers(node, "membership_values"), self.modes)
        self.table = as_float(node.tensor(0))
        self.sums: dict[int, Tensor] = {}

    def visit(self, index: int, reached: Tensor | None) -> None:
        """Add what the leaves below a node give, times whether a row reaches it."""
        test = self._test(index)
        branches = ((self.yes, self.yes_leaf, test), (self.no, self.no_leaf, 1.0 - test))
        for children, leaf, taken in branches:
            arrives = taken if reached is None else reached * taken
            child = int(children[index])
            if leaf[index]:
                target = int(self.targets[child])
                part = arrives * float(self.weights[child])
                self.sums[target] = self.sums[target] + part if target in self.sums else part
            else:
                self.visit(child, arrives)

    def _test(self, index: int) -> Tensor:
        column = slice_axis(self.table, 1, int(self.features[index]), int(self.features[index]) + 1)
        split, mode = float(self.splits[index]), int(self.modes[index])
        if mode == _MEMBER:
            hits = [as_float(equal(column, member)) for member in self.members[index]]
            result = hits[0]
            for hit in hits[1:]:
                result = maximum(result, hit)
            return result
        if mode in (4, 5):
            same = equal(column, split)
            return as_float(same if mode == 4 else op("Not", same))
        return as_float((column <= split, column < split, column >= split, column > split)[mode])


def _member_sets(values: Sequence[float], modes: Sequence[int]) -> dict[int, list[float]]:
    """The sets of the membership tests, which NaN divides (TreeEnsemble-5)."""
    sets: list[list[float]] = [[]]
    for value in values:
        if np.isnan(value):
            sets.append([])
        else:
            sets[-1].append(float(value))
    nodes = [index for index, mode in enumerate(modes) if mode == _MEMBER]
    return dict(zip(nodes, sets, strict=False))


@rewrite("TreeEnsemble", domain=_ML)
def tree_ensemble(node: Node) -> Tensor:
    """TreeEnsemble summed without a transform (ai.onnx.ml 5)."""
    if node.integer("aggregate_function", 1) != 1 or node.integer("post_transform"):
        raise Refusal("only sums without a transform are written out")
    forest = _Forest(node)
    for root in forest.roots:
        forest.visit(root, None)
    count = node.integer("n_targets", 1)
    rows = forest.table.shape[0]
    return concat([forest.sums.get(k, full((rows, 1), 0.0, forest.table)) for k in range(count)], 1)


@rewrite("TfIdfVectorizer")
def tfidf_vectorizer(node: Node) -> Tensor:
    """TfIdfVectorizer counts n-grams of known integers by comparing shifted columns (ONNX-9)."""
    if "pool_int64s" not in node.given:
        raise Refusal("its n-grams are strings", hints.STRINGS)
    tensor = node.tensor(0)
    table = tensor if tensor.rank == 2 else reshape(tensor, (1, -1))
    indexes = node.integers("ngram_indexes")
    width = max(indexes) + 1
    columns = [full((table.shape[0], 1), 0.0, as_float(table))] * width
    for gram, place in zip(_grams(node), indexes, strict=True):
        if node.integer("min_gram_length") <= len(gram) <= node.integer("max_gram_length"):
            for skip in range(node.integer("max_skip_count") + 1 if len(gram) > 1 else 1):
                columns[place] = columns[place] + _count(table, gram, skip + 1)
    result = _weighted(node, concat(columns, 1), indexes)
    return reshape(result, (width,)) if tensor.rank == 1 else result


def _grams(node: Node) -> list[list[int]]:
    pool, starts = node.integers("pool_int64s"), node.integers("ngram_counts")
    ends = [*starts[1:], len(pool)]
    found = []
    for length, (start, end) in enumerate(zip(starts, ends, strict=True), 1):
        found += [pool[k : k + length] for k in range(start, end, length)]
    return found


def _count(table: Tensor, gram: list[int], stride: int) -> Tensor:
    """How often a gram stands in each row with its items `stride` apart."""
    places = table.shape[1] - (len(gram) - 1) * stride
    if places <= 0:
        return full((table.shape[0], 1), 0.0, as_float(table))
    hit: Tensor | None = None
    for k, item in enumerate(gram):
        here = as_float(equal(slice_axis(table, 1, k * stride, k * stride + places), item))
        hit = here if hit is None else hit * here
    assert hit is not None
    return reduce("Sum", hit, [1])


def _weighted(node: Node, counts: Tensor, indexes: list[int]) -> Tensor:
    mode = node.text("mode")
    if mode == "TF":
        return counts
    weights = np.ones((1, counts.shape[1]), np.float32)
    for place, weight in zip(indexes, node.attributes.get("weights") or [], strict=False):
        weights[0, place] = weight
    present = as_float(counts > 0.0) if mode == "IDF" else counts
    return present * array_constant(weights, counts)
