"""MobileNetV2's .tflite in five precisions: onnx2tf's own way through TensorFlow, and edgepack's.

`prepare FOLDER` makes what both start from; `onnx2tf FOLDER` and `edgepack FOLDER` are what is timed.
edgepack finds the float32 file in its cache, loads the model, makes and verifies the other four, and writes
the bundle. onnx2tf makes the same files from an ONNX graph and verifies nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

MODEL = "sample_models/mobilenet_v2/model.py:mobilenet_v2"
SAMPLES = 16
SIDE = 224


def prepare(folder: Path) -> None:
    """Make the calibration data, the ONNX graph, and a cache that holds the float32 file."""
    import numpy as np
    import torch
    from bare_chain import OPSET, load

    images = np.random.default_rng(0).normal(size=(SAMPLES, 3, SIDE, SIDE)).astype(np.float32)
    np.savez(folder / "images.npz", image=images)
    np.save(folder / "images.npy", images.transpose(0, 2, 3, 1))
    with torch.no_grad():
        torch.onnx.export(
            load(MODEL),
            (torch.from_numpy(images[:1]),),
            str(folder / "model.onnx"),
            dynamo=False,
            input_names=["image"],
            opset_version=OPSET,
        )
    build(folder, folder / "prepared", "--precision", "float32")


def onnx2tf(folder: Path) -> None:
    """Make the five files by onnx2tf alone."""
    import onnx2tf

    output = folder / "onnx2tf"
    shutil.rmtree(output, ignore_errors=True)
    os.chdir(folder)
    # It starts tools of its environment by name.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    onnx2tf.convert(
        input_onnx_file_path=str(folder / "model.onnx"),
        output_folder_path=str(output),
        tflite_backend="tf_converter",
        output_integer_quantized_tflite=True,
        custom_input_op_name_np_data_path=[
            ["image", str(folder / "images.npy"), [[[[0, 0, 0]]]], [[[[1, 1, 1]]]]]
        ],
        non_verbose=True,
    )


def edgepack(folder: Path) -> None:
    """Make and verify the other four by edgepack, and write the bundle."""
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(folder / "prepared", cache)
    build(folder, cache)


def build(folder: Path, cache: Path, *options: str) -> None:
    """Build the .tflite files of MobileNetV2, with a given cache."""
    output = folder / "bundle"
    shutil.rmtree(output, ignore_errors=True)
    program = str(Path(sys.executable).parent / "edgepack")
    formats = ("--format", "tflite", "--calibration", str(folder / "images.npz"), "-o", str(output))
    environment = {**os.environ, "EDGEPACK_CACHE_DIR": str(cache)}
    subprocess.run([program, "build", MODEL, *formats, *options], env=environment, check=True)


if __name__ == "__main__":
    {"prepare": prepare, "onnx2tf": onnx2tf, "edgepack": edgepack}[sys.argv[1]](Path(sys.argv[2]))
