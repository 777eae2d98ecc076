"""Carry tensors across an artifact's border, from the source's layout and dtype to the file's and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from edgepack.bundle.manifest import TensorContract
from edgepack.compare import Array
from edgepack.errors import SourceError
from edgepack.model import TensorSpec


def to_file(array: Array, contract: TensorContract) -> Array:
    """Turn a source tensor into the file's: transpose by `axes`, reshape to `shape`, then cast or quantise.

    Where the ranks differ, by axes of size 1 only, the reshape adds or drops them.

    Args:
        array: In the source's shape and dtype.
        contract: Of the file's tensor.

    Returns:
        A contiguous array in the file's shape and dtype. Quantised values that would leave the file's dtype
        are clamped to its ends, as the runtimes do.

    Raises:
        SourceError: The array does not fit the contract, or holds a value that the file's dtype cannot.
    """
    if len(contract.axes) != array.ndim or array.size != prod(contract.shape):
        raise SourceError(
            f"{contract.name}: shape {list(array.shape)} cannot become the file's {_layout(contract)}"
        )
    moved = array.transpose(contract.axes).reshape(contract.shape)
    if contract.scale:
        return _quantised(moved, contract)
    return _cast(moved, contract.dtype, contract.name)


def to_source(array: Array, contract: TensorContract, spec: TensorSpec) -> Array:
    """Turn a tensor of the file into the source's; the inverse of `to_file`.

    Args:
        array: In the file's shape and dtype.
        contract: Of the file's tensor.
        spec: The source's tensor.

    Returns:
        A contiguous array in the source's shape and dtype; quantised values become
        (q - zero_point) * scale.

    Raises:
        SourceError: The array does not fit the contract, or holds a value that the source's dtype cannot.
    """
    if array.size != spec.elements or sorted(contract.axes) != list(range(len(spec.shape))):
        raise SourceError(
            f"{contract.name}: the file's {list(array.shape)} by {_layout(contract)} cannot become {spec}"
        )
    if contract.scale:
        scale, zero_point = _parameters(contract)
        array = (array.astype(np.float64) - zero_point) * scale
    ordered = array.reshape([spec.shape[axis] for axis in contract.axes])
    return _cast(ordered.transpose(np.argsort(contract.axes)), spec.dtype, contract.name)


def inputs_by_position(feed: Mapping[str, Array], contracts: Sequence[TensorContract]) -> list[Array]:
    """Give one case's inputs as the file takes them, in its own order.

    Args:
        feed: By name, in the source's layout and dtypes.
        contracts: Of the file's inputs.

    Raises:
        SourceError: See `to_file`.
    """
    return [to_file(feed[one.name], one) for one in sorted(contracts, key=lambda contract: contract.index)]


def outputs_by_name(
    outputs: Sequence[Array], contracts: Sequence[TensorContract], specs: Sequence[TensorSpec]
) -> dict[str, Array]:
    """Give one case's outputs by name, in the source's layout and dtypes.

    Args:
        outputs: By position, as the file gives them.
        contracts: Of the file's outputs.
        specs: Of the source's outputs.

    Raises:
        SourceError: There is no output at a position, or see `to_source`.
    """
    for one in contracts:
        if one.index >= len(outputs):
            raise SourceError(
                f"{one.name}: it should be the file's output {one.index}, counted from 0, "
                f"and the file has {len(outputs)}"
            )
    by_name = {spec.name: spec for spec in specs}
    return {one.name: to_source(outputs[one.index], one, by_name[one.name]) for one in contracts}


def _quantised(array: Array, contract: TensorContract) -> Array:
    if np.isnan(array).any():
        raise SourceError(f"{contract.name}: not a number cannot be quantised to {contract.dtype}")
    scale, zero_point = _parameters(contract)
    limits = np.iinfo(contract.dtype)
    steps = np.rint(array.astype(np.float64) / scale + zero_point)
    return np.asarray(np.clip(steps, limits.min, limits.max)).astype(contract.dtype, order="C")


def _parameters(contract: TensorContract) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give scales and zero points as arrays; where there are several, they are the file's last axis's."""
    expected = {1, contract.shape[-1] if contract.shape else 1}
    if len(contract.scale) not in expected or len(contract.zero_point) != len(contract.scale):
        raise SourceError(
            f"{contract.name}: {len(contract.scale)} scales and {len(contract.zero_point)} zero points "
            f"do not fit the file's {_layout(contract)}"
        )
    return np.asarray(contract.scale, np.float64), np.asarray(contract.zero_point, np.float64)


def _cast(array: Array, dtype: str, name: str) -> Array:
    """Change the dtype; only the rounding between float widths may change a value."""
    target = np.dtype(dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        cast = array.astype(target, order="C")
        if np.issubdtype(array.dtype, np.floating) and np.issubdtype(target, np.floating):
            wrong = np.isfinite(array) & ~np.isfinite(cast)
        else:
            wrong = cast.astype(array.dtype) != array
    if wrong.any():
        value = array[wrong].flat[0]
        raise SourceError(
            f"{name}: {value} cannot be held in {dtype}",
            hint=f"the file holds this tensor as {dtype}; keep its values within that",
        )
    return cast


def _layout(contract: TensorContract) -> str:
    return f"shape {list(contract.shape)} with axes {list(contract.axes)}"
