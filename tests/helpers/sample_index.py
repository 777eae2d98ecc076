"""The sample models, as their index lists them."""

import tomllib
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "sample_models"
SAMPLES = tomllib.loads((FOLDER / "index.toml").read_text())["model"]
