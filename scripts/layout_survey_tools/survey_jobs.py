"""Jobs of scripts/layout_survey: export a network, convert it, count its operators."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgepack.backends.tflite.finish.model import FlatModel
from edgepack.backends.tflite.routes import DIRECT_MODULES
from edgepack.errors import ConversionError

QUICK_MODULES = DIRECT_MODULES
TENSORFLOW_MODULES = ("onnx2tf.onnx2tf", "tensorflow")
SIZES = {"inception_v3": 299, "vit_h_14": 518, "swin_v2_t": 256, "swin_v2_s": 256, "swin_v2_b": 256}
"""Of the pictures of networks that do not take 224 by 224."""

type Job = Callable[[Path, Path], Path]


def export(name: str, folder: Path) -> Path:
    """Export a network of torchvision's by tracing, and prepare its graph as a build does."""
    import torch
    import torchvision

    from edgepack.backends.tflite.graph import tidy
    from edgepack.model import TensorSpec

    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)
    more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = torchvision.models.get_model(name, weights=None, **more).eval()
    randomise(model)
    raw, graph = folder / "raw.onnx", folder / "graph" / "graph.onnx"
    shape = (1, 3, *[SIZES.get(name, 224)] * 2)
    with torch.no_grad():
        options = {"dynamo": False, "opset_version": 17, "input_names": ["image"]}
        torch.onnx.export(model, (torch.randn(shape),), str(raw), **options)
    tidy(raw, graph, [TensorSpec("image", "float32", shape)])
    return graph


def randomise(model: Any) -> None:
    """Give biases and statistics random values: zeros and ones would let converters drop what computes."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() <= 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.1 * torch.randn_like(buffer))
            elif name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand_like(buffer))


def measured(job: Job, graph: Path, file: Path) -> dict[str, float]:
    """Convert, and say how many operators the file has and how many seconds of processor time it took."""
    started = time.process_time()
    made = job(graph, file)
    seconds = time.process_time() - started
    kinds = Counter(operator.kind for operator in FlatModel.read(made).operators)
    return {"operators": kinds.total(), "transposes": kinds["TRANSPOSE"], "seconds": round(seconds, 2)}


def quick(graph: Path, file: Path) -> Path:
    """Onnx2tf's quick converter alone."""
    import onnx
    from onnx2tf.tflite_builder import export_tflite_model_flatbuffer_direct

    from edgepack.backends.tflite.weights import mapped_weights

    with mapped_weights(graph.parent):
        export_tflite_model_flatbuffer_direct(
            onnx_graph=onnx.load(graph, load_external_data=False),
            output_folder_path=str(file.parent),
            output_file_name=file.stem,
            flatbuffer_direct_show_progress=False,
        )
    return file.with_stem(f"{file.stem}_float32")


def edgepack(graph: Path, file: Path) -> Path:
    """The first of edgepack's two quick routes that does not refuse the network."""
    from edgepack.backends.tflite.direct import convert_directly, convert_prepared

    try:
        convert_directly(graph, file)
    except ConversionError:
        convert_prepared(graph, file)
    return file


def tf_converter(graph: Path, file: Path) -> Path:
    """Onnx2tf's way through TensorFlow."""
    from edgepack.backends.tflite.tf_converter import convert_by_tensorflow

    convert_by_tensorflow(graph, file)
    return file
