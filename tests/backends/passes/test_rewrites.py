"""Each pass on a small model: it is applied, and what comes out computes the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from edgepack.backends.passes import prepare
from edgepack.backends.passes.native import SUPPORTED

_random = np.random.default_rng(11)


def _floats(*shape: int) -> np.ndarray:
    return _random.standard_normal(shape).astype(np.float32)


@dataclass(frozen=True)
class Rewritten:
    """A model of one node that a pass is for."""

    applied: str
    op_type: str
    feeds: dict[str, np.ndarray]
    constants: list[np.ndarray | None] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 20
    outputs: int = 1
    bind: tuple[str, ...] = ()


_X = _floats(2, 3, 4)
_IMAGE = _floats(1, 4, 6, 7)
_INTS = np.array([[7, -7, 5], [-3, 2, 9]], np.int32)
_BYTES = np.array([[3, 200, 255]], np.uint8)
_GRID = np.tanh(_floats(1, 4, 3, 2)) * 1.2
_INDICES = np.array([[0, -1], [1, 0]])
_SIZES = {"kernel_shape": [2, 2]}

REWRITTEN = [
    Rewritten("identity", "Identity", {"x": _X}),
    Rewritten("dropout", "Dropout", {"x": _X}, opset=13),
    Rewritten("casts", "Cast", {"x": _X * 3}, attributes={"to": 9}),
    Rewritten("casts", "Cast", {"x": np.array([[300, -5, 12]], np.int32)}, attributes={"to": 2}),
    Rewritten("bool_comparison", "Equal", {"x": _X > 0, "y": _X > 0.3}),
    Rewritten("float_remainder", "Mod", {"x": _X * 5, "y": np.abs(_X) + 0.5}, attributes={"fmod": 1}),
    Rewritten("integer_remainder", "Mod", {"x": _INTS, "y": _INTS[::-1].copy()}, attributes={"fmod": 1}),
    Rewritten("reshape_static", "Reshape", {"x": _X}, [np.array([0, -1])]),
    Rewritten("flatten", "Flatten", {"x": _X}, attributes={"axis": -1}),
    Rewritten("squeeze", "Squeeze", {"x": _floats(1, 3, 1)}, [np.array([-1])]),
    Rewritten("unsqueeze", "Unsqueeze", {"x": _X}, [np.array([0, -1])]),
    Rewritten("split_by_slices", "Split", {"x": _floats(5, 2)}, attributes={"num_outputs": 3}, outputs=3),
    Rewritten("slices", "Slice", {"x": _X}, attributes={"starts": [-3], "ends": [9], "axes": [2]}, opset=9),
    Rewritten("slices", "Slice", {"x": _X}, [*(np.array(v) for v in ([-1, 0], [-9, 3], [2, 1], [-2, 2]))]),
    Rewritten("pad_by_concat", "Pad", {"x": _X}, [np.array([1, 2]), None, np.array([-1])]),
    Rewritten("pad_by_concat", "Pad", {"x": _X}, [np.array([0, 0, 2, 0, 0, 1])], {"mode": "wrap"}),
    Rewritten("center_crop_pad", "CenterCropPad", {"x": _X}, [np.array([3, 3, 3])]),
    Rewritten("reduction", "ReduceLogSumExp", {"x": _X}, attributes={"axes": [-1, 0]}, opset=13),
    Rewritten("reduction", "ReduceMax", {"x": _X > 0}, [np.array([1])]),
    Rewritten(
        "arg_extremum",
        "ArgMax",
        {"x": np.array([[1, 3, 3, 2]], np.float32)},
        attributes={"axis": 1, "select_last_index": 1},
    ),
    Rewritten("of_one", "Max", {"x": _X}),
    Rewritten("align_constants", "Add", {"x": _IMAGE}, [_floats(6, 1)]),
    Rewritten("prelu", "PRelu", {"x": _X}, [_floats(3, 4)]),
    Rewritten("power", "Pow", {"x": _INTS}, [np.array(3, np.int32)]),
    Rewritten("clip_by_bounds", "Clip", {"x": _X}, attributes={"min": -0.5, "max": 0.25}, opset=6),
    Rewritten(
        "gather_elements", "GatherElements", {"x": _floats(2, 2), "i": _INDICES}, attributes={"axis": 1}
    ),
    Rewritten("gather_nd", "GatherND", {"x": _floats(2, 2, 3), "i": _INDICES}),
    Rewritten("gather_nd", "GatherND", {"x": _floats(2, 2, 3), "i": _INDICES}, attributes={"batch_dims": 1}),
    Rewritten("reverse_sequence", "ReverseSequence", {"x": _floats(4, 3, 2)}, [np.array([1, 2, 4])]),
    Rewritten("compress", "Compress", {"x": _X}, [np.array([True, False, True])], {"axis": 1}),
    *(
        Rewritten(
            "scatter_elements",
            "ScatterElements",
            {"x": _floats(2, 3), "i": np.array([[0, -1], [1, 1]]), "u": _floats(2, 2)},
            attributes={"axis": 1, "reduction": reduction},
        )
        for reduction in ("add", "mul", "max", "min")
    ),
    Rewritten(
        "scatter_nd",
        "ScatterND",
        {"x": _floats(4, 2), "i": np.array([[1], [-1], [1]]), "u": _floats(3, 2)},
        attributes={"reduction": "add"},
    ),
    Rewritten(
        "one_hot",
        "OneHot",
        {"i": _INDICES, "depth": np.array(3), "values": np.array([2, 5], np.float32)},
        attributes={"axis": 0},
        bind=("depth",),
    ),
    Rewritten("trilu", "Trilu", {"x": _X, "k": np.array(1)}, attributes={"upper": 0}),
    Rewritten(
        "einsum", "Einsum", {"x": _floats(2, 3, 4), "y": _floats(2, 4, 5)}, attributes={"equation": "bij,bjk"}
    ),
    Rewritten("einsum", "Einsum", {"x": _floats(3, 3)}, attributes={"equation": "ii->i"}),
    Rewritten("einsum", "Einsum", {"x": _X, "y": _floats(3)}, attributes={"equation": "bij,i->jb"}),
    Rewritten(
        "batch_normalization",
        "BatchNormalization",
        {"x": _IMAGE, "s": _floats(4), "b": _floats(4), "m": _floats(4), "v": np.abs(_floats(4))},
    ),
    Rewritten(
        "instance_normalization", "InstanceNormalization", {"x": _IMAGE, "s": _floats(4), "b": _floats(4)}
    ),
    Rewritten(
        "group_normalization",
        "GroupNormalization",
        {"x": _IMAGE},
        [_floats(2), _floats(2)],
        {"num_groups": 2},
        opset=18,
    ),
    Rewritten("lp_normalization", "LpNormalization", {"x": _X}, attributes={"p": 1, "axis": 1}),
    Rewritten("max_pool", "MaxPool", {"x": _IMAGE}, attributes={**_SIZES, "dilations": [2, 2]}),
    Rewritten("max_pool", "MaxPool", {"x": _IMAGE}, attributes={**_SIZES, "pads": [0, 1, 1, 0]}, outputs=2),
    Rewritten("average_pool", "AveragePool", {"x": _IMAGE}, attributes={**_SIZES, "dilations": [2, 1]}),
    Rewritten("lp_pool", "LpPool", {"x": _IMAGE}, attributes={**_SIZES, "pads": [1, 0, 0, 1], "p": 3}),
    Rewritten(
        "max_unpool",
        "MaxUnpool",
        {"x": np.array([[[[1, 2], [3, 4]]]], np.float32), "i": np.array([[[[5, 7], [13, 15]]]])},
        attributes={"kernel_shape": [2, 2], "strides": [2, 2]},
    ),
    Rewritten("resize_of_today", "Upsample", {"x": _IMAGE}, [np.array([1, 1, 2, 3], np.float32)], opset=9),
    Rewritten(
        "resize_of_today",
        "Resize",
        {"x": _IMAGE},
        [np.array([1, 1, 2, 3], np.float32)],
        {"mode": "linear"},
        opset=10,
    ),
    Rewritten("convolution", "Conv", {"x": _IMAGE, "w": _floats(6, 2, 3, 3)}, attributes={"group": 2}),
    Rewritten("convolution", "Conv", {"x": _IMAGE}, [_floats(3, 4, 2, 2)], {"auto_pad": "SAME_LOWER"}),
    Rewritten("convolution", "Conv", {"x": _floats(1, 4, 9)}, [_floats(6, 2, 3)], {"group": 2}),
    Rewritten(
        "convolution_transposed",
        "ConvTranspose",
        {"x": _IMAGE, "w": _floats(4, 3, 3, 2)},
        attributes={"group": 2, "strides": [2, 3], "pads": [1, 0, 0, 1], "output_padding": [1, 0]},
    ),
    Rewritten("column_to_image", "Col2Im", {"x": _floats(1, 8, 4)}, [np.array([3, 3]), np.array([2, 2])]),
    Rewritten("exclusive_or", "BitwiseXor", {"x": _BYTES, "y": _BYTES[:, ::-1].copy()}),
    Rewritten("and_or", "BitwiseAnd", {"x": _INTS, "y": _INTS[::-1].copy()}),
    Rewritten("and_or", "BitwiseOr", {"x": _INTS, "y": _INTS[::-1].copy()}),
    Rewritten("complement", "BitwiseNot", {"x": _INTS}),
    Rewritten(
        "shift",
        "BitShift",
        {"x": _BYTES, "y": np.array([[1, 2, 0]], np.uint8)},
        attributes={"direction": "LEFT"},
    ),
    Rewritten("quantize", "QuantizeLinear", {"x": _X}, [np.float32(0.02).reshape(()), np.array(3, np.int8)]),
    Rewritten(
        "dequantize", "DequantizeLinear", {"x": _BYTES}, [np.float32(0.1).reshape(()), np.array(9, np.uint8)]
    ),
    Rewritten("dynamic_quantize", "DynamicQuantizeLinear", {"x": _X}, outputs=3),
    Rewritten(
        "matmul_integer", "MatMulInteger", {"x": _BYTES, "y": _BYTES.T.copy()}, [np.array(7, np.uint8)]
    ),
    Rewritten(
        "conv_integer",
        "ConvInteger",
        {
            "x": _random.integers(0, 255, (1, 2, 5, 5), np.uint8),
            "w": _random.integers(0, 255, (3, 2, 2, 2), np.uint8),
        },
        [np.array(7, np.uint8), np.array(9, np.uint8)],
        {"pads": [1, 0, 0, 1]},
    ),
    Rewritten(
        "qlinear_conv",
        "QLinearConv",
        {"x": _random.integers(0, 255, (1, 2, 5, 5), np.uint8)},
        [
            *(np.array(0.02, np.float32), np.array(120, np.uint8)),
            *(_random.integers(0, 255, (3, 2, 2, 2), np.uint8), np.array([0.01, 0.02, 0.03], np.float32)),
            *(np.array([128, 128, 128], np.uint8), np.array(0.2, np.float32), np.array(100, np.uint8)),
            np.array([50, -20, 7], np.int32),
        ],
    ),
    Rewritten("grid_sample", "GridSample", {"x": _IMAGE, "g": _GRID}, attributes={"mode": "cubic"}),
    Rewritten(
        "grid_sample", "GridSample", {"x": _IMAGE, "g": _GRID}, attributes={"padding_mode": "reflection"}
    ),
    Rewritten("affine_grid", "AffineGrid", {"t": _floats(2, 2, 3)}, [np.array([2, 3, 4, 5])]),
    Rewritten(
        "deformable_convolution",
        "DeformConv",
        {"x": _IMAGE, "w": _floats(3, 4, 2, 2), "o": _floats(1, 8, 5, 6)},
        opset=19,
    ),
    Rewritten("discrete_fourier", "DFT", {"x": _floats(1, 8, 2)}, [None, np.array(1)]),
    Rewritten("discrete_fourier", "DFT", {"x": _floats(1, 8, 1)}, [None, np.array(1)], {"onesided": 1}),
    Rewritten("short_time_fourier", "STFT", {"x": _floats(1, 20, 1)}, [np.array(4), _floats(8)]),
    Rewritten("unique", "Unique", {"x": np.array([2, 1, 1, 3, 2], np.float32)}, outputs=4),
    Rewritten(
        "unrolled",
        "RNN",
        {"x": _floats(4, 2, 3), "w": _floats(1, 5, 3), "r": _floats(1, 5, 5)},
        [_floats(1, 10)],
        {"hidden_size": 5},
    ),
    Rewritten(
        "unrolled",
        "GRU",
        {"x": _floats(4, 2, 3), "w": _floats(2, 15, 3), "r": _floats(2, 15, 5)},
        [_floats(2, 30), np.array([2, 4], np.int32)],
        {"hidden_size": 5, "direction": "bidirectional", "linear_before_reset": 1},
        outputs=2,
    ),
    Rewritten(
        "unrolled",
        "LSTM",
        {"x": _floats(4, 2, 3), "w": _floats(1, 20, 3), "r": _floats(1, 20, 5)},
        [_floats(1, 40), None, _floats(1, 2, 5), _floats(1, 2, 5), _floats(1, 15)],
        {"hidden_size": 5, "direction": "reverse"},
        outputs=3,
    ),
]


@pytest.mark.parametrize("case", REWRITTEN, ids=lambda c: f"{c.applied}-{c.op_type}")
def test_rewritten_model_computes_what_the_source_does(case, one_node, reference, prepared_run):
    model = one_node(
        case.op_type, case.feeds, case.constants, outputs=case.outputs, opset=case.opset, **case.attributes
    )
    prepared = prepare(model, {name: case.feeds[name] for name in case.bind})
    assert prepared.applied == (("the_node", case.applied),)
    assert {node.op_type for node in prepared.model.graph.node} <= SUPPORTED
    expected = reference(model, case.feeds)
    got = prepared_run(prepared.model, case.feeds)
    for value, wanted in zip(got, expected, strict=True):
        assert value.shape == wanted.shape
        np.testing.assert_allclose(value.astype(np.float64), wanted.astype(np.float64), rtol=1e-4, atol=1e-5)
