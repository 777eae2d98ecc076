"""NonMaxSuppression in the one form that the converter has: one image, boxes as corners."""

from __future__ import annotations

import numpy as np

from edgepack.backends.passes.dtypes import INT32, INT64
from edgepack.backends.passes.forms import concat, retag, slice_axis
from edgepack.backends.passes.node import Node
from edgepack.backends.passes.registry import rewrite
from edgepack.backends.passes.values import Tensor, array_constant, op


def _native(node: Node) -> bool:
    return node.emitted or (node.tensor(0).shape[0] == 1 and not node.integer("center_point_box"))


@rewrite("NonMaxSuppression", when=lambda node: not _native(node), structural=(2, 3, 4))
def suppression_per_image(node: Node) -> Tensor:
    """NonMaxSuppression of each image apart, boxes by centre turned into corners.

    The number of boxes kept depends on data, so the results are joined as they come (ONNX-11).
    """
    boxes, scores = node.tensor(0), node.tensor(1)
    if node.integer("center_point_box"):
        x, y, width, height = (slice_axis(boxes, 2, k, k + 1) for k in range(4))
        half_width, half_height = width * 0.5, height * 0.5
        boxes = concat([y - half_height, x - half_width, y + half_height, x + half_width], 2)
    limits = [node.optional(k) for k in range(2, 5)]
    kept = []
    for image in range(boxes.shape[0]):
        one = [slice_axis(t, 0, image, image + 1) for t in (boxes, scores)]
        found = op("NonMaxSuppression", *one, *limits)
        if image:
            offset = array_constant(np.array([[image, 0, 0]], np.int32), found)
            found = retag(op("Add", retag(found, INT32), offset), INT64)
        kept.append(found)
    return kept[0] if len(kept) == 1 else op("Concat", *kept, axis=0)
