"""Which node of a quantised graph gives what a node of the float graph gave."""

import pytest
import torch
from lite_site import model_in_this_process
from torch import nn
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from edgepack.backends.torch_lite.held import Layer
from edgepack.backends.torch_lite.layer_errors import Recorder, compare_graphs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


class Residual(nn.Module):
    """Sums with and without a ReLU behind them, which torch.ao makes into functions with other names."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (nn.Conv2d(4, 4, 1) for _ in range(3))

    def forward(self, image):
        image = nn.functional.relu(self.first(image))
        image = nn.functional.relu(image + self.second(image))
        return (image * 0.5 + self.third(image)) * image


def test_every_layer_finds_its_own_partner():
    torch.backends.quantized.engine = "qnnpack"
    torch.manual_seed(0)
    model, image = Residual().eval(), torch.randn(1, 4, 6, 6)
    with torch.no_grad():
        observed = prepare_fx(model, get_default_qconfig_mapping("qnnpack"), (image,))
        observed(image)
        before = Recorder(observed)
        before.run(image)
        after = Recorder(convert_fx(observed))
        after.run(image)
    layers = {
        step.name: Layer(step.name, step.target)
        for step in before.steps
        if not step.between and step.shown != step.name != "image"
    }
    errors = list(compare_graphs(before, after, layers))
    assert [error.name for error in errors] == ["first", "second", "relu_1", "mul", "third", "add_1", "mul_1"]
    # Partners that were not each other's would have nothing in common.
    assert min(error.snr_db for error in errors) > 25


def test_a_recording_does_not_teach_observers():
    model, image = model_in_this_process("image"), torch.rand(1, 3, 12, 9)
    with torch.no_grad():
        observed = prepare_fx(model, get_default_qconfig_mapping("qnnpack"), (image,))
        observed(image)
        ranges = {name: value.clone() for name, value in observed.named_buffers()}
        Recorder(observed).run(100 * image)
    assert all(torch.equal(value, ranges[name]) for name, value in observed.named_buffers())
