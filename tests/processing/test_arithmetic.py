"""What contracts compute, against the libraries whose recipes they spell."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from edgepack.errors import SourceError
from edgepack.model import TensorSpec
from edgepack.processing.arithmetic import apply, postprocess, preprocess
from edgepack.processing.binding import bind_preprocess
from edgepack.processing.parsing import parse_postprocess, parse_preprocess
from edgepack.processing.resizing import resize
from edgepack.processing.steps import Centre, Grayscale, Resize

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def picture(height, width, seed=0):
    """Noise over a slope, with black and white: overshoot and rounding show."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 256, (height, width, 3))
    slope = np.linspace(-300, 500, width)[None, :, None]
    return np.clip(noise * 0.6 + slope, 0, 255).astype(np.uint8)


def processed(text, pixels, spec):
    (contract,) = bind_preprocess([parse_preprocess(text)], [spec])
    return preprocess(contract, pixels, spec)


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("size", [(1, 1), (7, 90), (33, 20), (64, 64), (3, 151), (224, 256)])
def test_resize_is_pillows_bit_by_bit(method, size):
    for seed, (height, width) in enumerate([(1, 1), (50, 64), (121, 37), (64, 200)]):
        pixels = picture(height, width, seed)
        # One axis at a time, because Pillow's releases differ in which goes first.
        wide = Image.fromarray(pixels).resize((size[1], height), FILTERS[method])
        expected = np.asarray(wide.resize((size[1], size[0]), FILTERS[method]))
        np.testing.assert_array_equal(resize(Resize(size, method), pixels), expected)


def test_resize_without_antialias_is_torchs():
    pixels = picture(120, 90)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].double()
    expected = torch.nn.functional.interpolate(tensor, (50, 40), mode="bilinear", align_corners=False)
    got = resize(Resize((50, 40), antialias=False), pixels)
    difference = got - expected[0].permute(1, 2, 0).numpy()
    assert np.abs(difference).max() <= 1.0, "each of the two passes rounds"
    assert np.abs(got - resize(Resize((50, 40)), pixels).astype(float)).max() > 30, (
        "antialiasing is far from it"
    )


def test_nearest_takes_the_middle():
    pixels = picture(9, 15)
    np.testing.assert_array_equal(
        resize(Resize((3, 5), "nearest", antialias=False), pixels), pixels[1::3, 1::3]
    )


def test_grayscale_is_pillows():
    pixels = picture(60, 60)
    expected = np.asarray(Image.fromarray(pixels).convert("L"))
    np.testing.assert_array_equal(apply(Grayscale(), pixels)[..., 0], expected)


@pytest.mark.parametrize(("height", "width"), [(300, 401), (401, 300), (256, 256), (97, 133), (1000, 1280)])
def test_the_usual_recipe_is_torchvisions_bit_by_bit(height, width):
    pixels = picture(height, width)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    recipe = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(223),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )
    got = processed(
        "resize 256, crop 223, scale 1/255, mean 0.485 0.456 0.406, std 0.229 0.224 0.225",
        pixels,
        TensorSpec("image", "float32", (1, 3, 223, 223)),
    )
    np.testing.assert_array_equal(got[0], recipe(Image.fromarray(pixels)).numpy())


def test_digits_are_made_as_their_data_set_was():
    """Dark pixels of a 32x32 bitmap, counted by blocks of 4x4 and divided by 16."""
    ink = np.random.default_rng(0).random((32, 32)) < 0.4
    paper = np.where(ink, 0, 255).astype(np.uint8)[..., None].repeat(3, 2)
    counts = [[ink[4 * y : 4 * y + 4, 4 * x : 4 * x + 4].sum() for x in range(8)] for y in range(8)]
    got = processed(
        "grayscale, invert, resize 32x32, threshold 128, blocksum 4, scale 1/16",
        paper,
        TensorSpec("image", "float32", (1, 1, 8, 8)),
    )
    np.testing.assert_array_equal(got, np.float32([[counts]]) / 16)


@pytest.mark.parametrize("place", [(0, 0), (3, 11), (40, 57)])
@pytest.mark.parametrize("size", [(9, 4), (4, 9), (7, 6), (1, 1)])
@pytest.mark.parametrize("margin", [0, 20, 33])
def test_centre_makes_the_same_of_what_is_drawn_anywhere(place, size, margin):
    """Against Pillow's own bounding box and pasting."""
    drawn = np.zeros((50, 70, 3), np.uint8)
    drawn[:, :, 1] = 99
    top, left = place
    drawn[top : top + size[0], left : left + size[1]] = 30
    drawn[top, left, 0] = drawn[min(top + size[0], 50) - 1, min(left + size[1], 70) - 1, 2] = 100
    bright = Image.fromarray(drawn.max(-1)).point(lambda value: 255 * (value >= 100))
    box = Image.fromarray(drawn).crop(bright.getbbox())
    side = max(box.size) + 2 * int(max(box.size) * margin / 100)
    square = Image.new("RGB", (side, side))
    square.paste(box, (round((side - box.width) / 2), round((side - box.height) / 2)))
    np.testing.assert_array_equal(apply(Centre(100, margin), drawn), np.asarray(square))


def test_centre_takes_the_whole_of_a_picture_without_anything_bright():
    pixels = np.full((4, 6, 1), 9, np.uint8)
    got = apply(Centre(10), pixels)
    np.testing.assert_array_equal(got, np.pad(pixels, ((1, 1), (0, 0), (0, 0))))


def test_a_digit_is_the_same_input_wherever_it_stands():
    spec = TensorSpec("image", "float32", (1, 1, 8, 8))
    text = "grayscale, invert, centre 128, resize 32x32, threshold 128, blocksum 4, scale 1/16"
    stroke = np.full((60, 21, 3), 255, np.uint8)
    stroke[20:24, 3:17] = stroke[20:44, 9:13] = 10
    expected = processed(text, stroke, spec)
    assert 0 < expected.sum() < expected.size
    for around in ((0, 0), (30, 7), (5, 80)):
        paper = np.pad(stroke, (around, around, (0, 0)), constant_values=255)
        np.testing.assert_array_equal(processed(text, paper, spec), expected)


def test_channel_order_and_layout():
    pixels = picture(4, 6)
    got = processed("bgr, layout hwc", pixels, TensorSpec("image", "uint8", (4, 6, 3)))
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, pixels[..., ::-1])


def test_a_picture_of_another_size_is_refused_with_what_it_becomes():
    with pytest.raises(SourceError) as caught:
        processed("scale 1/255", picture(5, 7), TensorSpec("image", "float32", (1, 3, 8, 8)))
    assert caught.value.message.startswith(
        "a picture of 5x7 pixels becomes [1, 3, 5, 7], and the input is image:"
    )
    assert "resize or crop" in caught.value.hint


def test_a_picture_smaller_than_the_crop_is_refused():
    with pytest.raises(SourceError, match=r"a picture of 5x7 pixels is too small for crop 6x6"):
        processed("crop 6", picture(5, 7), TensorSpec("image", "float32", (1, 3, 6, 6)))


def test_softmax_is_torchs_and_does_not_overflow():
    logits = np.float32([[1000.0, 999.0, -1000.0]])
    got = postprocess(parse_postprocess("softmax"), logits)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, torch.from_numpy(logits).softmax(-1).numpy(), rtol=1e-6)
