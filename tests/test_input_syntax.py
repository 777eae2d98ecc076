"""The --input syntax reads what it promises and explains what it cannot read."""

import pytest

from edgepack.errors import UsageError
from edgepack.input_syntax import parse_binding, parse_input
from edgepack.model import Binding, InputSpec, TensorSpec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image:float32[1,3,224,224]", InputSpec(TensorSpec("image", "float32", (1, 3, 224, 224)))),
        ("ids:int64[1,16]=0..99", InputSpec(TensorSpec("ids", "int64", (1, 16)), 0.0, 99.0)),
        ("x:float32[2]=-1.5..2e-1", InputSpec(TensorSpec("x", "float32", (2,)), -1.5, 0.2)),
        ("flag:bool[]", InputSpec(TensorSpec("flag", "bool", ()))),
        ("input_1:0:float32[2]", InputSpec(TensorSpec("input_1:0", "float32", (2,)))),
        (" a.b/c:float16[1, 2] ", InputSpec(TensorSpec("a.b/c", "float16", (1, 2)))),
    ],
)
def test_reads(text, expected):
    assert parse_input(text) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("image", "cannot read input 'image'", "for example"),
        ("image:float32", "expected name:dtype[d0,d1,…]", "for example"),
        ("float32[1,3]", "cannot read input", "for example"),
        ("x:float33[1]", "unknown dtype 'float33'", "did you mean float32"),
        ("x:complex64[1]", "unknown dtype 'complex64'", "choose from float32"),
        ("x:float32[1,-1]", "positive whole numbers", "fixed shape"),
        ("x:float32[0]", "positive whole numbers", "fixed shape"),
        ("x:float32[1,,2]", "positive whole numbers", "fixed shape"),
        ("x:int64[1]=9..0", "range 9..0 is empty", "lower bound first"),
        ("x:int64[1]=0-9", "cannot read input", "for example"),
    ],
)
def test_refuses_with_a_hint(text, message, hint):
    with pytest.raises(UsageError) as caught:
        parse_input(text)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("axes=[0,2]", Binding("axes", (0, 2))),
        ("k = 5", Binding("k", 5)),
        ("scale=-1.5e-3", Binding("scale", -0.0015)),
        ("keep=true", Binding("keep", True)),
        ("roi=[]", Binding("roi", ())),
        ("pads=[[0,0],[1,1]]", Binding("pads", ((0, 0), (1, 1)))),
    ],
)
def test_reads_bindings(text, expected):
    assert parse_binding(text) == expected
    assert parse_binding(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axes", "cannot read binding 'axes': expected NAME=VALUE"),
        ("=3", "cannot read binding '=3': expected NAME=VALUE"),
        ("axes=", "cannot read binding 'axes=': expected NAME=VALUE"),
        ("axes=0,2", "cannot read the value of binding 'axes=0,2': Extra data"),
        ("axes=[0,2", "cannot read the value of binding 'axes=[0,2': "),
        ("mode=fast", "cannot read the value of binding 'mode=fast': "),
        ('mode="fast"', 'cannot read the value of binding \'mode="fast"\': "fast" is no number'),
        ("axes=[0,[1]]", "cannot read the value of binding 'axes=[0,[1]]': its lists are of unequal lengths"),
        ("axes=" + "[" * 100_000, "cannot read the value of binding"),
    ],
)
def test_refuses_bindings_with_a_hint(text, message):
    with pytest.raises(UsageError) as caught:
        parse_binding(text)
    assert caught.value.message.startswith(message)
    assert caught.value.hint == "for example axes=[0,2] or k=5"
    assert caught.value.exit_code == 2
