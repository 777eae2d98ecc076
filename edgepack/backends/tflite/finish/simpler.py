"""Says operators in others that compute the same, which runtimes have better kernels for.

The converter writes BATCH_MATMUL for every product. Where one is by a constant matrix, as in Linear layers
behind a sequence and in each step of an unrolled recurrent layer, quantisers and kernels know more of it as
FULLY_CONNECTED: scales per channel, a bias, and integers that round the same in every release
(docs/arm64.md). SQUEEZE and EXPAND_DIMS are RESHAPEs that quantisers do not know, so integers would become
floats for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgepack.backends.tflite.finish.constant_folding import known_values
from edgepack.backends.tflite.finish.reshapes import Reshapes
from edgepack.backends.tflite.finish.rules import replace_operators

if TYPE_CHECKING:
    from edgepack.backends.tflite.finish.model import FlatModel, Operator


def simplify(model: FlatModel) -> bool:
    """Apply the rules below to every operator, and compute those of constants.

    Returns:
        Whether anything changed.
    """
    simplifying = Simplifying(model)

    def simpler(operator: Operator) -> list[Operator] | None:
        operator.inputs = [simplifying.computed.get(tensor, tensor) for tensor in operator.inputs]
        rule = _RULES.get(operator.kind)
        others = simplifying.known(operator)
        return rule(simplifying, operator) if others is None and rule is not None else others

    return replace_operators(model, simpler)


class Simplifying:
    """What rules share: constants that are made once for all who read them.

    Attributes:
        model: The model.
        reshapes: Makes RESHAPEs.
        computed: Tensors that turned out to be known, and the constants that take their place.
    """

    def __init__(self, model: FlatModel) -> None:
        self.model = model
        self.reshapes = Reshapes(model)
        self.computed: dict[int, int] = {}
        self._matrices: dict[tuple[int, bool], int] = {}

    def known(self, operator: Operator) -> list[Operator] | None:
        """Put constants in the place of an operator, if it can be computed; then nothing is left of it."""
        values = known_values(self.model, operator)
        if values is None:
            return None
        for tensor, value in zip(operator.outputs, values, strict=True):
            self.computed[tensor] = self.model.add_constant(value, self.model.name(tensor))
        return []

    def rows(self, tensor: int, *, transposed: bool) -> int | None:
        """Give a constant matrix with one row for each output, as FULLY_CONNECTED takes it; None for others.

        Args:
            tensor: Right operand of a product, [..., k, n], or [..., n, k] when transposed; axes of size 1
                may stand before.
            transposed: Whether it has that form already.

        Returns:
            A tensor of shape [n, k].
        """
        model, shape = self.model, self.model.shape(tensor)
        value = model.constant(tensor) if model.is_float(tensor) else None
        if value is None or len(shape) < 2 or any(size != 1 for size in shape[:-2]):
            return None
        if (tensor, transposed) not in self._matrices:
            matrix = value.reshape(shape[-2:])
            self._matrices[tensor, transposed] = (
                model.add_view(tensor, shape[-2:])
                if transposed
                else model.add_constant(matrix.T, model.name(tensor))
            )
        return self._matrices[tensor, transposed]


def reshape(simplifying: Simplifying, operator: Operator) -> list[Operator] | None:
    """SQUEEZE and EXPAND_DIMS become RESHAPE, which can find out one open size, not two."""
    if sum(size < 0 for size in simplifying.model.shape(operator.outputs[0])) > 1:
        return None
    return [simplifying.reshapes.make(operator.inputs[0], operator.outputs[0])]


def product_by_constant(simplifying: Simplifying, operator: Operator) -> list[Operator] | None:
    """BATCH_MATMUL by a constant matrix becomes FULLY_CONNECTED."""
    model, options = simplifying.model, operator.options
    left, right = operator.inputs
    (result,) = operator.outputs
    shape = model.shape(left)
    if len(shape) != len(model.shape(result)) or len(shape) < 2 or not model.is_float(left):
        return None
    if model.is_constant(left):
        return None
    weights = simplifying.rows(right, transposed=bool(options and options.adjY))
    if weights is None:
        return None
    made: list[Operator] = []
    if options and options.adjX:
        if 1 not in shape[-2:]:
            return None
        left = simplifying.reshapes.reshaped(left, (*shape[:-2], shape[-1], shape[-2]), made)
    product = model.make_operator("FULLY_CONNECTED", [left, weights, -1], [result])
    product.options.keepNumDims = True
    return [*made, product]


_RULES: dict[str, Callable[[Simplifying, Operator], list[Operator] | None]] = {
    "BATCH_MATMUL": product_by_constant,
    "SQUEEZE": reshape,
    "EXPAND_DIMS": reshape,
}
