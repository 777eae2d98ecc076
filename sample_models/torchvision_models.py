"""Networks of torchvision with seeded random weights, to see how far edgepack reaches beyond the samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torchvision import models

GAIN = 2
"""Variance of a weight times its fan-in; 2 keeps a signal's size through ReLUs (He et al. 2015)."""


def resnet18() -> nn.Module:
    """Make a ResNet-18."""
    return randomised(models.resnet18)


def mobilenet_v3_small() -> nn.Module:
    """Make a small MobileNetV3."""
    return randomised(models.mobilenet_v3_small)


def efficientnet_b0() -> nn.Module:
    """Make an EfficientNet-B0."""
    return randomised(models.efficientnet_b0)


def squeezenet1_1() -> nn.Module:
    """Make a SqueezeNet 1.1."""
    return randomised(models.squeezenet1_1)


def shufflenet_v2_x1_0() -> nn.Module:
    """Make a ShuffleNetV2."""
    return randomised(models.shufflenet_v2_x1_0)


def densenet121() -> nn.Module:
    """Make a DenseNet-121."""
    return randomised(models.densenet121)


def randomised(make: Callable[[], nn.Module]) -> nn.Module:
    """Make a network and draw every weight and statistic; the same in every process.

    As in the mobilenet_v2 sample: BatchNorm layers that change something, and weights by which the signal
    reaches the end.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make().eval()
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=(GAIN / layer.weight[0].numel()) ** 0.5)
                if layer.bias is not None:
                    nn.init.normal_(layer.bias, std=0.1)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.running_mean, std=0.1)
                nn.init.uniform_(layer.running_var, 0.5, 1.5)
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.normal_(layer.bias, std=0.1)
    model.edgepack_inputs = ("image:float32[1,3,224,224]",)
    return model
