"""Small models, each with one trait that a converter may trip over; seeded random weights and statistics."""

import torch
from randomised import randomised
from torch import Tensor, nn


def image():
    layers = (nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3))
    return randomised(nn.Sequential(*layers), "image:float32[1,3,20,14]")


def square_image():
    return randomised(
        nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)), "image:float32[1,6,6,6]"
    )


def volume():
    return randomised(nn.Conv3d(2, 3, (1, 3, 2)), "volume:float32[1,2,5,6,7]")


def pooled_volume():
    """onnx2tf's quick converter drops the input of such a pool when it puts its channels last."""
    return randomised(nn.Sequential(nn.AvgPool3d(2), nn.Conv3d(3, 2, 1)), "volume:float32[1,3,6,6,8]")


def sequence():
    layers = (nn.Conv1d(4, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU(), nn.Conv1d(4, 5, 3))
    return randomised(nn.Sequential(*layers), "signal:float32[2,4,4]")


class TwoByTwo(nn.Module):
    """Two inputs and two outputs of one shape; mixing up either pair changes all values."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 3), nn.Conv2d(3, 2, 3)

    def forward(self, near: Tensor, far: Tensor) -> dict[str, Tensor]:
        near, far = self.left(near), self.right(far)
        return {"sum": near + 2 * far, "far": far}


def two_by_two():
    return randomised(TwoByTwo(), "near:float32[1,3,8,8]", "far:float32[1,3,8,8]")


class Tokens(nn.Module):
    def __init__(self, recurrent):
        super().__init__()
        self.embed = nn.Embedding(30, 8)
        self.recurrent = recurrent(8, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.head(self.recurrent(self.embed(tokens))[0])
        return scores, scores.argmax(-1)


def lstm():
    return randomised(Tokens(nn.LSTM), "tokens:int64[1,7]=0..29")


def gru():
    return randomised(Tokens(nn.GRU), "tokens:int64[1,7]=0..29")


def encoder():
    layer = nn.TransformerEncoderLayer(16, 4, 32, activation="gelu", batch_first=True)
    return randomised(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), "frames:float32[1,6,16]")


class Kinds(nn.Module):
    """A bool mask and a scalar in; a bool tensor and a scalar out."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, features: Tensor, mask: Tensor, gain: Tensor) -> dict[str, Tensor]:
        scores = self.head(features.masked_fill(mask, 0.0)) * gain
        return {"positive": scores > 0, "total": scores.sum()}


def kinds():
    return randomised(Kinds(), "features:float32[2,4]", "mask:bool[2,4]", "gain:float32[]")


class Spare(nn.Module):
    """Does not look at its first input, and calls an output like the input that it looks at."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 4)

    def forward(self, unused: Tensor, x: Tensor) -> dict[str, Tensor]:
        return {"y": self.head(x), "x": x * 2}


def spare():
    return randomised(Spare(), "unused:float32[1,4]", "x:float32[1,4]")


class Block(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.erfinv(x.clamp(-0.9, 0.9))


def no_onnx_form():
    return randomised(nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), Block())), "x:float32[1,4]")


class Quotient(nn.Module):
    """torch.export takes the operator apart, the TorchScript exporter does not know it."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcdiv(x, self.head(x), x.abs() + 1)


def newer_exporter():
    return randomised(Quotient(), "x:float32[1,4]")


class Remainder(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fmod(x, 0.3)


def not_converted():
    """ONNX has the operator, onnx2tf's direct converter does not take it."""
    return randomised(nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), Remainder())), "x:float32[1,4]")


def scripted_inside():
    return randomised(nn.Sequential(nn.Linear(4, 4), torch.jit.script(nn.Linear(4, 2))), "x:float32[1,4]")


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        straight = self.layers(image)
        return {"straight": straight, "bent": nn.functional.elu(straight, 2.0)}


def steep_pair():
    return randomised(Pair(), "image:float32[1,3,8,8]")


class Quotients(nn.Module):
    """What rounds down in PyTorch, and towards zero in others' hands."""

    def forward(self, numbers: Tensor, narrow: Tensor):
        return numbers // 4, numbers >> 1, -7 // (2 * numbers + 1), narrow // 2, narrow >> 2, narrow % 3


def quotients():
    return randomised(Quotients(), "numbers:int32[2,9]=-50..50", "narrow:int8[2,9]=-50..50")


def wide():
    """Weights large enough to lie outside the graph."""
    return randomised(nn.Sequential(nn.Linear(600, 600), nn.ReLU(), nn.Linear(600, 3)), "x:float32[1,600]")


def plain_elu():
    """What onnx2tf's direct converter would make of `steep_elu`."""
    return randomised(nn.Sequential(nn.Linear(4, 8), nn.ELU()), "x:float32[2,4]")


def steep_elu():
    """onnx2tf's direct converter drops alpha, unless the graph is guarded."""
    return randomised(nn.Sequential(nn.Linear(4, 8), nn.ELU(alpha=2.0)), "x:float32[2,4]")
