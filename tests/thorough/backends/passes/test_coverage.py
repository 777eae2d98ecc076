"""A sample of ONNX's own cases that passed when docs/coverage.md was written: none may be lost."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from edgepack.workers import Workers

SUITE = Path(__file__).resolve().parents[4] / "scripts" / "onnx_coverage"
PASSED = (Path(__file__).parent / "passing.txt").read_text().split()
STEP = 24  # about 57 cases, a minute or two


def test_cases_that_passed_still_pass():
    lost = {}
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.syspath_prepend(str(SUITE))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(SUITE), os.environ.get("PYTHONPATH")))))
        from suite_runs import LIMITS, Suite

        with Workers(Path(folder) / "logs", LIMITS) as workers:
            suite = Suite(workers, Path(folder))
            for name in PASSED[::STEP]:
                outcome = suite.run(name, "routes")
                if outcome.status != "pass":
                    lost[name] = f"{outcome.status}: {outcome.detail}"
    assert len(PASSED) > 1300
    assert lost == {}
