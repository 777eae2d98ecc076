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
        per_tensor: Operators whose weights get one scale, because kernels ignore all but the first.
        lacking: Operators that stay in float because a target's runtime has no such kernel.
        kept: Further operators that stay in float.
        kept_sequences: Whether FULLY_CONNECTED stays in float where it keeps its input's axes.
        kept_scopes: Single layers that stay in float, too; see `edgepack.backends.tflite.layers.Layer`.
        halved: Operators whose weights become 16-bit floats, too, which ai-edge-quantizer leaves as they are.
        float_io: Whether the file takes and gives floats although it computes in integers.
        fallback: Whether it is for files that the same recipe without `kept` is wrong for.
    """

    name: str
    precision: str
    weight_bits: int
    activation_bits: int | None = None
    per_tensor: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    kept_sequences: bool = False
    kept_scopes: tuple[str, ...] = ()
    halved: tuple[str, ...] = ()
    float_io: bool = False
    fallback: bool = False

    @property
    def calibrated(self) -> bool:
        """Whether it needs the ranges of activations."""
        return self.activation_bits is not None


_MATMUL = ("BATCH_MATMUL",)
_PRODUCTS = ("FULLY_CONNECTED", *_MATMUL)
# Kernels that LiteRT 2.1.2 has and tensorflow-lite 2.16.1, the last of its name on Android, has not.
_NOT_DYNAMIC = ("CONV_2D_TRANSPOSE",)
_NOT_INT8 = ("SQRT", "DIV")
_NOT_INT16 = (*_NOT_INT8, "GELU")

RECIPES = (
    Recipe("float_casting", "float16", 16, halved=(*_MATMUL, "GATHER")),
    Recipe("float_casting_layers", "float16", 16),
    # Of several scales tensorflow-lite 2.16.1 uses none: see docs/arm64.md.
    Recipe("dynamic_range", "dynamic", 8, per_tensor=_PRODUCTS, lacking=_NOT_DYNAMIC),
    # LiteRT 2.1.2 does not prepare the product with one scale everywhere, for example not in an LSTM.
    Recipe(
        "dynamic_range_float_matmul",
        "dynamic",
        8,
        per_tensor=_PRODUCTS,
        lacking=_NOT_DYNAMIC,
        kept=_MATMUL,
        fallback=True,
    ),
    # XNNPACK's int8 product of two activations comes out wrong in LiteRT 2.1.2, and the runtimes' SOFTMAX of
    # integers rounds otherwise on ARM64 than here: docs/arm64.md.
    Recipe("static", "int8", 8, 8, lacking=_NOT_INT8, kept=(*_MATMUL, "SOFTMAX")),
    # The runtime has no product of 16-bit activations with 8-bit weights, and wrong layers of sequences.
    Recipe("static_float_matmul", "int16x8", 8, 16, lacking=_NOT_INT16, kept=_MATMUL, kept_sequences=True),
)
"""In the order to try; the operators are named as ai-edge-quantizer names them."""
