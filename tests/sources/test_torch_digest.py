"""What decides the digest of a module: everything that changes what it computes, and nothing else."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from edgepack.errors import ConversionError
from edgepack.input_syntax import parse_input
from edgepack.sources.torch_model import TorchModel


def prepare(module, *inputs):
    return TorchModel.prepare(module, [parse_input(one) for one in inputs])


MODEL = """
import torch
from torch import nn

class Twice(torch.autograd.Function):
    @staticmethod
    def forward(context, x): return x * 2

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(4)
        self.register_buffer("shift", torch.tensor([True, False, True, False]), persistent=False)
        self.table = torch.arange(400.0).reshape(100, 4)
        self.sub = torch.jit.script(nn.Hardtanh(-2.5, 2.5))

    def forward(self, x):
        y = torch.relu(self.bn(x)) + self.table[:2] + self.shift
        y = y * 1.5 if float(y.sum()) > -1e9 else torch.sin(y)
        return self.sub(Twice.apply(y))

def net():
    torch.manual_seed(3)
    net = Net()
    for tensor in (*net.bn.parameters(), net.bn.running_mean, net.bn.running_var):
        torch.nn.init.uniform_(tensor, 0.5, 1.0)
    return net
"""

CHANGES = [
    ("torch.relu", "torch.tanh"),  # an activation that no module holds
    ("torch.sin", "torch.cos"),  # the branch that the trace does not take
    ("return x * 2", "return x * 3"),  # inside an autograd function
    ("arange(400.0)", "arange(400.0).flip(0)"),  # a plain attribute
    ("[True, False, True, False]", "[True, True, True, False]"),  # a buffer that is not in the state dict
    ("0.5, 1.0)", "0.5, 1.01)"),  # weights
    ("(-2.5, 2.5)", "(-2.5, 2.6)"),  # an attribute of a scripted part
    ("* 1.5", "* 1.25"),  # a number
]


def digest_of(folder, request_for, load_model, *edit):
    (folder / "model.py").write_text(MODEL.replace(*edit) if edit else MODEL)
    sys.modules.pop("model", None)
    return load_model(request_for(folder / "model.py:net", "x:float32[2,4]")).digest()


@pytest.mark.parametrize("edit", CHANGES, ids=lambda edit: edit[0])
def test_digest_changes_with_whatever_changes_the_result(tmp_path, request_for, clean_imports, edit):
    from edgepack.sources import load_model

    before = digest_of(tmp_path, request_for, load_model)
    assert edit[0] in MODEL
    assert digest_of(tmp_path, request_for, load_model, *edit) != before
    assert digest_of(tmp_path, request_for, load_model) == before


def test_digest_depends_on_the_shape():
    torch.manual_seed(0)
    linear = nn.Linear(4, 3)
    digests = {prepare(linear, f"x:float32[{rows},4]").digest() for rows in (1, 2)}
    assert len(digests) == 2


def test_digest_is_the_same_in_another_process_and_another_folder(tmp_path, request_for, clean_imports):
    from edgepack.sources import load_model

    here = digest_of(tmp_path, request_for, load_model)
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.py").write_text(MODEL)
    code = (
        "from edgepack.sources import load_model; from edgepack.sources.base import SourceRequest;"
        "from edgepack.input_syntax import parse_input;"
        "print(load_model(SourceRequest('model.py:net', (parse_input('x:float32[2,4]'),))).digest())"
    )
    there = subprocess.check_output([sys.executable, "-P", "-c", code], text=True, cwd=other).strip()
    assert there == here


class Helper(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    @torch.jit.export
    def scale(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


class Helped(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.helper = torch.jit.script(Helper(factor))

    def forward(self, x):
        return self.helper.scale(x)


def test_scripted_part_without_forward_counts_in_the_digest():
    assert len({prepare(Helped(factor), "x:float32[2]").digest() for factor in (2, 2.5)}) == 2


class Branching(nn.Module):
    """Holds a number that only the branch reads which the trace does not take."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        if bool(x.sum() < -1e9):
            return x * self.factor
        return x + 1


def test_number_in_a_branch_that_the_trace_does_not_take_counts_in_the_digest():
    assert len({prepare(Branching(factor), "x:float32[2]").digest() for factor in (2.0, 5.0)}) == 2


class Untold(nn.Module):
    """No tool of PyTorch can follow it; that one of its parts is scripted tells nothing of the rest."""

    def __init__(self):
        super().__init__()
        self.part = torch.jit.script(nn.Hardtanh(-2.0, 2.0))

    def forward(self, x):
        if torch.jit.is_tracing():
            raise RuntimeError("not to be traced")
        twice = lambda value: value * 2  # noqa: E731  which no script can hold
        return twice(self.part(x))


def test_a_scripted_part_does_not_stand_for_the_whole():
    with pytest.raises(ConversionError, match="not to be traced"):
        prepare(Untold(), "x:float32[2]").digest()


def test_big_weights_are_digested_without_a_copy():
    linear = nn.Linear(1024, 1024)
    model = prepare(linear, "x:float32[1,1024]")
    import tracemalloc

    tracemalloc.start()
    model.digest()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < linear.weight.nbytes / 4
