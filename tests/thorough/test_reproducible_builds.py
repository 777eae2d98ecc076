"""The same model gives the same bundle, byte by byte; only the reports tell of the machine and the time."""

from pathlib import Path

from edgepack.config import build_options
from edgepack.pipeline import build
from edgepack.precision import PRECISIONS

DIGITS = Path(__file__).parents[2] / "sample_models" / "digits" / "model.py"


def make(folder):
    settings = {
        "cache": False,
        "precisions": list(PRECISIONS),
        "calibration": "golden",
        "output": str(folder),
    }
    build(build_options(f"{DIGITS}:digits", settings))
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith("report.")}


def test_two_builds_give_the_same_bytes(tmp_path):
    one, two = make(tmp_path / "one"), make(tmp_path / "two")
    assert one == two
    tflite = {f"artifacts/digits.{name}.tflite" for name in PRECISIONS}
    torch_lite = {f"artifacts/digits.{name}.ptl" for name in ("float32", "dynamic", "int8")}
    assert {"manifest.json"} | tflite | torch_lite <= one.keys()
