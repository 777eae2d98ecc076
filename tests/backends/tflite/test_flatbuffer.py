"""What a file says of itself."""

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgepack.backends.tflite.flatbuffer import read_needs


def write(path, codes, metadata=()):
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    model.operatorCodes = []
    for builtin, version, custom in codes:
        code = schema.OperatorCodeT()
        code.builtinCode, code.version, code.customCode = builtin, version, custom
        code.deprecatedBuiltinCode = min(builtin, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
        model.operatorCodes.append(code)
    model.metadata = []
    for name, content in metadata:
        entry, buffer = schema.MetadataT(), schema.BufferT()
        entry.name, entry.buffer = name, len(model.buffers)
        buffer.data = list(content)
        model.buffers.append(buffer)
        model.metadata.append(entry)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    return path


OPERATORS = schema.BuiltinOperator


def test_operators_are_listed_once_each_with_version_and_sorted(tmp_path):
    codes = [
        (OPERATORS.RELU, 1, None),
        (OPERATORS.GELU, 2, None),  # its code does not fit into the old one-byte field
        (OPERATORS.CONV_2D, 3, None),
        (OPERATORS.CONV_2D, 3, None),
        (OPERATORS.CUSTOM, 1, "FlexErf"),
    ]
    needs = read_needs(write(tmp_path / "model.tflite", codes))
    assert needs.operators == ("CONV_2D@3", "FlexErf", "GELU@2", "RELU@1")
    assert needs.requires == {}


@pytest.mark.parametrize(
    ("content", "requires"), [(b"2.14.0" + bytes(10), {"tflite": "2.14.0"}), (bytes(16), {})]
)
def test_the_oldest_runtime_is_read_where_the_converter_recorded_it(tmp_path, content, requires):
    metadata = [("CONVERSION_METADATA", b"something"), ("min_runtime_version", content)]
    assert read_needs(write(tmp_path / "model.tflite", [], metadata)).requires == requires
