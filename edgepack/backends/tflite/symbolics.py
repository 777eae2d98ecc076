"""Operators that torch.onnx's TorchScript exporter writes as something else, without an error."""

from __future__ import annotations

from typing import Any


def correct_exporter(opset: int) -> None:
    """Let the exporter round quotients and shifts of integers down, as PyTorch does, instead of towards zero.

    It changes torch for the whole process, so only a job may call it.

    Args:
        opset: That the exporter will write.
    """
    import torch

    for name, symbolic in _SYMBOLICS.items():
        torch.onnx.register_custom_op_symbolic(name, symbolic, opset)


def floor_divide(graph: Any, dividend: Any, divisor: Any) -> Any:
    """Write floor(dividend / divisor); torch.onnx still has what floor_divide meant before torch 1.13."""
    from torch.onnx import symbolic_helper

    if symbolic_helper._is_fp(dividend) or symbolic_helper._is_fp(divisor):
        return graph.op("Floor", graph.op("Div", dividend, divisor))
    # Mod has the divisor's sign (ONNX Mod-13), so the rest is divided without a remainder.
    rest = graph.op("Sub", dividend, graph.op("Mod", dividend, divisor))
    return graph.op("Div", rest, divisor)


def right_shift(graph: Any, number: Any, places: Any) -> Any:
    """Write floor(number / 2**places)."""
    import torch
    from torch.onnx import symbolic_helper

    dtype = symbolic_helper._type_utils.JitScalarType.from_value(number).onnx_type()
    two = graph.op("Constant", value_t=torch.tensor(2.0))
    exponent = graph.op("Cast", places, to_i=torch.onnx.TensorProtoDataType.FLOAT)
    return floor_divide(graph, number, graph.op("Cast", graph.op("Pow", two, exponent), to_i=dtype))


# The exporter takes the last underscore of __rshift__ for the mark of an operator in place.
_SYMBOLICS = {"aten::floor_divide": floor_divide, "aten::__rshift_": right_shift}
