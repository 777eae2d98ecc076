"""The sample models, as index.toml lists them; contract tests run over all of them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2] / "sample_models"


@dataclass(frozen=True)
class Sample:
    name: str
    source: str
    outputs: list[str]
    formats: list[str]

    @property
    def text(self):
        return str(ROOT / self.source)


SAMPLES = [Sample(**row) for row in tomllib.loads((ROOT / "index.toml").read_text())["model"]]


def pytest_generate_tests(metafunc):
    if "sample" in metafunc.fixturenames:
        metafunc.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
    if "backend" in metafunc.fixturenames:
        from edgepack.backends import backend_names, load_backend

        names = backend_names()
        metafunc.parametrize("backend", [load_backend(name) for name in names], ids=names)
