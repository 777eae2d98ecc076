"""The smallest backend in CONTRIBUTING.md is a backend."""

import importlib
import importlib.util
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgepack import backends
from edgepack.config import build_options
from edgepack.pipeline import build
from edgepack.targets import TARGETS
from edgepack.verification import verify

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plugin(tmp_path, monkeypatch) -> Path:
    """A package beside edgepack that holds the backend, as somebody else would install it."""
    (code,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE
    )
    folder = tmp_path / "plugin"
    info = folder / "plugin-1.0.dist-info"
    info.mkdir(parents=True)
    module = folder / "smallest_backend.py"
    module.write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[edgepack.backends]\ntorchscript = smallest_backend:backend\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    android = TARGETS["android"]
    monkeypatch.setitem(
        TARGETS, "android", replace(android, formats={**android.formats, "torchscript": ("float32",)})
    )
    backends._entries.cache_clear()
    yield module
    backends._entries.cache_clear()


def test_it_is_found_and_builds_a_verified_bundle(plugin, tmp_path):
    source = f"{ROOT / 'sample_models' / 'two_headed' / 'model.py'}:two_headed"
    options = build_options(source, {"formats": ["torchscript"], "output": str(tmp_path / "bundle")})
    result = build(options)
    assert [artifact.id for artifact in result.bundle.manifest.artifacts] == ["torchscript/float32"]
    report = verify(tmp_path / "bundle")
    assert report.passed
    assert report.results[0].runtime.startswith("torch ")


def test_it_keeps_the_contract(plugin, tmp_path):
    spec = importlib.util.spec_from_file_location(
        "contract", ROOT / "tests" / "contract" / "test_backends.py"
    )
    contract = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(contract)
    backend = backends.load_backend("torchscript")
    contract.test_says_what_it_is(backend)
    contract.test_every_extra_it_names_exists(backend)
    contract.test_some_target_wants_it_and_it_has_a_route_to_what_they_want(backend)
    contract.test_routes_have_names_of_their_own_that_can_name_folders(backend)
    contract.test_unknown_precision_has_no_route(backend)
    contract.test_a_file_that_is_not_its_format_is_a_failed_job_with_a_reason(
        backend, b"not a model", tmp_path
    )


@pytest.mark.parametrize(
    "tool", [["mypy", "--strict"], ["ruff", "check", "--config", str(ROOT / "pyproject.toml")]]
)
def test_it_is_clean(plugin, tool):
    result = subprocess.run(
        [sys.executable, "-m", *tool, str(plugin)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
