"""Two inputs, and two outputs of the same shape in a dict: what gets mixed up shows."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TwoHeaded(nn.Module):
    """Two maps from an image and a small state vector.

    The image is wider than high and has as many channels as neither, so that a swapped axis shows too.
    """

    edgepack_inputs = ("image:float32[1,3,24,40]", "state:float32[1,6]")

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU6()
        )
        self.shift = nn.Linear(6, 16)
        self.depth = nn.Conv2d(16, 2, 1)
        self.doubt = nn.Conv2d(16, 2, 3, padding=1)

    def forward(self, image: Tensor, state: Tensor) -> dict[str, Tensor]:
        features = self.trunk(image) + torch.tanh(self.shift(state))[:, :, None, None]
        return {"depth": self.depth(features), "doubt": torch.sigmoid(self.doubt(features))}


def two_headed() -> TwoHeaded:
    """Make the network; the same weights in every process."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = TwoHeaded().eval()
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.running_mean, std=0.2)
                nn.init.uniform_(layer.running_var, 0.5, 1.5)
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.normal_(layer.bias, std=0.2)
    return model
