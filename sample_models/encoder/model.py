"""A small transformer encoder with seeded random weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """A vector of ten numbers from 12 frames of 32 features."""

    edgepack_inputs = ("frames:float32[1,12,32]",)

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            d_model=32, nhead=4, dim_feedforward=64, activation="gelu", batch_first=True
        )
        self.position = nn.Parameter(torch.zeros(1, 12, 32))
        self.layers = nn.TransformerEncoder(layer, num_layers=2)
        self.head = nn.Linear(32, 10)

    def forward(self, frames: Tensor) -> Tensor:
        return self.head(self.layers(frames + self.position).mean(1))


def encoder() -> Encoder:
    """Make the encoder; the same weights in every process.

    PyTorch starts many parameters of a transformer at zero or one, and copies one layer for all of them,
    which would hide a conversion that leaves one out. So all are drawn anew.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Encoder().eval()
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.3 if parameter.dim() == 1 else 0.15)
        for layer in model.modules():
            if isinstance(layer, nn.LayerNorm):
                nn.init.uniform_(layer.weight, 0.5, 1.5)
    return model
