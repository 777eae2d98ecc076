"""How each precision is made from the float32 file, as data for ai-edge-quantizer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """What becomes of weights and activations.

    Attributes:
        name: The route's.
        precision: What it leads to.
        weight_bits: 16 for floats, 8 for integers with one scale per output channel.
        activation_bits: 8 or 16; None for floats.
        per_tensor: Operators whose weights get one scale, because their kernels ignore all but the first.
        kept: Operators that stay in float.
        kept_scopes: Single layers that stay in float, too; see `edgepack.backends.tflite.layers.Layer`.
        float_io: Whether the file takes and gives floats although it computes in integers.
    """

    name: str
    precision: str
    weight_bits: int
    activation_bits: int | None = None
    per_tensor: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    kept_scopes: tuple[str, ...] = ()
    float_io: bool = False

    @property
    def calibrated(self) -> bool:
        """Whether it needs the ranges of activations."""
        return self.activation_bits is not None


_MATMUL = ("BATCH_MATMUL",)

RECIPES = (
    Recipe("float_casting", "float16", 16),
    Recipe("dynamic_range", "dynamic", 8),
    Recipe("static", "int8", 8, 8, per_tensor=_MATMUL),
    # XNNPACK's int8 product of two activations comes out wrong for some shapes, such as attention's.
    Recipe("static_float_matmul", "int8", 8, 8, kept=_MATMUL),
    # The runtime has no product of 16-bit activations with 8-bit weights.
    Recipe("static_float_matmul", "int16x8", 8, 16, kept=_MATMUL),
)
"""In the order to try; the operators are TensorFlow Lite's."""
