"""The --input syntax reads what it promises and explains what it cannot read."""

import pytest

from edgepack.errors import UsageError
from edgepack.input_syntax import parse_input
from edgepack.model import InputSpec, TensorSpec


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
