"""A digit classifier: a small convolutional network with BatchNorm, trained by train.py beside it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_name("weights.pth")


class DigitsNet(nn.Module):
    """Logits of the ten digits from 8x8 grey images.

    The image is float32[N,1,8,8], 0 for background to 1 for full ink.
    """

    edgepack_inputs = ("image:float32[1,1,8,8]=0..1",)
    # From dark ink on white paper the way the data set was made: the ink fills the middle of a 32x32 bitmap,
    # whose dark pixels are counted by blocks of 4x4.
    edgepack_preprocess = "grayscale, invert, centre 128, resize 32x32, threshold 128, blocksum 4, scale 1/16"
    edgepack_postprocess = "softmax"
    edgepack_labels = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(32 * 2 * 2, 10)

    def forward(self, image: Tensor) -> Tensor:
        return self.classifier(self.features(image).flatten(1))


def digits() -> DigitsNet:
    """Make the network with its trained weights."""
    model = DigitsNet()
    model.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    return model.eval()
