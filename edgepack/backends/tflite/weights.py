"""Weights that stay in their file while a converter looks at them."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgepack.compare import Array


@contextmanager
def mapped_weights(folder: Path) -> Iterator[None]:
    """Let onnx give external tensors as read-only views of their files, for as long as the context lasts.

    onnx reads such a tensor anew at every look and keeps each copy in the graph, and onnx2tf looks at every
    tensor in every pass: with the 530 MB of vgg11 that is 28 s and 5.8 GB where views take 7 s and 2.7 GB.
    It changes onnx for the whole process, so only a process that converts and ends may use it.

    Args:
        folder: Where the external files lie.
    """
    from onnx import TensorProto, external_data_helper, helper, numpy_helper

    read = numpy_helper.to_array
    files: dict[str, mmap.mmap] = {}

    def to_array(tensor: Any, base_dir: str = "") -> Array:
        import numpy as np

        if tensor.data_location != TensorProto.EXTERNAL:
            array: Array = read(tensor, base_dir)
            return array
        info = external_data_helper.ExternalDataInfo(tensor)
        if info.location not in files:
            with (folder / info.location).open("rb") as file:
                files[info.location] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        view = np.frombuffer(files[info.location], dtype, prod(tensor.dims), info.offset or 0)
        return view.reshape(tensor.dims)

    numpy_helper.to_array = to_array
    try:
        yield
    finally:
        numpy_helper.to_array = read
