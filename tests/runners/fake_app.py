"""The demo app's self-test, as far as a report goes: real inference, in a process of its own.

python fake_app.py BUNDLE REPORT RUNS
"""

import base64
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from edgepack.backends import load_backend
from edgepack.bundle import open_bundle
from edgepack.compare import compare
from edgepack.contract import to_file, to_source
from edgepack.golden_files import load_case
from edgepack.precision import PRECISIONS

DEVICE = {
    "manufacturer": "Acme",
    "model": "Phone 7",
    "android": "15",
    "sdk": 35,
    "abi": "arm64-v8a",
    "cpu_features": ["fp", "asimd"],
}


def make_report(path, runs):
    bundle = open_bundle(Path(path))
    artifacts = [test(bundle, artifact, runs) for artifact in bundle.manifest.artifacts]
    manifest = (bundle.root / "manifest.json").read_bytes()
    return {
        "schema": "edgepack.selftest/1",
        "bundle": {"name": bundle.name, "manifest_sha256": hashlib.sha256(manifest).hexdigest()},
        "device": DEVICE,
        "runtimes": {"torch_lite": "1.12.2", "tflite": "2.16.1"},
        "runs": runs,
        "passed": all(artifact["passed"] for artifact in artifacts),
        "error": None,
        "artifacts": artifacts,
    }


def test(bundle, artifact, runs):
    execute = load_backend(artifact.format).execute
    path = bundle.artifact_path(artifact.id)
    cases, feeds = [], []
    for index in range(len(bundle.golden.cases)):
        inputs, reference = load_case(bundle.golden, index)
        feeds.append([to_file(inputs[one.name], one) for one in artifact.inputs])
        (got,) = execute(path, [feeds[-1]])
        outputs = [judge(bundle, artifact, one, got[one.index], reference) for one in artifact.outputs]
        cases.append({"case": index, "outputs": outputs})
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        execute(path, feeds[:1])
        times.append(1e3 * (time.perf_counter() - started))
    return {
        "id": artifact.id,
        "passed": all(one["passed"] for case in cases for one in case["outputs"]),
        "error": None,
        "load_ms": 1.5,
        "latency_ms": {"median": float(np.median(times)), "p90": float(np.quantile(times, 0.9))},
        "cases": cases,
    }


def judge(bundle, artifact, contract, got, reference):
    (spec,) = [one for one in bundle.manifest.model.outputs if one.name == contract.name]
    values = to_source(got, contract, spec)
    allowed = artifact.tolerance or PRECISIONS[artifact.precision].tolerance
    verdict = compare(contract.name, values, reference[contract.name], allowed)
    return {
        "name": contract.name,
        "passed": verdict.passed,
        "max_error": verdict.max_error,
        "snr_db": verdict.snr_db if np.isfinite(verdict.snr_db) else None,
        "data": base64.b64encode(values.tobytes()).decode(),
    }


if __name__ == "__main__":
    bundle, report, runs = sys.argv[1:]
    text = json.dumps(make_report(bundle, int(runs)))
    Path(report).parent.mkdir(parents=True, exist_ok=True)
    Path(f"{report}.part").write_text(text)
    os.rename(f"{report}.part", report)
