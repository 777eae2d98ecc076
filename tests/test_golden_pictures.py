"""From a picture to the bundle and back: what the phone is checked against starts at the pixels."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from edgepack.config import build_options
from edgepack.errors import BundleError, SourceError, VerificationFailed
from edgepack.pipeline import build
from edgepack.verification import verify

DIGITS = Path(__file__).parents[1] / "sample_models" / "digits"
STROKES = {"1": [(100, 20), (100, 180)], "7": [(50, 30), (150, 30), (80, 180)]}


def draw(path, digit):
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).line(STROKES[digit], fill=(20, 20, 60), width=26)
    image.save(path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for digit in STROKES:
        draw(folder / f"{digit}.png", digit)
    return folder


@pytest.fixture(scope="module")
def bundle(photos, tmp_path_factory):
    output = tmp_path_factory.mktemp("dist") / "digits"
    settings = {
        "output": output,
        "golden": [str(photos)],
        "formats": ["tflite"],
        "calibration": DIGITS / "calibration.npz",
        "labels": DIGITS / "test_data.npz",
    }
    build(build_options(f"{DIGITS / 'model.py'}:digits", settings))
    return output


@pytest.fixture
def copy(bundle, tmp_path):
    """A bundle to damage, and its manifest."""
    shutil.copytree(bundle, tmp_path / "copy")
    return tmp_path / "copy", json.loads((bundle / "manifest.json").read_text())


def test_the_bundle_holds_contract_pictures_and_the_inputs_they_become(bundle, photos):
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert [step["op"] for step in manifest["preprocess"][0]["steps"]] == [
        "grayscale",
        "invert",
        "centre",
        "resize",
        "threshold",
        "blocksum",
        "scale",
        "layout",
    ]
    assert manifest["postprocess"] == [
        {
            "output": "output",
            "steps": [{"op": "softmax"}, {"op": "labels", "names": list("0123456789")}],
        }
    ]
    for case, digit in zip(manifest["golden"], STROKES, strict=True):
        with (
            Image.open(bundle / case["raw"]["image"]["path"]) as kept,
            Image.open(photos / f"{digit}.png") as given,
        ):
            np.testing.assert_array_equal(np.asarray(kept), np.asarray(given))
            # The recipe once more, in Pillow's words.
            ink = ImageOps.invert(given.convert("L"))
        ink = ink.crop(ink.point(lambda value: 255 * (value >= 128)).getbbox())
        square = Image.new("L", (max(ink.size), max(ink.size)))
        square.paste(ink, (round((square.width - ink.width) / 2), round((square.height - ink.height) / 2)))
        bitmap = square.resize((32, 32), Image.Resampling.BILINEAR)
        blocks = (np.asarray(bitmap) >= 128).reshape(8, 4, 8, 4).sum((1, 3))
        values = np.fromfile(bundle / case["inputs"]["image"]["path"], "<f4")
        np.testing.assert_array_equal(values, blocks.ravel() / 16)
    assert verify(bundle).passed


def test_run_takes_a_picture_and_names_the_answer(bundle, photos):
    chosen = ["--artifact", "tflite/float32", "--input", f"image=@{photos / '1.png'}"]
    command = [sys.executable, "-m", "edgepack", "run", str(bundle), *chosen, "--json"]
    done = subprocess.run(command, capture_output=True, check=True)
    best = json.loads(done.stdout)["answers"]["output"]
    assert (best[0]["index"], best[0]["label"]) == (1, "1")
    assert len(best) == 5
    assert 0.5 < best[0]["value"] <= 1.0


def test_inspect_shows_the_contract(bundle):
    command = [sys.executable, "-m", "edgepack", "inspect", str(bundle)]
    shown = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    steps = "grayscale, invert, centre 128, resize 32x32 bilinear antialias, threshold 128, blocksum 4"
    assert f"preprocess    image: {steps}, scale 1.0/16.0" in shown
    assert "postprocess   output: softmax, labels (10 names)" in shown


def test_without_pillow_the_pictures_are_not_checked_and_the_report_says_so(bundle, tmp_path, monkeypatch):
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL" / "__init__.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = verify(bundle)
    assert report.passed
    (warning,) = report.warnings
    assert warning.startswith(
        "the golden pictures were not checked: reading pictures needs the package pillow"
    )
    assert warning.endswith("pip install 'edgepack[images]'")


def test_a_changed_contract_does_not_pass_for_the_old_one(copy):
    path, manifest = copy
    manifest["preprocess"][0]["steps"][1]["op"] = "bgr"  # instead of invert
    manifest["preprocess"][0]["steps"][:2] = manifest["preprocess"][0]["steps"][1::-1]
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(VerificationFailed) as caught:
        verify(path)
    assert caught.value.message.startswith(
        "golden case 0: the preprocessing turns golden/0/raw/0.png into another"
    )
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda manifest: manifest.update(preprocess=[]),
            "golden case 0 holds a picture for 'image', and no",
        ),
        (
            lambda manifest: manifest["preprocess"][0]["steps"].pop(),
            "the preprocessing does not end in a layout",
        ),
        (lambda manifest: manifest["preprocess"][0]["steps"].pop(5), "the preprocessing gives 32x32 pixels"),
        (lambda manifest: manifest["postprocess"][0]["steps"][1]["names"].pop(), "there are 9 labels, and"),
        (lambda manifest: manifest["golden"][0]["raw"].clear(), "file 'golden/0/raw/0.png' is not listed"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(copy, edit, message):
    path, manifest = copy
    edit(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError) as caught:
        verify(path)
    assert message in caught.value.message
    assert caught.value.exit_code == 6


def test_a_build_reports_what_its_data_lacks(photos, tmp_path):
    np.savez(tmp_path / "test.npz", image=np.eye(8, dtype=np.float32)[None, None], label=[7])
    settings = {
        "output": tmp_path / "out",
        "golden": [str(photos)],
        "formats": ["tflite"],
        "calibration": "golden",
        "labels": tmp_path / "test.npz",
    }
    report = build(build_options(f"{DIGITS / 'model.py'}:digits", settings)).report
    assert report.passed
    few, constant = report.warnings
    assert few.startswith("calibration data: 2 samples are few")
    assert constant == "labelled data: all labels are the same"


def test_a_picture_without_a_contract_is_refused(photos, tmp_path):
    source = tmp_path / "plain.py"
    source.write_text(
        "import torch\n"
        "class Net(torch.nn.Conv2d):\n"
        "    edgepack_inputs = ('image:float32[1,3,9,9]',)\n"
        "def net():\n"
        "    return Net(3, 4, 3)\n"
    )
    settings = {"output": tmp_path / "out", "golden": [str(photos / "1.png")]}
    with pytest.raises(SourceError) as caught:
        build(build_options(f"{source}:net", settings))
    assert caught.value.message == "nothing says how a picture becomes image:float32[1,3,9,9]"
    assert "--preprocess" in caught.value.hint
