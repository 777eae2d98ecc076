"""A build ships what it has proven, all of it or nothing, and says why not."""

import hashlib
import json
import textwrap

import pytest

from edgepack.config import build_options
from edgepack.errors import BundleError, ConversionError, SourceError, UsageError, VerificationFailed
from edgepack.events import EventKind, ignore
from edgepack.pipeline import build
from edgepack.precision import PRECISIONS
from edgepack.verification import verify

GOOD = """
    import torch

    class Net(torch.nn.Module):
        edgepack_inputs = ("image:float32[1,3,10,14]",)

        def __init__(self):
            super().__init__()
            self.features = torch.nn.Sequential(
                torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 3)
            )
            self.head = torch.nn.Linear(4, 5)

        def forward(self, image):
            return self.head(self.features(image).mean((2, 3)))

    def model():
        torch.manual_seed(0)
        net = Net()
        with torch.no_grad():
            for tensor in (*net.parameters(), *net.buffers()):
                if tensor.is_floating_point():
                    tensor.uniform_(0.2, 1.2)
        return net
"""
# Neither ONNX exporter knows the operator, the lite interpreter does.
TORCH_ONLY = """
    import torch

    class Net(torch.nn.Module):
        edgepack_inputs = ("matrix:float32[1,4,4]",)

        def forward(self, matrix):
            return torch.linalg.eigvalsh(matrix @ matrix.transpose(1, 2))

    model = Net()
"""
# A .tflite file computes in float32, which is more exact than its references.
HALF = """
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh()).half()
    model.edgepack_inputs = ("x:float16[1,4]",)
"""
DROPOUT = GOOD.replace(
    "return self.head(", "image = torch.nn.functional.dropout(image, 0.5)\n            return self.head("
)


@pytest.fixture
def source(tmp_path):
    def write(text):
        path = tmp_path / "source" / "net.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return f"{path}:model"

    return write


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEPACK_CACHE_DIR", str(tmp_path / "cache"))


def run(source, output, emit=ignore, **settings):
    """Build in float32 unless told otherwise: what is tested here goes for all precisions alike."""
    defaults = {"output": str(output), "name": "net", "precisions": ["float32"]}
    return build(build_options(source, {**defaults, **settings}), emit)


def files(root):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_bundle_holds_both_formats_and_verifies_without_its_source(source, tmp_path):
    result = run(source(GOOD), tmp_path / "out")
    (tmp_path / "source" / "net.py").unlink()
    assert result.report.passed
    assert [artifact.id for artifact in result.bundle.manifest.artifacts] == [
        "torch_lite/float32",
        "tflite/float32",
    ]
    image = result.bundle.artifact("tflite/float32").inputs[0]
    assert (image.name, image.shape, image.axes) == ("image", (1, 10, 14, 3), (0, 2, 3, 1))
    report = verify(tmp_path / "out")
    assert report.passed
    assert [(one.artifact_id, one.cases) for one in report.results] == [
        ("torch_lite/float32", 3),
        ("tflite/float32", 3),
    ]
    assert all(0 < one.max_error < 1e-3 for one in report.results)


def test_second_build_converts_nothing_and_gives_the_same(source, tmp_path):
    text, events = source(GOOD), []
    run(text, tmp_path / "one")
    result = run(text, tmp_path / "two", events.append)
    made = [event for event in events if event.kind is EventKind.STARTED and event.step.startswith("make")]
    assert made == []
    assert len([event for event in events if "taken from the cache" in event.message]) == 2
    assert (tmp_path / "one" / "manifest.json").read_bytes() == (
        tmp_path / "two" / "manifest.json"
    ).read_bytes()
    assert result.report.passed
    assert verify(tmp_path / "two").passed


def test_changed_weights_are_converted_again(source, tmp_path):
    run(source(GOOD), tmp_path / "out")
    before = files(tmp_path / "out")
    run(source(GOOD.replace("manual_seed(0)", "manual_seed(1)")), tmp_path / "out")
    after = files(tmp_path / "out")
    for path in ("artifacts/net.float32.ptl", "artifacts/net.float32.tflite", "golden/0/outputs/output.bin"):
        assert before[path] != after[path]
    assert verify(tmp_path / "out").passed


def test_a_model_in_float16_is_told_to_be_built_in_float32(source, tmp_path):
    with pytest.raises(VerificationFailed) as caught:
        run(source(HALF), tmp_path / "out", formats=["tflite"])
    assert caught.value.hint.startswith("the model computes in float16, .tflite files in float32: ")
    assert run(source(HALF.replace(".half()", "").replace("float16", "float32")), tmp_path / "out").report


def test_format_that_no_route_makes_fails_the_build_and_leaves_the_old_bundle(source, tmp_path):
    run(source(GOOD), tmp_path / "out", formats=["torch_lite"])
    before = files(tmp_path / "out")
    with pytest.raises(ConversionError) as caught:
        run(source(TORCH_ONLY), tmp_path / "out", keep_failed=str(tmp_path / "evidence"))
    assert caught.value.exit_code == 4
    assert "tflite/float32" in caught.value.message
    assert "eig" in caught.value.message.lower()
    assert "--keep-going" in caught.value.hint
    report = caught.value.details["report"]
    assert not report.passed
    assert {failure.artifact_id for failure in report.failures} == {"tflite/float32"}
    assert len(report.failures) >= 2, "every route is tried"
    assert files(tmp_path / "out") == before
    assert list((tmp_path / "evidence" / "logs").glob("*.log"))


def test_keep_going_ships_the_rest_with_the_gap_written_down(source, tmp_path):
    result = run(source(TORCH_ONLY), tmp_path / "out", keep_going=True)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [artifact["id"] for artifact in manifest["artifacts"]] == ["torch_lite/float32"]
    assert [(gap["id"], gap["by_nature"]) for gap in manifest["gaps"]] == [("tflite/float32", False)]
    assert not result.report.passed
    assert verify(tmp_path / "out").passed


SCALAR = """
    import torch

    class Net(torch.nn.Module):
        edgepack_inputs = ("factor:float32[]",)

        def forward(self, factor):
            return factor * torch.tensor([0.5, 1.5, 2.5])

    model = Net()
"""


def test_input_without_axes_is_built_and_verified(source, tmp_path):
    result = run(source(SCALAR), tmp_path / "out")
    assert [one.inputs[0].axes for one in result.bundle.manifest.artifacts] == [(), ()]
    assert verify(tmp_path / "out").passed


def test_tampered_manifest_says_what_is_wrong(source, tmp_path):
    run(source(GOOD), tmp_path / "out")
    path = tmp_path / "out" / "manifest.json"
    original = path.read_text()

    def tampered(change):
        document = json.loads(original)
        change(document)
        path.write_text(json.dumps(document))
        return tmp_path / "out"

    for change, message in (
        (lambda one: one.update(target="toaster"), "built for the target 'toaster', which is unknown here"),
        (lambda one: one["artifacts"][0].update(format="bread"), "format 'bread', which no installed"),
        (
            lambda one: one["artifacts"][0].update(precision="float3") or one["artifacts"][0].pop("allowed"),
            "precision 'float3', which is unknown",
        ),
    ):
        with pytest.raises(BundleError, match=message) as caught:
            verify(tampered(change))
        assert caught.value.exit_code == 6
    report = verify(tampered(lambda one: one["artifacts"][0]["inputs"][0].update(dtype="int8")))
    wrong, right = report.results
    assert (report.passed, wrong.passed, right.passed) == (False, False, True)
    assert "cannot be held in int8" in wrong.error
    _, wrong = verify(tampered(lambda one: one["artifacts"][1].update(inputs=[]))).results
    assert wrong.error == "the file's inputs number 1, and 0 were given"


def test_random_model_is_refused(source, tmp_path):
    with pytest.raises(SourceError) as caught:
        run(source(DROPOUT), tmp_path / "out")
    assert "not deterministic" in caught.value.message
    assert caught.value.exit_code == 3
    assert not (tmp_path / "out").exists()


def test_model_that_kills_its_process_is_reported(source, tmp_path):
    crash = GOOD.replace("torch.manual_seed(0)", "import ctypes; ctypes.string_at(0)")
    with pytest.raises(SourceError) as caught:
        run(source(crash), tmp_path / "out")
    assert "killed by SIGSEGV" in caught.value.message


def test_time_limit_names_itself(source, tmp_path):
    slow = GOOD.replace("torch.manual_seed(0)", "import time; time.sleep(60)")
    with pytest.raises(SourceError) as caught:
        run(source(slow), tmp_path / "out", timeout=3)
    assert "time limit of 3 s" in caught.value.message


def test_foreign_output_is_refused_before_any_work(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError) as caught:
        run("no_such_module:attr", tmp_path / "out")
    assert "--force" in caught.value.hint or "not a bundle" in caught.value.message
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


def test_wrong_file_is_never_shipped(source, tmp_path, monkeypatch):
    """The judge itself: with an impossible tolerance even good files are refused, and exit code 1 says so."""
    from dataclasses import replace

    from edgepack.precision import Tolerance

    strict = replace(PRECISIONS["float32"], tolerance=Tolerance(-1.0, 0.0, "nothing is near enough"))
    monkeypatch.setitem(PRECISIONS, "float32", strict)
    with pytest.raises(VerificationFailed) as caught:
        run(source(GOOD), tmp_path / "out", formats=["torch_lite"])
    assert caught.value.exit_code == 1
    assert "torch_lite/float32" in caught.value.message
    assert not (tmp_path / "out").exists()


@pytest.fixture
def onnx_file(tmp_path):
    """A plain ONNX model whose second output no converter makes, if asked for."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    def write(operator="Relu"):
        weights = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
        graph = helper.make_graph(
            [
                helper.make_node("MatMul", ["x", "w"], ["h"]),
                helper.make_node(operator, ["h"], ["y"], name="tail"),
            ],
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
            [numpy_helper.from_array(weights, "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        save(model, tmp_path / "net.onnx")
        return str(tmp_path / "net.onnx")

    return write


def test_unchanged_file_is_not_even_loaded(onnx_file, tmp_path):
    text, events = onnx_file(), []
    first = run(text, tmp_path / "out")
    assert not first.unchanged
    assert [gap.id for gap in first.bundle.manifest.gaps] == ["torch_lite/float32"]
    again = run(text, tmp_path / "out", events.append)
    assert again.unchanged
    assert again.report.passed
    assert [event.kind for event in events] == [EventKind.NOTE]


@pytest.mark.parametrize("damage", ["artifact", "option", "source"])
def test_anything_that_differs_is_built_again(onnx_file, tmp_path, damage):
    text, settings = onnx_file(), {}
    run(text, tmp_path / "out")
    if damage == "artifact":
        artifact = tmp_path / "out" / "artifacts" / "net.float32.tflite"
        artifact.write_bytes(artifact.read_bytes()[:-1] + b"?")
    elif damage == "option":
        settings = {"seed": 7}
    else:
        onnx_file("Sigmoid")
    assert not run(text, tmp_path / "out", **settings).unchanged
    assert verify(tmp_path / "out").passed
