"""A sample of ONNX's own cases that passed when docs/coverage.md was written: none may be lost."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from edgepack.workers import JobFailed, Limits, Workers

SCRIPTS = Path(__file__).resolve().parents[4] / "scripts"
PASSED = (Path(__file__).parent / "passing.txt").read_text().split()
STEP = 24  # about 57 cases, a minute or two


def test_cases_that_passed_still_pass():
    lost = {}
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.syspath_prepend(str(SCRIPTS))
        patch.setenv(
            "PYTHONPATH", os.pathsep.join(filter(None, (str(SCRIPTS), os.environ.get("PYTHONPATH"))))
        )
        from onnx_suite import load_cases, run_case

        with Workers(Path(folder), Limits(seconds=120)) as workers:
            worker = workers.start("onnx2tf.tflite_builder", "ai_edge_litert.interpreter")
            cases = worker.branch(load_cases, name="cases")
            for name in PASSED[::STEP]:
                try:
                    outcome = cases.run(run_case, name, "routes", name=name)
                except JobFailed as failure:
                    lost[name] = failure.reason
                    continue
                if outcome.status != "pass":
                    lost[name] = f"{outcome.status}: {outcome.detail}"
    assert len(PASSED) > 1300
    assert lost == {}
