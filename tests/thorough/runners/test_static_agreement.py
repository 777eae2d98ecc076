"""The static verdict and the emulated one agree, operator by operator, over small models."""

import numpy as np
import pytest
import torch
from torch.jit.mobile import _get_model_ops_and_info

from edgepack.bundle.manifest import Artifact, FileRef
from edgepack.runners.guest import Task
from edgepack.runners.static_gate import check_statically
from edgepack.workers import JobFailed

_PYTORCH = "org.pytorch:pytorch_android_lite:1.12.2"
_X = torch.rand(2, 4) + 0.5

_MODELS = {
    "softmax": lambda x: x.softmax(1),
    "layer_norm": lambda x: torch.nn.functional.layer_norm(x, (4,)),
    "matmul": lambda x: x @ x.t(),
    "gelu": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "interpolate": lambda x: torch.nn.functional.interpolate(
        x[None, None], scale_factor=2.0, mode="bilinear"
    ),
    "topk": lambda x: x.topk(2).values,
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "logcumsumexp": lambda x: x.logcumsumexp(1),
    "bessel": torch.special.bessel_j0,
    "airy": torch.special.airy_ai,
    "attention": lambda x: torch.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None]),
    "nested": lambda x: torch._foreach_add([x], 1.0)[0],
}


class Model(torch.nn.Module):
    """What a function computes."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("name", _MODELS)
def test_static_and_emulated_verdicts_agree(start, tmp_path, name):
    path = tmp_path / "model.ptl"
    traced = torch.jit.trace(Model(_MODELS[name]), _X)
    traced._save_for_lite_interpreter(str(path))
    operators = tuple(sorted(_get_model_ops_and_info(str(path))))
    needs = Artifact(
        name, "torch_lite", "float32", FileRef("", "", 0), (), (), {"bytecode": "8"}, "", operators
    )
    lacking = [one.reason.rpartition(" ")[2] for one in check_statically(name, needs, _PYTORCH)]
    task = Task(path, [[_X.numpy()]])
    if lacking:
        with pytest.raises(JobFailed) as refused:
            start(_PYTORCH).run(task)
        assert any(operator in refused.value.reason for operator in lacking)
    else:
        (output,) = start(_PYTORCH).run(task).outputs[0]
        np.testing.assert_allclose(output, _MODELS[name](_X).numpy(), rtol=1e-4, atol=1e-6)
