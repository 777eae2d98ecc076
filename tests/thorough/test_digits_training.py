"""Training the digits model again gives what is committed."""

import json
import subprocess
import sys
from pathlib import Path

DIGITS = Path(__file__).parents[2] / "sample_models" / "digits"


def test_training_again_gives_the_same_data_and_as_good_a_model(tmp_path):
    subprocess.run([sys.executable, str(DIGITS / "train.py"), "--output", str(tmp_path)], check=True)
    for name in ("test_data.npz", "calibration.npz"):
        assert (tmp_path / name).read_bytes() == (DIGITS / name).read_bytes()
    # Another processor may round other weights, but not learn worse.
    recorded, again = (json.loads((folder / "accuracy.json").read_text()) for folder in (DIGITS, tmp_path))
    assert abs(again["accuracy"] - recorded["accuracy"]) < 0.015
