"""A model, a workspace with golden cases, and how calibration data is asked for."""

import numpy as np
import pytest

from edgepack.bundle.manifest import GoldenCase
from edgepack.calibration import open_calibration
from edgepack.config import build_options
from edgepack.golden import GoldenSet
from edgepack.golden_files import write_array
from edgepack.model import ModelSpec, TensorSpec
from edgepack.processing.binding import bind_preprocess
from edgepack.processing.parsing import parse_preprocess

IMAGE = TensorSpec("image", "float32", (1, 3, 6, 8))
LOGITS = TensorSpec("logits", "float32", (1, 5))


@pytest.fixture
def ask(tmp_path):
    """Open calibration data for a model with one input, or with two."""

    def ask(source, inputs=(IMAGE,), preprocess=None, **settings):
        root = tmp_path / "workspace"
        root.mkdir(exist_ok=True)
        model = ModelSpec(inputs, (LOGITS,))
        arrays = [
            {one.name: np.full(one.shape, case, one.dtype) for one in (*inputs, LOGITS)} for case in range(3)
        ]
        cases = [
            GoldenCase(
                {one.name: write_array(root, f"{index}/{one.name}", case[one.name]) for one in inputs},
                {"logits": write_array(root, f"{index}/logits", case["logits"])},
            )
            for index, case in enumerate(arrays)
        ]
        contracts = bind_preprocess([parse_preprocess(preprocess)] if preprocess else [], inputs)
        golden = GoldenSet(root, model, tuple(cases), contracts)
        return open_calibration(
            build_options("net.onnx", {"calibration": str(source), **settings}), model, golden
        )

    return ask
