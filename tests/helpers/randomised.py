"""Weights for the small models of tests."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def randomised(model, *inputs):
    """Draw all weights anew, in eval mode: initial zeros and ones would hide what a conversion gets wrong."""
    generator = torch.Generator().manual_seed(0)
    model.eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-0.6, 0.6, generator=generator)
        for layer in model.modules():
            if isinstance(layer, _BatchNorm):
                layer.running_mean.uniform_(-0.5, 0.5, generator=generator)
                layer.running_var.uniform_(0.5, 2.0, generator=generator)
            if isinstance(layer, _BatchNorm | nn.LayerNorm):
                layer.weight.uniform_(0.5, 1.5, generator=generator)
    model.edgepack_inputs = inputs
    return model
