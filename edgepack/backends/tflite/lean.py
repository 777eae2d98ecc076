"""What onnx2tf's flatbuffer writer does for nothing, left out.

It has no options for these, so its module's names are exchanged while it runs. A release that has rearranged
them does the work after all; `tests/backends/tflite/test_lean.py` tells.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgepack.compare import Array


class _EnoughWritten(Exception):
    """The float32 file is there."""


@contextlib.contextmanager
def lean_writer() -> Iterator[None]:
    """Let the writer end behind the float32 file, and take the schema that is loaded already.

    It would go on to a float16 file, which takes up to a third of its time and twice the memory of the
    weights, and which LiteRT cannot load. It would compile 20,000 lines of generated schema anew for each
    folder that it writes to: 0.17 s, as long as a small model takes in all. LiteRT's module is made of the
    same schema. And it would copy all weights before each group of its passes, to be able to go back.
    """
    from ai_edge_litert import schema_py_generated
    from onnx2tf import tflite_builder

    with contextlib.ExitStack() as stack:
        stack.enter_context(_exchanged(tflite_builder, "clone_model_ir_with_float16", _enough))
        stack.enter_context(
            _exchanged(tflite_builder, "load_schema_module", lambda _folder: vars(schema_py_generated))
        )
        stack.enter_context(_shared_constants())
        with contextlib.suppress(_EnoughWritten):
            yield


@contextlib.contextmanager
def _shared_constants() -> Iterator[None]:
    """Let deep copies share arrays that cannot be written to.

    The writer makes constants so when it has taken their digest, and never undoes that: what would change one
    in place raises. An array says itself how it is copied, so only the table that is asked before it can say
    otherwise.
    """
    import numpy as np

    table: dict[type, Callable[[Any, dict[int, Any]], Any]] = copy._deepcopy_dispatch  # type: ignore[attr-defined]  # it has no public name
    table[np.ndarray] = _shared_or_copied
    try:
        yield
    finally:
        del table[np.ndarray]


def _shared_or_copied(array: Array, memo: dict[int, Any]) -> Array:
    return array.__deepcopy__(memo) if array.flags.writeable else array


def _enough(*_model: Any) -> Any:
    raise _EnoughWritten


@contextlib.contextmanager
def _exchanged(module: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    original = getattr(module, name, None)
    if original is None:
        yield
        return
    setattr(module, name, function)
    try:
        yield
    finally:
        setattr(module, name, original)
