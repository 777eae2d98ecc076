"""The search for layers that must stay in float, on a model of how layers lose."""

import pytest

from edgepack.backends.base import Candidate
from edgepack.backends.keep_float import find_kept
from edgepack.errors import ConversionError
from edgepack.verdict import INPUT, LayerError

NAMES = [f"layer{index}" for index in range(12)]


class Site:
    """Files are good enough when the culprits are in float; a culprit shows once those before it are."""

    def __init__(self, tmp_path, culprits, decoys=()):
        self.path, self.culprits, self.decoys, self.tries = tmp_path, culprits, decoys, 0

    def make(self, kept):
        self.tries += 1
        shown = next((name for name in self.culprits if name not in kept), None)
        lost = dict.fromkeys(self.decoys, 0.95) | ({shown: 0.9} if shown else {})
        layers = [LayerError("x", INPUT, 1.0, 1.0)]
        layers += [LayerError(name, "CONV_2D", 9.0, lost.get(name, 0.01)) for name in NAMES]
        return Candidate(self.path, (), (), layers=tuple(layers), kept_float=tuple(sorted(kept)))

    def judge(self, candidate):
        return "" if set(self.culprits) <= set(candidate.kept_float) else "SNR 3 dB"


@pytest.mark.parametrize(
    ("culprits", "decoys"),
    [
        ([], []),
        (["layer3"], []),
        (["layer3", "layer4"], ["layer7"]),
        (["layer9", "layer2", "layer5"], ["layer1", "layer0"]),
    ],
)
def test_exactly_the_layers_that_must_be_are_left_in_float(tmp_path, culprits, decoys):
    site = Site(tmp_path, culprits, decoys)
    assert find_kept(site.make, site.judge).kept_float == tuple(sorted(culprits))
    assert site.tries <= 24


def test_a_model_that_no_float_layer_saves_is_refused_with_what_it_lacks(tmp_path):
    site = Site(tmp_path, [*NAMES, "an input"])
    with pytest.raises(ConversionError) as caught:
        find_kept(site.make, site.judge)
    assert caught.value.message == "leaving 12 layers in float is not enough: SNR 3 dB"
    assert caught.value.hint.startswith("--io float32")
    assert site.tries <= 24
