"""Picture files become the same pixels everywhere, or are refused by name."""

import io

import numpy as np
import pytest
from PIL import Image

from edgepack.errors import SourceError, ToolError
from edgepack.processing.pictures import list_pictures, read_picture, to_png

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 5, 3), dtype=np.uint8)


def save(path, image, **options):
    image.save(path, **options)
    return path


def test_gray_palette_and_opaque_alpha_become_rgb(tmp_path):
    gray = Image.fromarray(PIXELS[..., 0])
    for mode in ("L", "LA", "RGBA", "P"):
        got = read_picture(save(tmp_path / f"{mode}.png", gray.convert(mode)))
        np.testing.assert_array_equal(got, PIXELS[..., :1].repeat(3, 2))


def test_a_photo_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # orientation: the camera was turned by 90 degrees
    path = save(tmp_path / "photo.png", Image.fromarray(PIXELS), exif=exif)
    np.testing.assert_array_equal(read_picture(path), np.rot90(PIXELS, -1))


def test_png_keeps_pixels_and_nothing_else():
    with Image.open(io.BytesIO(to_png(PIXELS))) as image:
        np.testing.assert_array_equal(np.asarray(image), PIXELS)
        assert image.info == {}


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("RGBA", (4, 4), (1, 2, 3, 128)), "has transparent pixels"),
        (Image.fromarray(np.zeros((4, 4), np.uint16)), "holds pixels of the kind I;16"),
    ],
)
def test_what_devices_read_differently_is_refused(tmp_path, image, message):
    path = save(tmp_path / "odd.png", image)
    with pytest.raises(SourceError) as caught:
        read_picture(path)
    assert caught.value.message == f"{path} {message}"


@pytest.mark.parametrize("content", [b"", b"text", to_png(PIXELS)[:60]])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read_picture(path)
    assert caught.value.message.startswith(f"cannot read the picture {path}: ")


def test_without_pillow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ToolError) as caught:
        read_picture(tmp_path / "photo.png")
    assert caught.value.hint == "pip install 'edgepack[images]'"


def test_pictures_are_found_in_inner_folders_in_order(tmp_path):
    for name in ("b.JPG", "a/z.png", "a/notes.txt", "c.jpeg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in list_pictures(tmp_path)]
    assert found == ["a/z.png", "b.JPG", "c.jpeg"]
