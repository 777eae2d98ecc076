"""Setting what one place computed beside what this machine did."""

from math import inf

import numpy as np
import pytest

from edgepack.bundle.manifest import TensorContract
from edgepack.precision import PRECISIONS
from edgepack.report.model import ArtifactResult
from edgepack.runners.outputs import KeptOutputs

_ID = "tflite/int8"
_CONTRACTS = (TensorContract("logits", 0, "int8", (1, 4), (0, 1), scale=(0.25,), zero_point=(3,)),)
_HERE = np.array([[0.5, np.nan, -0.25, 2.0]], np.float32)


def _result(runner, runtime):
    return ArtifactResult(_ID, runner, runtime, 1, (), PRECISIONS["int8"].tolerance, 1)


@pytest.fixture
def beside(tmp_path):
    """Keep what this machine and another place computed, and compare."""

    def compare(there, contracts=_CONTRACTS):
        kept = KeptOutputs(tmp_path / "outputs")
        other = _result("arm64", "LiteRT on cortex-a53")
        kept.keep(_ID, "host", [{"logits": _HERE}], contracts)
        kept.keep(_ID, other.place, [{"logits": there}], contracts)
        host, completed = kept.beside_host([_result("host", "LiteRT"), other])
        assert host.beside_host is None
        return completed.beside_host

    return compare


def test_equal_bits_are_no_difference(beside):
    found = beside(_HERE.copy())
    assert (found.values, found.different, found.largest, found.steps) == (4, 0, 0.0, None)


def test_distances_are_in_steps_of_the_quantised_output(beside):
    found = beside(_HERE + np.array([[0, 0, 0.25, -0.5]], np.float32))
    assert (found.different, found.largest, found.steps) == (2, 0.5, 2.0)


def test_without_a_scale_there_are_no_steps(beside):
    floats = (TensorContract("logits", 0, "float32", (1, 4), (0, 1)),)
    assert beside(_HERE * 2, floats).steps is None


def test_another_shape_is_all_different(beside):
    found = beside(_HERE[:, :3])
    assert (found.different, found.largest) == (4, inf)


def test_nothing_is_said_of_what_the_host_did_not_run(tmp_path):
    kept = KeptOutputs(tmp_path / "outputs")
    other = _result("arm64", "LiteRT on cortex-a53")
    kept.keep(_ID, other.place, [{"logits": _HERE}], _CONTRACTS)
    assert kept.beside_host([other]) == (other,)
