"""Einsum, CumSum, CumProd and Det: sums of products, written out."""

from __future__ import annotations

import string

import numpy as np

from edgepack.backends.passes.forms import (
    check_matrix,
    concat,
    full,
    gather,
    reduce,
    reshape,
    slice_axis,
    transpose,
)
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor


def _terms(equation: str, tensors: list[Tensor]) -> tuple[list[str], str]:
    """The subscripts of each operand and of the result, with `...` spelt out in unused letters."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    unused = [letter for letter in string.ascii_letters if letter not in equation]
    hidden = [t.rank - len(s.replace("...", "")) for s, t in zip(terms, tensors, strict=True)]
    width = max((n for s, n in zip(terms, hidden, strict=True) if "..." in s), default=0)
    dots = "".join(unused[:width])
    terms = [s.replace("...", dots[width - n :]) for s, n in zip(terms, hidden, strict=True)]
    if arrow:
        return terms, right.replace("...", dots)
    letters = "".join(terms)
    return terms, dots + "".join(sorted(c for c in set(letters) - set(dots) if letters.count(c) == 1))


def _diagonals(tensor: Tensor, term: str) -> tuple[Tensor, str]:
    """Take diagonals until no letter stands twice."""
    while len(set(term)) < len(term):
        letter = next(c for c in term if term.count(c) > 1)
        first = term.index(letter)
        second = term.index(letter, first + 1)
        rest = [k for k in range(tensor.rank) if k not in (first, second)]
        moved = transpose(tensor, [first, second, *rest])
        size = moved.shape[0]
        flat = reshape(moved, (size * size, *moved.shape[2:]))
        tensor = gather(flat, np.arange(size) * (size + 1), 0)
        term = letter + "".join(term[k] for k in rest)
    return tensor, term


@rewrite("Einsum")
def einsum(node: Node) -> Tensor:
    """Einsum is a broadcast product over all letters and a sum over those that the result lacks.

    Quadratic in the letters summed, so it is capped; two-operand products of matrices go by MatMul.
    """
    tensors = [node.tensor(k) for k in range(len(node.inputs))]
    terms, result = _terms(node.text("equation"), tensors)
    reduced = [_diagonals(tensor, term) for tensor, term in zip(tensors, terms, strict=True)]
    if len(reduced) == 2 and (product := _as_matmul(*reduced[0], *reduced[1], result)) is not None:
        return product
    order = [*result, *dict.fromkeys(c for _, term in reduced for c in term if c not in result)]
    total: Tensor | None = None
    for tensor, term in reduced:
        ordered = [c for c in order if c in term]
        moved = transpose(tensor, [term.index(c) for c in ordered])
        sizes = dict(zip(ordered, moved.shape, strict=True))
        aligned = reshape(moved, [sizes.get(c, 1) for c in order])
        total = aligned if total is None else total * aligned
    assert total is not None
    check_matrix(total.size)
    summed = list(range(len(result), len(order)))
    return reduce("Sum", total, summed, keepdims=False)


def _as_matmul(left: Tensor, left_term: str, right: Tensor, right_term: str, result: str) -> Tensor | None:
    """A product over one run of shared letters, with batch letters in front: A[b,i,k] B[b,k,j]."""
    shared = [c for c in left_term if c in right_term]
    batch = [c for c in shared if c in result]
    summed = [c for c in shared if c not in result]
    rows = [c for c in left_term if c not in shared]
    columns = [c for c in right_term if c not in shared]
    if not summed or sorted(batch + rows + columns) != sorted(result) or not (rows and columns):
        return None
    sizes = {
        **dict(zip(left_term, left.shape, strict=True)),
        **dict(zip(right_term, right.shape, strict=True)),
    }
    if any(sizes[c] != left.shape[left_term.index(c)] for c in shared):
        return None
    groups = [[sizes[c] for c in group] for group in (batch, rows, summed, columns)]
    b, i, k, j = (int(np.prod(group, dtype=np.int64)) for group in groups)
    first = transpose(left, [left_term.index(c) for c in batch + rows + summed])
    second = transpose(right, [right_term.index(c) for c in batch + summed + columns])
    lead = (b,) if batch else ()
    product = reshape(first, (*lead, i, k)) @ reshape(second, (*lead, k, j))
    order = batch + rows + columns
    return transpose(reshape(product, [sizes[c] for c in order]), [order.index(c) for c in result])


@rewrite("CumProd", structural=(1,))
def cumulative_product(node: Node) -> Tensor:
    """CumProd multiplies one slice after the other (ONNX CumProd-26)."""
    tensor = node.tensor(0)
    axis = node.ints(1, "axis")[0] % tensor.rank
    size = tensor.shape[axis]
    steps = [slice_axis(tensor, axis, k, k + 1) for k in range(size)]
    steps = steps[::-1] if node.integer("reverse") else steps
    results = [steps[0]]
    for step in steps[1:]:
        results.append(results[-1] * step)
    if node.integer("exclusive"):
        results = [full(steps[0].shape, 1, tensor), *results[:-1]]
    return concat(results[::-1] if node.integer("reverse") else results, axis)
