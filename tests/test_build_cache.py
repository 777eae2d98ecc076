"""What a build may take from earlier ones depends on all of the user's data."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgepack.build_cache import ArtifactCache, build_key
from edgepack.cache import Cache
from edgepack.config import build_options
from edgepack.errors import SourceError
from edgepack.golden import GoldenSet
from edgepack.model import ModelSpec, TensorSpec
from edgepack.samples import write_samples
from edgepack.sources import find_kind
from edgepack.sources.base import ModelInfo
from edgepack.targets import TARGETS
from edgepack.user_data import check_user_data

MODEL = str(Path(__file__).parents[1] / "sample_models" / "from_onnx" / "model.onnx")
SPEC = TensorSpec("x", "float32", (2, 3))


@pytest.fixture
def data(tmp_path):
    """A settings dictionary with every kind of data, all of it in files."""
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (4, 4), "red").save(tmp_path / "photos" / "a.png")
    for name in ("calibration", "labels"):
        np.savez(tmp_path / f"{name}.npz", x=np.zeros((1, 2, 3)))
    return {
        "calibration": str(tmp_path / "calibration.npz"),
        "labels": str(tmp_path / "labels.npz"),
        "golden": [str(tmp_path / "photos")],
        "preprocess": ["scale 1/255"],
    }


def key(settings):
    return build_key(build_options(MODEL, settings), find_kind(MODEL))


def test_the_same_data_gives_the_same_key(data):
    assert key(data) == key(data) != ""


@pytest.mark.parametrize("name", ["calibration.npz", "labels.npz", "photos/a.png"])
def test_other_contents_give_another_key(data, tmp_path, name):
    before = key(data)
    with (tmp_path / name).open("ab") as file:
        file.write(b"more")
    assert key(data) != before


@pytest.mark.parametrize(
    "change",
    [
        {"calibration_limit": 5},
        {"calibration": "golden"},
        {"labels_output": "y"},
        {"preprocess": ["scale 1/256"]},
        {"postprocess": ["softmax"]},
    ],
    ids=str,
)
def test_other_wishes_give_another_key(data, change):
    assert key(data | change) != key(data)


def test_python_code_gives_no_key(data, tmp_path):
    (tmp_path / "samples.py").touch()
    assert key(data | {"calibration": f"{tmp_path / 'samples.py'}:make"}) == ""


def test_quantised_artifacts_depend_on_calibration_and_float32_does_not(tmp_path):
    def keys(fill):
        rows = [("here", {"x": np.full((2, 3), fill, np.float32)})]
        samples = write_samples(tmp_path / f"samples-{fill}", [SPEC], rows)
        model = ModelSpec((SPEC,), ())
        golden = GoldenSet(tmp_path, model, ())
        info = ModelInfo("onnx", model, "digest")
        cache = ArtifactCache(Cache(tmp_path / "cache"), build_options(MODEL, {}), info, golden, samples)
        return [cache._key(f"tflite/{precision}") for precision in ("float32", "int8")]

    (float_before, int_before), (float_after, int_after) = keys(1), keys(2)
    assert float_before == float_after
    assert int_before != int_after


def test_what_one_target_may_ship_is_not_taken_for_another(tmp_path):
    model = ModelSpec((SPEC,), ())
    golden, info = GoldenSet(tmp_path, model, ()), ModelInfo("onnx", model, "digest")
    targets = list(TARGETS)
    caches = [
        ArtifactCache(Cache(tmp_path), build_options(MODEL, {"target": name}), info, golden)
        for name in targets
    ]
    assert len({cache._key("tflite/float32") for cache in caches}) == len(targets) > 1


@pytest.mark.parametrize("name", ["calibration", "labels", "golden"])
def test_data_that_is_not_there_is_told_of_before_any_work(data, tmp_path, name):
    missing = str(tmp_path / "calibratio.npz")
    settings = data | {name: [missing] if name == "golden" else missing}
    with pytest.raises(SourceError) as caught:
        check_user_data(build_options(MODEL, settings))
    assert missing in caught.value.message
    assert caught.value.hint.startswith("did you mean calibration.npz?")
