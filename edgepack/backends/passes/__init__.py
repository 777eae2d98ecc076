"""Prepares an ONNX graph for the TFLite converter: rewrites what it refuses and guards what it gets wrong.

`prepare` says the whole graph anew in operators that the converter takes; `guard` touches only nodes that
the converter is known to get silently wrong. Each pass is one function in a file of `rewrites`, found by
discovery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgepack.backends.passes.dtypes import Array

__all__ = ["Prepared", "guard", "prepare"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A graph ready for the converter.

    Attributes:
        model: The onnx.ModelProto; the one that was given, unchanged, when nothing was needed.
        applied: Source node and pass, for every source node that was not taken over as it is.
        dtypes: Per input and output whose dtype changed, the source's and the file's.
        bound: Inputs that were fixed to a value and are gone.
        added: Inputs that the source has not, because a graph of constants needs one. Their values don't
            matter.
    """

    model: Any
    applied: tuple[tuple[str, str], ...] = ()
    dtypes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    bound: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def prepare(model: Any, bind: Mapping[str, Array] | None = None) -> Prepared:
    """Say a model in operators, dtypes and attributes that the converter takes and gets right.

    Args:
        model: An onnx.ModelProto of any opset whose inputs have static shapes; it is not changed.
        bind: Inputs to fix to a value; those that decide shapes must be.

    Raises:
        ConversionError: No faithful form is known; the message names operator, node and reason.
    """
    from edgepack.backends.passes.preparing import prepare_graph

    return prepare_graph(model, bind or {})


def guard(model: Any) -> Prepared:
    """Replace only nodes that the converter gets silently wrong; all else stays as it is.

    The bodies of If, Loop and Scan are guarded too.

    Args:
        model: An onnx.ModelProto; it is not changed.

    Raises:
        ConversionError: A node that the converter gets wrong has no other form.
    """
    from edgepack.backends.passes.guarding import guard_graph

    return guard_graph(model)
