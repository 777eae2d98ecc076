"""A .tflite file opened in LiteRT, its tensors by position as every TensorFlow Lite API has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.backends.tflite.flatbuffer import IDENTIFIER
from edgepack.errors import SourceError

if TYPE_CHECKING:
    from edgepack.compare import Array

_IDENTIFIER_AT = slice(4, 8)


@dataclass(frozen=True, slots=True)
class FileTensor:
    """An input or output as the file declares it.

    Attributes:
        name: The tensor's name in the file.
        dtype: A numpy name.
        shape: Every dimension fixed.
        scale: For quantised tensors, one value or one per channel.
        zero_point: As many as scales.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()


class Interpreter:
    """An open file.

    Attributes:
        inputs: In the order of the main subgraph, which is that of Android's API.
        outputs: Likewise.
    """

    def __init__(self, litert: Any) -> None:
        self._litert = litert
        self._input_details = litert.get_input_details()
        self._output_details = litert.get_output_details()
        self.inputs = tuple(_file_tensor(one) for one in self._input_details)
        self.outputs = tuple(_file_tensor(one) for one in self._output_details)

    def run(self, feed: Sequence[Array]) -> list[Array]:
        """Run once, tensors by position and in the file's own dtypes and layout.

        Raises:
            SourceError: They are more or fewer than the file takes.
        """
        if len(feed) != len(self.inputs):
            raise SourceError(f"the file's inputs number {len(self.inputs)}, and {len(feed)} were given")
        for detail, array in zip(self._input_details, feed, strict=True):
            self._litert.set_tensor(detail["index"], array)
        self._litert.invoke()
        return [self._litert.get_tensor(detail["index"]) for detail in self._output_details]


def open_file(path: Path) -> Interpreter:
    """Open a file for running on one thread, XNNPACK included as on phones.

    Raises:
        ValueError: It does not start as TensorFlow Lite files do.
        Exception: Whatever LiteRT raises on a file it refuses.
    """
    with path.open("rb") as file:
        if file.read(_IDENTIFIER_AT.stop)[_IDENTIFIER_AT] != IDENTIFIER:
            raise ValueError(f"{path.name} is not a TensorFlow Lite file, or its start is damaged")
    from ai_edge_litert.interpreter import Interpreter as LiteRT

    litert = LiteRT(model_path=str(path), num_threads=1)
    litert.allocate_tensors()
    return Interpreter(litert)


def open_all_tensors(path: Path) -> Any:
    """Open a file so that every tensor can be read after a run: LiteRT's own interpreter."""
    import warnings

    from ai_edge_litert.interpreter import Interpreter as LiteRT

    with warnings.catch_warnings():
        # It says that this takes memory.
        warnings.simplefilter("ignore", UserWarning)
        litert = LiteRT(model_path=str(path), num_threads=1, experimental_preserve_all_tensors=True)
    litert.allocate_tensors()
    return litert


def read_tensor(litert: Any, detail: Any) -> Array | None:
    """Read a tensor after a run; None where the runtime never gave it memory."""
    try:
        values: Array = litert.get_tensor(detail["index"])
    except ValueError:
        return None
    return values


def _file_tensor(detail: Any) -> FileTensor:
    import numpy as np

    quantisation = detail["quantization_parameters"]
    return FileTensor(
        name=str(detail["name"]),
        dtype=np.dtype(detail["dtype"]).name,
        shape=tuple(int(size) for size in detail["shape"]),
        scale=tuple(float(value) for value in quantisation["scales"]),
        zero_point=tuple(int(value) for value in quantisation["zero_points"]),
    )
