"""Samples that the disk cannot hold."""

import resource

import numpy as np
import pytest

from edgepack.errors import SourceError
from edgepack.model import TensorSpec
from edgepack.samples import write_samples

SPEC = TensorSpec("x", "float32", (1000, 1000))


@pytest.fixture
def small_disk():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("advice", "hint"),
    [
        ({}, "let TMPDIR name a folder on a larger disk"),
        ({"fewer": "lower a limit"}, "lower a limit, or let TMPDIR name a folder on a larger disk"),
    ],
)
def test_without_room_for_them_the_hint_says_what_helps_here(small_disk, tmp_path, advice, hint):
    rows = [("a sample", {"x": np.ones(SPEC.shape, np.float32)})]
    with pytest.raises(SourceError) as full:
        write_samples(tmp_path / "samples", [SPEC], rows, **advice)
    assert full.value.message == "no room for the samples: File too large"
    assert full.value.hint == hint
