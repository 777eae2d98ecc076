"""A module in a worker: its inputs, the names of its outputs and its trace."""

from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgepack.errors import ConversionError, SourceError
from edgepack.input_syntax import parse_input
from edgepack.sources.torch_model import TorchModel


def prepare(module, *inputs):
    return TorchModel.prepare(module, [parse_input(one) for one in inputs])


class Returns(nn.Module):
    """Gives whatever a function makes of x."""

    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x)


@dataclass
class Boxes:
    corners: torch.Tensor
    scores: torch.Tensor


Pair = namedtuple("Pair", "left right")


class Both(dict):
    """Like the outputs of some libraries: a mapping that is not a plain dict."""


@pytest.mark.parametrize(
    ("make", "names", "values"),
    [
        (lambda x: x, ["output"], [1]),
        (lambda x: (x,), ["output"], [1]),
        (lambda x: (x, 2 * x), ["output_0", "output_1"], [1, 2]),
        (lambda x: [x, (2 * x, 3 * x)], ["output_0", "output_1.0", "output_1.1"], [1, 2, 3]),
        (lambda x: {"logits": x, "aux": [2 * x]}, ["logits", "aux.0"], [1, 2]),
        (lambda x: ({"a": x}, 2 * x), ["output_0.a", "output_1"], [1, 2]),
        (lambda x: {0: x, 1: 2 * x}, ["0", "1"], [1, 2]),
        (lambda x: Boxes(x, 2 * x), ["corners", "scores"], [1, 2]),
        (lambda x: {"boxes": Boxes(x, 2 * x)}, ["boxes.corners", "boxes.scores"], [1, 2]),
        (lambda x: Pair(right=2 * x, left=x), ["left", "right"], [1, 2]),
        (lambda x: torch.max(x, dim=1), ["values", "indices"], [1, 0]),
        (lambda x: Both(b=x, a=2 * x), ["b", "a"], [1, 2]),
    ],
)
def test_outputs_get_stable_names_in_order(make, names, values):
    model = prepare(Returns(make), "x:float32[2,3]")
    outputs = model([np.ones((2, 3), np.float32)])
    assert list(outputs) == names
    assert [float(array.flat[0]) for array in outputs.values()] == values
    flat = model.flat(torch.ones(2, 3))
    traced = model.traced()(torch.ones(2, 3))
    for got in (flat, traced):
        tensors = [got] if isinstance(got, torch.Tensor) else got
        assert [float(tensor.flatten()[0]) for tensor in tensors] == values


def test_what_is_no_tensor_is_left_out_with_a_warning():
    model = prepare(Returns(lambda x: {"y": x + 1, "label": "cat", "cache": None, "n": 3}), "x:float32[2]")
    assert list(model([np.ones(2, np.float32)])) == ["y"]
    assert model.warnings == (
        "left out of the outputs, because they are no tensors: label (a str), cache (a NoneType), n (a int)",
    )


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda x: None, "returns no tensor but output (a NoneType)", "return a tensor"),
        (lambda x: (), "returns no tensor but an empty tuple", "return a tensor"),
        (
            lambda x: {"a.b": x, "a": {"b": x}},
            "two outputs of the model would both be named 'a.b'",
            "other keys",
        ),
        (lambda x: {"z": torch.fft.fft(x)}, "output 'z' is complex (complex64)", "view_as_real"),
        (lambda x: (x, x.to_sparse()), "output 'output_1' is sparse", ".to_dense()"),
        (lambda x: x.bfloat16(), "output 'output' is of dtype bfloat16", ".float()"),
        (
            lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8),
            "is quantised (qint8)",
            ".dequantize()",
        ),
        (lambda x: x[:0], "output 'output' is empty: its shape is [0, 3]", "give inputs"),
    ],
)
def test_unusable_output_is_refused_by_name(make, message, hint):
    with pytest.raises(SourceError) as caught:
        prepare(Returns(make), "x:float32[2,3]")
    assert message in caught.value.message
    assert hint in caught.value.hint


class Mixed(nn.Module):
    def forward(self, image, tokens, mask=None, *, scale):
        assert image.dtype is not scale.dtype
        total = image.sum() + tokens.sum() + scale.sum()
        return total if mask is None else total + mask.sum()


@pytest.mark.parametrize(
    ("inputs", "order"),
    [
        (["scale:float64[1]", "tokens:int64[2]", "image:float32[3]"], ["image", "tokens", "scale"]),
        (
            ["mask:bool[2]", "scale:float64[1]", "tokens:int32[2]", "image:float16[3]"],
            ["image", "tokens", "mask", "scale"],
        ),
    ],
)
def test_inputs_named_as_parameters_go_to_them_in_forwards_order(inputs, order):
    model = prepare(Mixed(), *inputs)
    assert [one.tensor.name for one in model.inputs] == order
    values = [np.full(one.tensor.shape, 2, one.tensor.dtype) for one in model.inputs]
    expected = 6 + 4 + 2 + (2 if "mask" in order else 0)
    assert model(values)["output"] == expected


def test_other_names_are_labels_by_position():
    model = prepare(Difference(), "left:float32[2]", "right:float32[2]")
    assert model([np.full(2, 5, np.float32), np.full(2, 3, np.float32)])["output"].tolist() == [2, 2]


class Difference(nn.Module):
    def forward(self, a, b):
        return a - b


@pytest.mark.parametrize(
    ("module", "inputs", "message", "hint"),
    [
        (
            Difference(),
            [],
            "does not say which inputs it takes",
            "--input a:float32[1,3,224,224] --input b:float32",
        ),
        (Difference(), ["x:float32[2]"], "takes 2 inputs, 1 given: forward(a, b)", "--input a:float32"),
        (
            Difference(),
            ["x:float32[2]", "y:float32[2]", "z:float32[2]"],
            "takes 2 inputs, 3 given: forward(a, b)",
            "",
        ),
        (
            Difference(),
            ["a:float32[2]", "bb:float32[2]"],
            "no parameter of forward(a, b) is called 'bb'",
            "mean b?",
        ),
        (
            Difference(),
            ["a:float32[2]"],
            "no input is given for 'b' of forward(a, b)",
            "add --input b:float32",
        ),
        (Difference(), ["a:float32[2]", "a:float32[2]"], "input 'a' is given twice", "a name of its own"),
        (
            Mixed(),
            ["x:float32[2]"],
            "takes 3 to 4 inputs, 1 given: forward(image, tokens, mask, scale)",
            "--input",
        ),
        (
            nn.Conv2d(3, 4, 3),
            ["x:float32[3,8]"],
            "the model fails on inputs x:float32[3,8]: RuntimeError: Expected 3D (unbatched) or 4D",
            "check order",
        ),
        (
            nn.Linear(4, 3),
            ["x:float32[2,5]"],
            "fails on inputs x:float32[2,5]: RuntimeError: mat1 and mat2",
            "",
        ),
        (
            nn.Linear(4, 3),
            ["x:int64[2,4]"],
            "fails on inputs x:int64[2,4]: RuntimeError: mat1 and mat2 must",
            "",
        ),
        (nn.Embedding(5, 3), ["ids:int64[9]"], "fails on inputs ids:int64[9]: IndexError", "=low..high"),
        (nn.Linear(4, 3), ["x:float16[1,4]=0..1e9"], "0..1e+09 does not fit float16", "from -65504 to 65504"),
    ],
)
def test_wrong_inputs_are_refused(module, inputs, message, hint):
    with pytest.raises(SourceError) as caught:
        prepare(module, *inputs)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


def test_forward_may_write_into_its_inputs():
    model = prepare(Returns(lambda x: x.add_(1)), "x:float32[2]")
    given = np.zeros(2, np.float32)
    assert [model([given])["output"].tolist() for _ in range(2)] == [[1, 1], [1, 1]]
    assert model.example[0].tolist() != model([model.example[0].numpy()])["output"].tolist()


class Undecided(nn.Module):
    def forward(self, x):
        return x.relu() if x.sum() > 0 else x.tanh()


def test_trace_is_made_once_and_its_decisions_are_told():
    model = prepare(Undecided(), "x:float32[4]")
    assert model.traced() is model.traced()
    line = next(
        at for at, text in enumerate(Path(__file__).read_text().splitlines(), 1) if "x.sum() > 0 else" in text
    )
    assert len(model.warnings) == 1
    assert f"test_torch_model.py:{line}" in model.warnings[0]
    assert ": .tflite files, and .ptl files unless scripted (--script), decide always" in model.warnings[0]


class Untraceable(nn.Module):
    """Tracing refuses functional_call and scripting refuses its variable arguments; torch.export takes it."""

    def __init__(self, power):
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.power = power

    def forward(self, x):
        weights = {"weight": torch.ones(4, 4) * 2}
        return torch.func.functional_call(self.inner, weights, (x,)) ** self.power


def test_refused_trace_says_why_and_leaves_a_digest():
    torch.manual_seed(1)
    squared = prepare(Untraceable(2), "x:float32[4]")
    with pytest.raises(
        ConversionError, match=r"torch\.jit\.trace refuses the model: RuntimeError: The state"
    ) as caught:
        squared.traced()
    assert caught.value.exit_code == 4
    torch.manual_seed(1)
    assert prepare(Untraceable(2), "x:float32[4]").digest() == squared.digest()
    torch.manual_seed(1)
    assert prepare(Untraceable(3), "x:float32[4]").digest() != squared.digest()


class Stubborn(nn.Dropout):
    def train(self, mode=True):
        return super().train(True)


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(4, 4), Stubborn(), nn.Dropout())

    def forward(self, x):
        y = nn.functional.dropout(self.features(x))
        return y + torch.rand_like(y)


def test_suspects_are_the_modules_that_draw_random_numbers():
    assert prepare(Noisy(), "x:float32[2,4]").suspects() == [
        "features.1 (Stubborn, calls dropout)",
        "the model (Noisy, calls dropout)",
        "the model (Noisy, calls rand_like)",
    ]
    assert prepare(Noisy().features, "x:float32[2,4]").suspects() == ["1 (Stubborn, calls dropout)"]
    assert prepare(nn.Sequential(nn.Linear(4, 4), nn.Dropout()), "x:float32[2,4]").suspects() == []


class Attends(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.dropout = dropout

    def forward(self, x):
        return nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=self.dropout)


class HoldsScripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.Dropout()))

    def forward(self, x):
        return self.part(x)


@pytest.mark.parametrize(
    "module",
    [
        nn.LSTM(4, 5, 2, dropout=0.1),
        nn.GRU(4, 5, 2, dropout=0.1),
        nn.RNN(4, 5, 2, dropout=0.1),
        nn.RReLU(),
        nn.AlphaDropout(),
        nn.FeatureAlphaDropout(),
        nn.MultiheadAttention(4, 2, dropout=0.1),
        Attends(0.0),
        HoldsScripted(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_operators_that_could_be_random_and_are_not_are_no_random_parts(module):
    inputs = ["query", "key", "value"] if isinstance(module, nn.MultiheadAttention) else ["input"]
    if isinstance(module, Attends | HoldsScripted):
        inputs = ["x"]
    assert prepare(module, *(f"{name}:float32[3,1,4]" for name in inputs)).random_parts() == []


def test_random_parts_are_what_the_trace_says_and_nothing_without_one():
    assert prepare(Attends(0.02), "x:float32[3,1,4]").random_parts() == [
        "the model (Attends, calls scaled_dot_product_attention)"
    ]
    assert prepare(Untraceable(2), "x:float32[4]").random_parts() == []


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (nn.LSTM(4, 5), ["x:float32[3,1,4]"]),  # looks at sizes
        (nn.TransformerEncoderLayer(8, 2, batch_first=True), ["src:float32[1,5,8]"]),
        (nn.Sequential(nn.LazyLinear(3)), ["x:float32[2,4]"]),
        (nn.DataParallel(nn.Linear(4, 3)), ["x:float32[2,4]"]),
        (nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), ["x:float32[2,4]"]),
        (torch.compile(nn.Linear(4, 3)), ["x:float32[2,4]"]),
        (nn.Conv2d(3, 4, 3).half(), ["x:float16[1,3,8,8]"]),
    ],
    ids=lambda one: type(one).__name__,
)
def test_usual_modules_need_no_warning(module, inputs):
    model = prepare(module, *inputs)
    assert model.warnings == ()
    assert model.digest() == prepare(module, *inputs).digest()
    expected = model.flat(*model.example)
    got = model.traced()(*model.example)
    for one, other in zip(*([x] if isinstance(x, torch.Tensor) else x for x in (got, expected)), strict=True):
        torch.testing.assert_close(one, other)
