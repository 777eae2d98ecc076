"""Stable names for whatever tensors a module's forward returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from edgepack.errors import SourceError
from edgepack.model import DTYPES

type Named = tuple[str, torch.Tensor]


def named_tensors(value: Any) -> tuple[list[Named], list[str]]:
    """Flatten an output, depth first, and name its tensors.

    A tensor alone is "output". Keys of mappings and field names of dataclasses and named tuples are names;
    members of other tuples and lists are "output_0", "output_1", …; what is nested is joined by ".".

    Args:
        value: What forward returned.

    Returns:
        The tensors by name, and what else there was and cannot be an output: "labels (a str)".

    Raises:
        SourceError: There is no tensor, or two get the same name.
    """
    leaves = list(_walk(value, ""))
    tensors = [(name, leaf) for name, leaf in leaves if isinstance(leaf, torch.Tensor)]
    others = [
        f"{name} (a {type(leaf).__name__})" for name, leaf in leaves if not isinstance(leaf, torch.Tensor)
    ]
    if not tensors:
        raise SourceError(
            f"the model returns no tensor but {', '.join(others) or f'an empty {type(value).__name__}'}",
            hint="return a tensor, or tuples, lists, dicts or dataclasses of tensors",
        )
    if len(tensors) == 1 and isinstance(value, list | tuple) and tensors[0][0] == "output_0":
        tensors = [("output", tensors[0][1])]
    names = [name for name, _ in tensors]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(
                f"two outputs of the model would both be named {name!r}", hint="return them under other keys"
            )
    return tensors, others


def refuse_unusable(name: str, tensor: torch.Tensor) -> None:
    """Refuse an output that no golden file and no artifact can hold.

    Raises:
        SourceError: It is sparse, quantised, empty, complex or of another dtype that edge formats lack.
    """
    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout != torch.strided:
        raise SourceError(f"output {name!r} is sparse", hint="return it as .to_dense()")
    if tensor.is_quantized:
        raise SourceError(f"output {name!r} is quantised ({dtype})", hint="return it as .dequantize()")
    if tensor.is_complex():
        raise SourceError(f"output {name!r} is complex ({dtype})", hint="return torch.view_as_real of it")
    if dtype not in DTYPES:
        raise SourceError(
            f"output {name!r} is of dtype {dtype}, which no edge format has",
            hint="return it as .float(), or call .float() on a model that computes in it",
        )
    if tensor.numel() == 0:
        raise SourceError(
            f"output {name!r} is empty: its shape is {list(tensor.shape)}",
            hint="give inputs for which the model computes something",
        )


def _walk(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Give (name, leaf) for all that a nested value holds."""
    members = _members(value)
    if members is None:
        yield name or "output", value
        return
    for key, member in members:
        if name:
            inner = f"{name}.{key}"
        else:
            inner = f"output_{key}" if isinstance(key, int) and not isinstance(value, Mapping) else str(key)
        yield from _walk(member, inner)


def _members(value: Any) -> list[tuple[Any, Any]] | None:
    """Give a container's members with their keys, or None for anything else."""
    # Outputs of some libraries are mappings and dataclasses at once; the mapping leaves out what is absent.
    if isinstance(value, Mapping):
        return list(value.items())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, tuple) and (fields := _field_names(value)):
        return list(zip(fields, value, strict=False))
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    return None


def _field_names(value: tuple[Any, ...]) -> tuple[str, ...]:
    """Give the field names of a named tuple, or of what torch.max and its like return."""
    if hasattr(value, "_fields"):
        return tuple(value._fields)
    return tuple(getattr(type(value), "__match_args__", ()))
