"""Losses: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss through a one-hot of the labels."""

from __future__ import annotations

import math

import numpy as np

from edgepack.backends.passes.forms import as_float, as_index, equal, reduce, reshape
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, op


@rewrite("NegativeLogLikelihoodLoss")
def negative_log_likelihood(node: Node) -> Tensor:
    """The loss is -w[t] x[t] at each label t, reduced by sum, mean or not (ONNX-13)."""
    return _loss(node, _flat(node.tensor(0)))


@rewrite("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(node: Node) -> list[Tensor]:
    """NegativeLogLikelihoodLoss of log softmax over the classes; may give that too (ONNX-13)."""
    scores = _flat(node.tensor(0))
    difference = scores - reduce("Max", scores, [1])
    logarithm = difference - op("Log", reduce("Sum", op("Exp", difference), [1]))
    return [_loss(node, logarithm), reshape(logarithm, node.tensor(0).shape)][: node.outputs]


def _flat(scores: Tensor) -> Tensor:
    return reshape(scores, (*scores.shape[:2], math.prod(scores.shape[2:])))


def _loss(node: Node, logarithm: Tensor) -> Tensor:
    batch, classes, places = logarithm.shape
    labels = reshape(as_index(node.tensor(1)), (batch, 1, places))
    weight = as_float(equal(labels, np.arange(classes)[None, :, None]))
    if node.has(2):
        weight = weight * reshape(node.tensor(2), (1, classes, 1))
    ignores = "ignore_index" in node.given
    if ignores:
        weight = weight * as_float(op("Not", equal(labels, node.integer("ignore_index"))))
    losses = -reduce("Sum", logarithm * weight, [1])
    reduction = node.text("reduction", "mean")
    if reduction == "none":
        return reshape(losses, node.tensor(1).shape)
    total = reduce("Sum", losses, [0, 1, 2], keepdims=False)
    if reduction == "sum":
        return total
    if node.has(2) or ignores:
        return total / reduce("Sum", weight, [0, 1, 2], keepdims=False)
    return total / (batch * places)
