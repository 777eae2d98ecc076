"""The sample models are what their folders say they are."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from sample_index import FOLDER, SAMPLES

from edgepack.input_syntax import parse_input

TORCH_SAMPLES = [row for row in SAMPLES if "torch_lite" in row["formats"]]
SEEDED_SAMPLES = [row for row in TORCH_SAMPLES if row["name"] != "digits"]


def load(path: Path):
    spec = importlib.util.spec_from_file_location(f"sample_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(row: dict):
    path, _, name = row["source"].partition(":")
    return getattr(load(FOLDER / path), name)()


def feed(text: str, seed: int) -> torch.Tensor:
    spec = parse_input(text)
    draw = np.random.default_rng(seed)
    if spec.tensor.dtype == "int64":
        return torch.from_numpy(draw.integers(spec.low, spec.high, spec.tensor.shape, endpoint=True))
    return torch.from_numpy(draw.standard_normal(spec.tensor.shape).astype(spec.tensor.dtype))


def described(name: str, value: torch.Tensor) -> str:
    dtype = str(value.dtype).removeprefix("torch.")
    return f"{name}{dtype}[{','.join(map(str, value.shape))}]"


def test_every_folder_is_in_the_index():
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {row["name"] for row in SAMPLES}


@pytest.mark.parametrize("row", TORCH_SAMPLES, ids=lambda row: row["name"])
def test_outputs_are_as_listed_and_depend_on_the_inputs(row):
    model = make(row)
    with torch.no_grad():
        first, second = (model(*[feed(text, seed) for text in model.edgepack_inputs]) for seed in (0, 1))
    named = first if isinstance(first, dict) else {"": first}
    other = second if isinstance(second, dict) else {"": second}
    assert [described(f"{name}:" if name else "", value) for name, value in named.items()] == row["outputs"]
    for name, value in named.items():
        # A signal that dies on its way leaves outputs that no wrong conversion would change.
        assert (value - other[name]).std() > 0.02 * value.std()


@pytest.mark.parametrize("row", TORCH_SAMPLES, ids=lambda row: row["name"])
def test_every_parameter_and_statistic_is_random(row):
    for name, tensor in make(row).state_dict().items():
        if tensor.is_floating_point():
            assert tensor.std() > 1e-3, f"{name} is constant"


@pytest.mark.parametrize("row", SEEDED_SAMPLES, ids=lambda row: row["name"])
def test_a_second_making_gives_the_same_weights_and_leaves_the_global_generator_alone(row):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = make(row).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    second = make(row).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_digits_reads_the_held_back_images_as_well_as_recorded():
    data = np.load(FOLDER / "digits" / "test_data.npz")
    recorded = json.loads((FOLDER / "digits" / "accuracy.json").read_text())
    model = make(SAMPLES[0])
    with torch.no_grad():
        guesses = model(torch.from_numpy(data["image"])).argmax(1).numpy()
    correct = int((guesses == data["label"]).sum())
    assert {"correct": correct, "total": len(guesses)} == {key: recorded[key] for key in ("correct", "total")}
    assert recorded["accuracy"] == round(correct / len(guesses), 4) > 0.98


def test_calibration_images_are_not_held_back_ones():
    data = np.load(FOLDER / "digits" / "test_data.npz")
    calibration = np.load(FOLDER / "digits" / "calibration.npz")["image"]
    held_back = {image.tobytes() for image in data["image"]}
    assert len(held_back) == len(data["image"]) == 360
    assert not held_back & {image.tobytes() for image in calibration}


def test_the_onnx_file_is_what_its_script_writes(tmp_path):
    script = FOLDER / "from_onnx" / "make.py"
    subprocess.run([sys.executable, str(script), "--output", str(tmp_path)], check=True)
    assert (tmp_path / "model.onnx").read_bytes() == (script.parent / "model.onnx").read_bytes()
    outputs = onnx.load(script.parent / "model.onnx").graph.output
    assert [output.name for output in outputs] == ["scores"]
