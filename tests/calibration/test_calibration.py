"""Every kind of calibration data gives checked, complete samples; bad data is refused by name."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from edgepack.errors import SourceError
from edgepack.model import ModelSpec, TensorSpec

IMAGE = TensorSpec("image", "float32", (1, 3, 6, 8))
TOKENS = TensorSpec("tokens", "int64", (2, 4))
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(20, 1, 3, 6, 8)).astype(np.float32)
TOKEN_SAMPLES = RANDOM.integers(0, 9, (20, 2, 4))

GENERATOR = """
import numpy as np

def arrays():
    for value in range({count}):
        yield np.random.rand(1, 3, 6, 8).astype("float32")

dicts = [{{"image": array, "tokens": np.full((2, 4), 7)}} for array in arrays()]

def broken():
    yield next(arrays())
    raise OSError("the camera is off")

def nothing():
    raise ValueError("no photos")

def endless():
    while True:
        yield next(arrays())
"""


@pytest.fixture
def generator(tmp_path):
    path = tmp_path / "samples.py"
    path.write_text(GENERATOR.format(count=17))
    return path


def test_an_npz_holds_a_stack_per_input(ask, tmp_path):
    np.savez(tmp_path / "data.npz", tokens=TOKEN_SAMPLES, image=np.asfortranarray(IMAGES))
    found = ask(tmp_path / "data.npz", (IMAGE, TOKENS))
    samples = list(found.samples())
    assert len(samples) == found.count == 20
    assert found.warnings == ()
    for index, sample in enumerate(samples):
        assert list(sample) == ["image", "tokens"]
        np.testing.assert_array_equal(sample["image"], IMAGES[index])
        np.testing.assert_array_equal(sample["tokens"], TOKEN_SAMPLES[index])


def test_a_first_axis_of_one_may_be_left_out_and_a_lone_npy_needs_no_name(ask, tmp_path):
    np.savez_compressed(tmp_path / "data.npz", image=IMAGES[:, 0])
    np.save(tmp_path / "data.npy", IMAGES)
    packed, lone = ask(tmp_path / "data.npz"), ask(tmp_path / "data.npy")
    assert packed.digest() == lone.digest()
    np.testing.assert_array_equal(next(packed.samples())["image"], IMAGES[0])


def test_the_limit_spreads_over_the_data(ask, tmp_path):
    np.save(tmp_path / "data.npy", IMAGES)
    found = ask(tmp_path / "data.npy", calibration_limit=4)
    got = [sample["image"] for sample in found.samples()]
    np.testing.assert_array_equal(got, IMAGES[[0, 5, 10, 15]])
    assert found.digest() != ask(tmp_path / "data.npy").digest()


def test_any_process_can_read_the_samples(ask, tmp_path):
    np.save(tmp_path / "data.npy", IMAGES)
    found = ask(tmp_path / "data.npy")
    code = (
        "import pickle, sys; found = pickle.load(sys.stdin.buffer);"
        "print(sum(float(sample['image'].sum()) for sample in found.samples()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(found), capture_output=True, check=True
    )
    assert float(done.stdout) == pytest.approx(float(IMAGES.sum()), abs=1e-3)


def test_pictures_of_all_sizes_go_through_the_contract(ask, tmp_path):
    folder = tmp_path / "photos"
    for index in range(17):
        (folder / str(index % 3)).mkdir(parents=True, exist_ok=True)
        pixels = RANDOM.integers(0, 256, (10 + index, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / str(index % 3) / f"{index:02}.png")
    found = ask(folder, preprocess="resize 6x8, scale 1/255")
    samples = [sample["image"] for sample in found.samples()]
    assert len(samples) == 17
    assert {(one.shape, one.dtype.name) for one in samples} == {((1, 3, 6, 8), "float32")}
    first = np.asarray(Image.open(folder / "0" / "00.png").resize((8, 6), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(samples[0][0], first.transpose(2, 0, 1) / 255, atol=1.01 / 255)


@pytest.mark.parametrize(("attr", "inputs"), [("arrays", (IMAGE,)), ("dicts", (IMAGE, TOKENS))])
def test_python_code_gives_samples_the_same_each_time(ask, generator, attr, inputs):
    first, second = ask(f"{generator}:{attr}", inputs), ask(f"{generator}:{attr}", inputs)
    assert first.count == 17
    assert first.digest() == second.digest()


def test_an_endless_generator_is_read_up_to_the_limit(ask, generator):
    assert ask(f"{generator}:endless", calibration_limit=33).count == 33


def test_golden_inputs_serve_when_asked_for(ask):
    found = ask("golden", (IMAGE, TOKENS))
    assert [sample["tokens"].flat[0] for sample in found.samples()] == [0, 1, 2]
    (warning,) = found.warnings
    assert warning.startswith("calibration data: 3 samples are few")


def test_without_data_there_are_no_samples(ask, tmp_path):
    from edgepack.calibration import open_calibration
    from edgepack.config import build_options
    from edgepack.golden import GoldenSet

    model = ModelSpec((IMAGE,), ())
    assert open_calibration(build_options("net.onnx", {}), model, GoldenSet(tmp_path, model, ())) is None


def test_an_input_that_never_changes_is_told_of(ask, tmp_path):
    np.savez(tmp_path / "data.npz", image=IMAGES, tokens=np.ones((20, 2, 4), np.int64))
    found = ask(tmp_path / "data.npz", (IMAGE, TOKENS))
    assert found.warnings == ("calibration data: input 'tokens' is the same in all 20 samples",)


def with_nan():
    images = IMAGES.copy()
    images[3, 0, 0, 0, 0] = np.nan
    return images


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": IMAGES[:0]}, "{file} holds no samples"),
        (
            {"image": IMAGES[..., :7]},
            "{file}, sample 0: 'image' has shape [1, 3, 6, 7], the model takes [1, 3, 6, 8]",
        ),
        (
            {"image": IMAGES.astype(np.float64)},
            "{file}, sample 0: 'image' has dtype float64, the model takes",
        ),
        ({"imgae": IMAGES}, "{file}, sample 0: the model has no input 'imgae'"),
        ({"image": IMAGES, "label": TOKEN_SAMPLES}, "{file}, sample 0: the model has no input 'label'"),
        ({"image": with_nan()}, "{file}, sample 3: 'image' holds NaN or an infinity"),
        ({"image": np.float32(3)}, "{file}: 'image' is a single number, not a stack of samples"),
        ({"image": np.array([IMAGES, None], dtype=object)}, "{file} holds an array of Python objects"),
    ],
)
def test_bad_arrays_are_refused(ask, tmp_path, arrays, message):
    file = tmp_path / "data.npz"
    np.savez(file, **arrays)
    with pytest.raises(SourceError) as caught:
        ask(file)
    assert caught.value.message.startswith(message.format(file=file))
    assert caught.value.exit_code == 3


def test_inputs_are_all_there_and_as_many(ask, tmp_path):
    file = tmp_path / "data.npz"
    np.savez(file, image=IMAGES)
    with pytest.raises(SourceError, match="sample 0: there is no array for input 'tokens'"):
        ask(file, (IMAGE, TOKENS))
    np.savez(file, image=IMAGES, tokens=TOKEN_SAMPLES[:9])
    with pytest.raises(SourceError, match="different numbers of samples: image 20, tokens 9"):
        ask(file, (IMAGE, TOKENS))
    np.save(tmp_path / "data.npy", IMAGES)
    with pytest.raises(SourceError, match="holds one array, and the model has 2 inputs"):
        ask(tmp_path / "data.npy", (IMAGE, TOKENS))


def test_bad_sources_are_refused(ask, tmp_path, generator):
    (tmp_path / "data.npz").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "empty").mkdir()
    for source, message in [
        (tmp_path / "dat.npz", f"no such calibration data: {tmp_path / 'dat.npz'}"),
        ("golden_", "no such calibration data: golden_"),
        (tmp_path / "data.npz", f"{tmp_path / 'data.npz'} is not an .npz or .npy file, or is damaged"),
        (f"{generator}:broken", f"{generator}:broken failed at sample 1: OSError: the camera is off"),
        (f"{generator}:nothing", f"{generator}:nothing gave no samples: ValueError: no photos"),
        (f"{generator}:array", f"{generator} has no 'array'"),
    ]:
        with pytest.raises(SourceError) as caught:
            ask(source)
        assert caught.value.message.startswith(message)
    with pytest.raises(SourceError, match="holds no pictures"):
        ask(tmp_path / "empty", preprocess="resize 6x8")


def test_a_text_is_not_called_a_pickle_that_one_may_trust(ask, tmp_path):
    (tmp_path / "data.npz").write_text("1, 2, 3")
    with pytest.raises(SourceError) as caught:
        ask(tmp_path / "data.npz")
    assert caught.value.message == f"{tmp_path / 'data.npz'} is not an .npz or .npy file, or is damaged"
    assert "numpy.savez" in caught.value.hint


def test_pictures_need_a_contract_and_a_bad_one_is_named(ask, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (8, 6)).save(folder / "a.png")
    (folder / "b.png").write_bytes(b"no picture")
    Image.new("RGB", (9, 6)).save(folder / "c.png")
    with pytest.raises(SourceError, match=r"nothing says how a picture becomes image:float32\[1,3,6,8\]"):
        ask(folder)
    with pytest.raises(SourceError, match=r"cannot read the picture .*b\.png"):
        ask(folder, preprocess="scale 1/255")
    (folder / "b.png").unlink()
    with pytest.raises(SourceError, match=r"c\.png: a picture of 6x9 pixels becomes \[1, 3, 6, 9\]"):
        ask(folder, preprocess="scale 1/255")
    with pytest.raises(SourceError, match="a picture alone is no sample: the model has 2 inputs"):
        ask(folder, (IMAGE, TOKENS))
