"""The app's preprocessing against Python's, every step, on the plain JVM: equal bit by bit."""

import numpy as np
import pytest

from edgepack.model import TensorSpec
from edgepack.processing.arithmetic import apply, preprocess
from edgepack.processing.binding import bind_preprocess
from edgepack.processing.document import to_json
from edgepack.processing.parsing import parse_preprocess
from edgepack.processing.steps import Centre, Processing

RECIPES = {
    "grayscale, invert, resize 32x32, threshold 128, blocksum 4, scale 1/16": (1, 1, 8, 8),
    "resize 20, crop 17x13, scale 1/255, mean 0.485 0.456 0.406, std 0.229 0.224 0.225": (1, 3, 17, 13),
    "resize 19x31 bicubic, scale 2/255, mean 1": (19, 31, 3),
    "resize 9x50 bicubic no-antialias, bgr, scale 0.017": (3, 9, 50),
    "resize 40x7 bilinear no-antialias, scale 1/255, std 0.3": (1, 40, 7, 3),
    "resize 11x16 nearest, bgr, mean 103.939 116.779 123.68": (1, 3, 11, 16),
    "resize 16x16, blocksum 2, scale 1/3": (1, 3, 8, 8),
    "centre 250, resize 10, scale 1/255": (1, 3, 10, 10),
    "invert, grayscale, centre 255 margin 33, resize 13x17, layout nhwc": (1, 13, 17, 1),
}
BYTES = {"resize 14x10, invert": (1, 14, 10, 3)}
"""Whole numbers to the end."""
SIZES = ((64, 64), (37, 90), (121, 50), (33, 32))


def picture(height, width, seed):
    random = np.random.default_rng(seed)
    noise = random.integers(0, 256, (height, width, 3))
    return np.clip(noise * 0.7 + np.linspace(-200, 300, width)[None, :, None], 0, 255).astype(np.uint8)


def describe(text, spec):
    (contract,) = bind_preprocess([parse_preprocess(text)], [spec])
    steps = to_json(Processing((contract,)))["preprocess"][0]["steps"]
    return contract, {
        "steps": steps,
        "spec": {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape)},
    }


def test_every_step_is_pythons_bit_by_bit(plain_jvm, job):
    jobs, expected = [], []
    texts = [(text, "float32", shape) for text, shape in RECIPES.items()]
    texts += [(text, "uint8", shape) for text, shape in BYTES.items()]
    for text, dtype, shape in texts:
        spec = TensorSpec("image", dtype, shape)
        contract, document = describe(text, spec)
        for seed, (height, width) in enumerate(SIZES):
            pixels = picture(height, width, seed)
            jobs.append(job("preprocess", {"data": pixels.tobytes()}, width=width, **document))
            expected.append((text, preprocess(contract, pixels, spec)))
    for (text, wanted), got in zip(expected, plain_jvm(jobs), strict=True):
        np.testing.assert_array_equal(
            np.frombuffer(got, wanted.dtype).reshape(wanted.shape), wanted, err_msg=text
        )
        assert got == wanted.tobytes(), text


def test_what_is_bright_comes_into_the_middle_as_in_python(plain_jvm, job):
    """Boxes of all proportions, at all borders, of even and odd sizes; and a picture without any."""
    jobs, expected = [], []
    random = np.random.default_rng(0)
    for _ in range(40):
        pixels = random.integers(0, 100, (random.integers(2, 40), random.integers(2, 40), 3), np.uint8)
        for _spot in range(random.integers(0, 3)):
            pixels[random.integers(len(pixels)), random.integers(pixels.shape[1]), random.integers(3)] = 100
        step = Centre(100, int(random.integers(101)))
        side = len(apply(step, pixels))
        spec = TensorSpec("image", "uint8", (side, side, 3))
        contract, document = describe(f"centre 100 margin {step.margin}", spec)
        jobs.append(job("preprocess", {"data": pixels.tobytes()}, width=pixels.shape[1], **document))
        expected.append(preprocess(contract, pixels, spec))
    assert len({array.shape for array in expected}) > 20
    for wanted, got in zip(expected, plain_jvm(jobs), strict=True):
        assert got == wanted.tobytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crop 20x20, scale 1/255", "a picture of 10x30 pixels is too small for crop 20x20"),
        ("scale 1/255", "the picture becomes [3, 10, 30], and image is [3, 20, 20]"),
        ("blocksum 3", "a picture of 10x30 pixels cannot be divided into blocks of 3"),
    ],
)
def test_a_picture_that_does_not_fit_is_refused_with_the_reason(plain_jvm, job, text, message):
    _, document = describe(text, TensorSpec("image", "float32", (3, 20, 20)))
    folder = job("preprocess", {"data": picture(10, 30, 0).tobytes()}, width=30, **document)
    assert plain_jvm([folder])[0].decode() == f"UNSUPPORTED: {message}"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"op": "clip", "values": [1.0]}, "this app knows no preprocessing step clip"),
        (
            {"op": "resize", "size": [8, 8], "method": "lanczos", "antialias": True},
            "this app cannot resize by lanczos",
        ),
    ],
)
def test_a_step_of_a_later_release_is_refused_and_not_guessed_at(plain_jvm, job, step, message):
    _, document = describe("resize 20x20, scale 1/255", TensorSpec("image", "float32", (3, 20, 20)))
    document["steps"].insert(1, step)
    folder = job("preprocess", {"data": picture(10, 30, 0).tobytes()}, width=30, **document)
    assert plain_jvm([folder])[0].decode() == f"UNSUPPORTED: {message}"
