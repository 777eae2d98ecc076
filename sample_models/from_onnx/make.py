"""Writes model.onnx beside it: a small image network built node by node, without PyTorch.

Run it as `python sample_models/from_onnx/make.py`; `--output` writes elsewhere.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

IMAGE = (1, 3, 20, 28)
CLASSES = 7


def weights() -> dict[str, NDArray[np.float32]]:
    """Draw all weights; none is zero or one, so that each of them matters."""
    draw = np.random.default_rng(0)

    def normal(*shape: int, std: float) -> NDArray[np.float32]:
        return draw.normal(0, std, shape).astype(np.float32)

    def positive(*shape: int) -> NDArray[np.float32]:
        return draw.uniform(0.5, 1.5, shape).astype(np.float32)

    return {
        "stem.weight": normal(8, 3, 3, 3, std=0.25),
        "stem.scale": positive(8),
        "stem.bias": normal(8, std=0.2),
        "stem.mean": normal(8, std=0.2),
        "stem.var": positive(8),
        "depthwise.weight": normal(8, 1, 3, 3, std=0.35),
        "depthwise.bias": normal(8, std=0.2),
        "pointwise.weight": normal(8, 8, 1, 1, std=0.35),
        "pointwise.bias": normal(8, std=0.2),
        "classifier.weight": normal(CLASSES, 16, std=0.15),
        "classifier.bias": normal(CLASSES, std=0.2),
    }


def model() -> onnx.ModelProto:
    """Build the network: a residual block, then mean and maximum pooled side by side."""
    norm = ["stem.scale", "stem.bias", "stem.mean", "stem.var"]
    nodes = [
        helper.make_node(
            "Conv", ["image", "stem.weight"], ["stem"], auto_pad="SAME_UPPER", strides=[2, 2], name="stem"
        ),
        helper.make_node("BatchNormalization", ["stem", *norm], ["normed"], epsilon=1e-3, name="norm"),
        helper.make_node("LeakyRelu", ["normed"], ["trunk"], alpha=0.1, name="activation"),
        helper.make_node(
            "Conv",
            ["trunk", "depthwise.weight", "depthwise.bias"],
            ["filtered"],
            group=8,
            pads=[1, 1, 1, 1],
            name="depthwise",
        ),
        helper.make_node("HardSwish", ["filtered"], ["active"], name="hard_swish"),
        helper.make_node(
            "Conv", ["active", "pointwise.weight", "pointwise.bias"], ["mixed"], name="pointwise"
        ),
        helper.make_node("Add", ["trunk", "mixed"], ["sum"], name="residual"),
        helper.make_node("GlobalAveragePool", ["sum"], ["mean"], name="mean"),
        helper.make_node("GlobalMaxPool", ["sum"], ["maximum"], name="maximum"),
        helper.make_node("Concat", ["mean", "maximum"], ["pooled"], axis=1, name="concat"),
        helper.make_node("Flatten", ["pooled"], ["features"], name="flatten"),
        helper.make_node(
            "Gemm",
            ["features", "classifier.weight", "classifier.bias"],
            ["logits"],
            transB=1,
            name="classifier",
        ),
        helper.make_node("Softmax", ["logits"], ["scores"], name="softmax"),
    ]
    graph = helper.make_graph(
        nodes,
        "from_onnx",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, IMAGE)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, (1, CLASSES))],
        [numpy_helper.from_array(value, name) for name, value in weights().items()],
    )
    opset = helper.make_opsetid("", 17)
    made = helper.make_model(graph, opset_imports=[opset], producer_name="edgepack sample", ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    onnx.save(model(), parser.parse_args().output / "model.onnx")


if __name__ == "__main__":
    main()
