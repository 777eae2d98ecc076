"""Small modules that the tests of several kinds of source share."""

import torch
from torch import nn


def randomise(module, seed=0):
    """Random weights, biases and BatchNorm statistics: what starts as zero or one hides mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + (0.5 if "var" in name else -0.5))
    return module


class Net(nn.Module):
    """A little of everything that changes between training and eval mode."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.drop = nn.Dropout()

    def forward(self, image):
        return self.drop(torch.relu(self.bn(self.conv(image)))).mean((2, 3))


NET_INPUT = "image:float32[1,3,8,8]"
