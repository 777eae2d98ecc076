"""Small models with seeded random weights and statistics: zeros and ones would hide what goes wrong."""

from collections import OrderedDict
from itertools import pairwise

import torch
from randomised import randomised
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def image():
    """Convolutions without a bias of their own, as in most networks with BatchNorm."""
    first, second = nn.Conv2d(3, 8, 3, bias=False), nn.Conv2d(8, 4, 3, bias=False)
    layers = (first, nn.BatchNorm2d(8), nn.ReLU(), second, nn.BatchNorm2d(4))
    return randomised(nn.Sequential(*layers), "image:float32[1,3,12,9]")


class Tokens(nn.Module):
    def __init__(self, recurrent):
        super().__init__()
        self.embedding = nn.Embedding(10, 6)
        self.recurrent = recurrent(6, 5, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(10, 3)

    def forward(self, tokens: Tensor):
        sequence, state = self.recurrent(self.embedding(tokens))
        return self.head(sequence[:, -1]), state


def lstm():
    return randomised(Tokens(nn.LSTM), "tokens:int64[1,7]")


def gru():
    return randomised(Tokens(nn.GRU), "tokens:int64[2,7]")


class TwoHeaded(nn.Module):
    """Outputs of one shape under keys that are not in alphabetical order, and integers that stay exact."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(6, 4), nn.Linear(6, 4)

    def forward(self, near: Tensor, far: Tensor, count: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        near, far = self.left(near), self.right(far)
        return {"sum": (near + 2 * far, count // 2), "far": (far, count + 1)}


def two_headed():
    return randomised(TwoHeaded(), "near:float32[2,6]", "far:float32[2,6]", "count:int64[3]=-9..9")


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.layers(self.embedding(tokens)).mean(1))


def encoder():
    return randomised(Encoder(), "tokens:int64[1,6]")


def encoder_after_others():
    """The same model in a process that has compiled other classes before."""
    for size in range(1, 12):
        torch.jit.script(nn.Sequential(OrderedDict([(f"layer_{size}", nn.Linear(size, 2))])))
    return encoder()


def precise():
    layers = (nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 2))
    return randomised(nn.Sequential(*layers).double(), "values:float64[3,5]")


class MaskedBias(nn.Module):
    """Swin's way to have no bias on the keys: a copy of the bias is changed in place."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(6, 4)), nn.Parameter(torch.empty(6))

    def forward(self, values: Tensor) -> Tensor:
        bias = self.bias.clone()
        bias[2:4].zero_()
        return nn.functional.linear(values, self.weight, bias)


def masked_bias():
    return randomised(MaskedBias(), "values:float32[2,5,4]")


class Clamps(nn.Module):
    """Clamps that end the range of what comes in, and some that cannot, for others read it too."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.Hardtanh(-0.5, 0.4))
        self.third = nn.Conv2d(8, 4, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        image = self.first(image)
        summed = image + self.second(image)
        mapped = self.third(nn.functional.relu6(summed))
        return mapped.clamp(-0.3, 0.5), mapped + summed.mean(1, keepdim=True)


def clamps():
    return randomised(Clamps(), "image:float32[1,3,12,9]")


class Attention(nn.Module):
    """Calls the fused attention of torch 2.0 itself."""

    def __init__(self):
        super().__init__()
        self.mixed, self.head = nn.Linear(8, 24), nn.Linear(8, 3)

    def forward(self, values: Tensor) -> Tensor:
        query, key, value = self.mixed(values).chunk(3, -1)
        attended = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.head(values + attended)


def attention():
    return randomised(Attention(), "values:float32[1,6,8]")


class Loud(nn.Module):
    """One channel takes the integers of all others; the next layer turns it down again."""

    def __init__(self):
        super().__init__()
        widths = (3, 8, 8, 8, 8)
        self.layers = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1) for pair in pairwise(widths))
        self.head = nn.Linear(8, 10)

    def forward(self, image: Tensor) -> Tensor:
        for layer in self.layers:
            image = nn.functional.relu(layer(image))
        return self.head(image.mean((2, 3)))


def loud():
    model = randomised(Loud(), "image:float32[1,3,16,16]")
    with torch.no_grad():
        model.layers[1].weight[0] *= 2000
        model.layers[1].bias[0] *= 2000
        model.layers[2].weight[:, 0] /= 2000
    return model


def computed_weights():
    return randomised(nn.Sequential(MaskedBias(), nn.Linear(6, 3)), "values:float32[2,5,4]")


def half_scripted():
    layers = (nn.Linear(4, 4), torch.jit.script(MaskedBias()), nn.Linear(6, 3))
    return randomised(nn.Sequential(*layers), "values:float32[2,5,4]")


class Branching(nn.Module):
    """Decides by value, and leaves out an argument in the middle."""

    def __init__(self):
        super().__init__()
        self.high, self.low = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, values: Tensor, scale: Tensor | None = None, shift: Tensor | None = None):
        if scale is not None:
            values = values * scale
        if shift is not None:
            values = values + shift
        if bool(values.sum() > 0):
            return self.high(values), (None, [values])
        return self.low(values), (None, [values])


def branching():
    return randomised(Branching(), "values:float32[1,4]=-1..1", "shift:float32[1,4]=-1..1")


@torch.library.custom_op("edgepack_tests::doubled", mutates_args=())
def doubled(values: Tensor) -> Tensor:
    return values * 2


class OwnOperator(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return doubled(values) + 1


def own_operator():
    inner = nn.Sequential(OrderedDict([("first", nn.Linear(3, 4)), ("inner", OwnOperator())]))
    return randomised(inner, "values:float32[2,3]")


def _vision(name):
    from torchvision.models import get_model

    torch.manual_seed(0)
    network = get_model(name, weights=None)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
        for layer in network.modules():
            if isinstance(layer, _BatchNorm):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
    network.edgepack_inputs = ("image:float32[1,3,224,224]",)
    return network.eval()


def resnet18():
    return _vision("resnet18")


def mobilenet_v2():
    return _vision("mobilenet_v2")


def swin_v2_t():
    return _vision("swin_v2_t")
