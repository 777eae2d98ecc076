"""The app's runtime package against Python's own: contracts, the judge, and what is read of bundles."""

import json
import shutil
from dataclasses import asdict
from math import inf, isfinite, nan

import numpy as np
import pytest

from edgepack.bundle.manifest import TensorContract
from edgepack.compare import compare
from edgepack.contract import to_file, to_source
from edgepack.model import TensorSpec
from edgepack.precision import PRECISIONS

CONTRACTS = [
    ("float32", (1, 3, 4, 5), TensorContract("x", 0, "float32", (1, 4, 5, 3), (0, 2, 3, 1))),
    ("float32", (2, 3, 4), TensorContract("x", 0, "float32", (2, 4, 1, 3), (0, 2, 1))),
    ("float32", (1, 3, 4), TensorContract("x", 0, "int8", (1, 4, 3), (0, 2, 1), (0.05,), (-7,))),
    ("float32", (5, 3), TensorContract("x", 0, "uint8", (5, 3), (0, 1), (0.01, 0.02, 0.5), (0, 128, 255))),
    ("float32", (4, 6), TensorContract("x", 0, "int16", (4, 6), (0, 1), (0.0003,), (0,))),
    ("int64", (2, 5), TensorContract("x", 0, "int32", (5, 2), (1, 0))),
    ("bool", (2, 2), TensorContract("x", 0, "bool", (2, 2), (1, 0))),
    ("float32", (), TensorContract("x", 0, "float32", (1,), ())),
]


def random_tensor(dtype, shape, seed):
    values = np.random.default_rng(seed).normal(0, 3, shape) * 10 ** (2 * (np.dtype(dtype).kind == "i"))
    return np.asarray(np.rint(values) if np.dtype(dtype).kind == "i" else values).astype(dtype)


def described(spec):
    return {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape)}


def entry(contract):
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in asdict(contract).items()
    }


def test_tensors_cross_the_files_border_as_in_python(plain_jvm, job):
    jobs, expected = [], []
    for seed, (dtype, shape, contract) in enumerate(CONTRACTS):
        spec = TensorSpec("x", dtype, shape)
        inside = to_file(random_tensor(dtype, shape, seed), contract)
        outside = to_source(inside, contract, spec)
        common = {"contract": entry(contract), "spec": described(spec)}
        source = random_tensor(dtype, shape, seed).tobytes()
        jobs += [
            job("to_file", {"data": source}, **common),
            job("to_model", {"data": inside.tobytes()}, **common),
        ]
        expected += [inside, outside]
    for wanted, got in zip(expected, plain_jvm(jobs), strict=True):
        np.testing.assert_array_equal(np.frombuffer(got, wanted.dtype).reshape(wanted.shape), wanted)


def test_whole_numbers_that_no_double_holds_stay_as_they_are(plain_jvm, job):
    values = np.array([[2**60 + 1, -(2**60) - 3, 5]])
    contract = TensorContract("x", 0, "int64", (3, 1), (1, 0))
    common = {"contract": entry(contract), "spec": described(TensorSpec("x", "int64", (1, 3)))}
    data = {"data": values.tobytes()}
    for got in plain_jvm([job("to_file", data, **common), job("to_model", data, **common)]):
        assert got == values.tobytes()


@pytest.mark.parametrize(
    ("value", "dtype", "contract", "message"),
    [
        (
            2.0**40,
            "int64",
            TensorContract("x", 0, "int32", (1,), (0,)),
            "the file's x:int32[1] cannot be 1.0",
        ),
        (nan, "float32", TensorContract("x", 0, "int8", (1,), (0,), (0.1,), (0,)), "cannot be NaN"),
        (1e300, "float64", TensorContract("x", 0, "float32", (1,), (0,)), "cannot be 1.0E300"),
        (1.0, "float32", TensorContract("x", 0, "float32", (2,), (0,)), "cannot be float32[1]"),
    ],
)
def test_a_value_that_a_file_cannot_hold_is_refused(plain_jvm, job, value, dtype, contract, message):
    data = np.array([value], dtype).tobytes()
    spec = described(TensorSpec("x", dtype, (1,)))
    (said,) = plain_jvm([job("to_file", {"data": data}, contract=entry(contract), spec=spec)])
    assert said.decode().startswith("DAMAGED: ")
    assert message in said.decode()


def cases():
    """Give pairs on either side of each limit."""
    expected = random_tensor("float32", (4, 50), 0)
    noise = random_tensor("float32", (4, 50), 1)
    for name in PRECISIONS:
        for strength in (0.0, 1e-7, 1e-5, 3e-4, 1e-3, 0.02, 0.03, 0.05, 0.1, 1.0):
            yield name, expected + noise * strength, expected
    for name in ("float32", "int8"):
        yield name, np.zeros_like(expected), expected * np.float32(1e-9)
        for stray in (nan, inf, -inf):
            broken = expected.copy()
            broken[0, 0] = stray
            yield name, broken, expected
            yield name, broken, broken
            yield name, expected, broken
        numbers = random_tensor("int64", (40,), 2)
        for wrong in (0, 1, 4, 5):
            other = numbers.copy()
            other[:wrong] += 1
            yield name, other, numbers


def test_the_judge_is_pythons(plain_jvm, job):
    jobs, verdicts = [], []
    for name, got, expected in cases():
        tolerance = PRECISIONS[name].tolerance
        spec = described(TensorSpec("output", str(got.dtype), got.shape))
        files = {"data": got.astype(expected.dtype).tobytes(), "expected": expected.tobytes()}
        jobs.append(job("judge", files, spec=spec, allowed=asdict(tolerance)))
        verdicts.append(compare("output", got, expected, tolerance))
    judged = [json.loads(one) for one in plain_jvm(jobs)]
    assert [one["passed"] for one in judged] == [verdict.passed for verdict in verdicts]
    assert {verdict.passed for verdict in verdicts} == {True, False}
    for one, verdict in zip(judged, verdicts, strict=True):
        if isfinite(verdict.max_error):
            assert float(one["max_error"]) == pytest.approx(verdict.max_error)
        if verdict.snr_db is not None and isfinite(verdict.snr_db):
            assert float(one["snr_db"]) == pytest.approx(verdict.snr_db)


def test_a_whole_bundle_is_read_and_its_files_are_kept_by_content(plain_jvm, job, digits):
    folder = job("read", {})
    shutil.copytree(digits, folder / "bundle")
    manifest = json.loads((digits / "manifest.json").read_text())
    kept = folder / "cache" / manifest["artifacts"][0]["sha256"]
    for _ in range(2):
        (said,) = plain_jvm([folder])
        assert said.decode() == f"digits, {len(manifest['artifacts'])} artifacts, 6 tensors"
        assert kept.read_bytes() == (digits / manifest["artifacts"][0]["path"]).read_bytes()
        assert len(list(kept.parent.iterdir())) == len(manifest["artifacts"])
        kept.write_bytes(b"of another model")  # the second time it has to be replaced


def edit(bundle, change):
    path = bundle / "manifest.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda bundle: (bundle / "artifacts" / "digits.float32.ptl").write_bytes(b"other"),
            "DAMAGED: artifacts/digits.float32.ptl is damaged: its sha256 is not the manifest's",
        ),
        (
            lambda bundle: (bundle / "golden" / "1" / "inputs" / "image.bin").unlink(),
            "MISSING: cannot read golden/1/inputs/image.bin: ",
        ),
        (lambda bundle: (bundle / "manifest.json").unlink(), "MISSING: cannot read manifest.json: "),
        (lambda bundle: (bundle / "manifest.json").write_text("{"), "DAMAGED: manifest.json is damaged: "),
        (
            lambda bundle: edit(bundle, lambda one: one.update(schema="edgepack.bundle/2")),
            'UNSUPPORTED: manifest.json follows "edgepack.bundle/2", and this app reads edgepack.bundle/1',
        ),
        (
            lambda bundle: edit(bundle, lambda one: one["artifacts"][0].update(path="../../job.json")),
            'DAMAGED: path "../../job.json" may lead out of the bundle',
        ),
        (
            lambda bundle: edit(bundle, lambda one: one["artifacts"][0].update(path="/etc/hostname")),
            'DAMAGED: path "/etc/hostname" may lead out of the bundle',
        ),
        (
            lambda bundle: (
                (bundle / "artifacts" / "digits.float32.ptl").unlink(),
                (bundle / "artifacts" / "digits.float32.ptl").symlink_to("/etc/hostname"),
            ),
            "MISSING: cannot read artifacts/digits.float32.ptl: it leads out of the bundle",
        ),
        (
            lambda bundle: edit(bundle, lambda one: one["model"]["inputs"][0].update(dtype="float16")),
            "UNSUPPORTED: no runtime has tensors of float16",
        ),
        (
            lambda bundle: edit(bundle, lambda one: one["artifacts"][1].pop("inputs")),
            "DAMAGED: manifest.json is damaged: No value for inputs",
        ),
    ],
)
def test_a_bundle_that_is_not_right_is_refused_with_the_reason(plain_jvm, job, digits, damage, said):
    folder = job("read", {})
    shutil.copytree(digits, folder / "bundle")
    damage(folder / "bundle")
    assert plain_jvm([folder])[0].decode().startswith(said)
