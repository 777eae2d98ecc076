"""Collects the nodes of the graph being made: names, initializers, types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgepack.backends.passes.dtypes import INT64, Array, DType, is_string, physical, to_physical
from edgepack.backends.passes.native import STRUCTURAL
from edgepack.backends.passes.schemas import element_type
from edgepack.backends.passes.values import Tensor

# Constants up to this many bytes are compared by content, so that equal ones are stored once.
_COMPARED_BYTES = 4096


@dataclass(slots=True)
class Emitter:
    """The graph so far.

    Attributes:
        keep_dtypes: Whether values keep their logical dtypes rather than take the phone's.
        taken: Names that somebody has.
        nodes: In execution order.
        initializers: By name.
        types: Stored dtype and dimensions of every computed tensor, by name.
    """

    keep_dtypes: bool = False
    taken: set[str] = field(default_factory=set)
    nodes: list[Any] = field(default_factory=list)
    initializers: dict[str, Any] = field(default_factory=dict)
    types: dict[str, tuple[DType, tuple[int | None, ...] | None]] = field(default_factory=dict)
    _source: Any = None
    _originals: dict[int, Any] = field(default_factory=dict)
    _constants: dict[Any, str] = field(default_factory=dict)
    _named: set[str] = field(default_factory=set)
    _kept: list[Array] = field(default_factory=list)
    _count: int = 0

    def stored(self, dtype: DType) -> DType:
        """The dtype that the graph holds for a logical one."""
        return dtype if self.keep_dtypes else physical(dtype)

    def begin(self, source: Any) -> None:
        """Say which source node the next nodes stand for: they take its name and what the exporter noted."""
        self._source = source

    def adopt(self, value: Array, proto: Any) -> None:
        """Remember the source's own initializer for a value, so that large weights are not written anew."""
        self._originals[id(value)] = proto
        self._kept.append(value)

    def reserve(self, *names: str) -> None:
        """Keep names for tensors that come from outside."""
        self.taken.update(names)

    def name(self, wanted: str) -> str:
        """A name nobody has yet, the wanted one if possible."""
        name = wanted
        while not name or name in self.taken:
            self._count += 1
            name = f"{wanted or 'value'}_{self._count}"
        self.taken.add(name)
        return name

    def reference(self, tensor: Tensor | None, *, structural: bool = False) -> str:
        """The name of a tensor in the graph; a constant becomes an initializer here.

        Raises:
            Refusal: The constant does not fit in the dtype that the file holds.
        """
        if tensor is None:
            return ""
        if tensor.constant is None:
            return tensor.name
        keep = self.keep_dtypes or (structural and tensor.dtype == INT64) or is_string(tensor.dtype)
        value = tensor.constant if keep else to_physical(tensor.constant)
        if value.nbytes <= _COMPARED_BYTES and not is_string(tensor.dtype):
            key: Any = (value.dtype.name, value.shape, value.tobytes())
        else:
            key = (id(tensor.constant), value.dtype.name)
            self._kept.append(tensor.constant)
        if key not in self._constants:
            name = self._constants[key] = self.name(tensor.name or "constant")
            self.initializers[name] = self._initializer(value, name)
        return self._constants[key]

    def _initializer(self, value: Array, name: str) -> Any:
        original = self._originals.get(id(value))
        if original is None:
            return numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)
        proto = onnx.TensorProto()
        proto.CopyFrom(original)
        proto.name = name
        if proto.data_location == onnx.TensorProto.EXTERNAL:
            proto.ClearField("raw_data")  # onnx leaves a copy there when it reads
        return proto

    def node(
        self,
        op_type: str,
        inputs: Sequence[Tensor | None],
        outputs: Sequence[tuple[str, DType, tuple[int | None, ...] | None]],
        attributes: Mapping[str, Any],
        domain: str = "",
    ) -> list[str]:
        """Append a node.

        Args:
            op_type: The operator.
            inputs: Its inputs.
            outputs: Per output a wished name, the stored dtype and the dimensions.
            attributes: Its attributes.
            domain: Its domain.

        Returns:
            The names that the outputs got.
        """
        slots = STRUCTURAL.get(op_type, ()) if not domain else ()
        names = [self.reference(tensor, structural=k in slots) for k, tensor in enumerate(inputs)]
        while names and not names[-1]:
            names.pop()
        results = [self.name(wanted) for wanted, _, _ in outputs]
        made = helper.make_node(op_type, names, results, name=results[0], domain=domain, **attributes)
        if self._source is not None and self._source.name:
            # A converter's complaint about any of them then leads to the place in the user's model.
            first = self._source.name not in self._named
            made.name = self._source.name if first else f"{self._source.name}:{results[0]}"
            self._named.add(self._source.name)
            made.metadata_props.extend(self._source.metadata_props)
        self.nodes.append(made)
        self.types.update(
            {name: (dtype, dims) for name, (_, dtype, dims) in zip(results, outputs, strict=True)}
        )
        return results

    def value_info(self, name: str) -> Any:
        """The type of a computed tensor as a protobuf."""
        dtype, dims = self.types[name]
        return helper.make_tensor_value_info(name, element_type(dtype), dims)
