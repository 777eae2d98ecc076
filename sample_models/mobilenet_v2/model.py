"""torchvision's MobileNetV2 with seeded random weights."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import MobileNetV2
from torchvision.models import mobilenet_v2 as make


def mobilenet_v2() -> MobileNetV2:
    """Make the network; the same weights in every process.

    A fresh BatchNorm layer changes nothing, so a conversion that got it wrong would go unseen: here its
    statistics and its affine part are random. torchvision's own start lets the signal die in the depthwise
    convolutions, and the outputs would not depend on the image at all; a variance of 1.4 / fan-in carries
    it through all 53 layers (1 would be right after a linear layer, 2 after a ReLU).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make(weights=None).eval()
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                fan_in = layer.weight[0].numel()
                nn.init.normal_(layer.weight, std=(1.4 / fan_in) ** 0.5)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.running_mean, std=0.1)
                nn.init.uniform_(layer.running_var, 0.5, 1.5)
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.normal_(layer.bias, std=0.1)
        nn.init.normal_(model.classifier[1].weight, std=0.05)
        nn.init.normal_(model.classifier[1].bias, std=0.1)
    model.edgepack_inputs = ("image:float32[1,3,224,224]",)
    return model
