"""The public API as names; what its functions do is tested where a bundle is at hand."""

import pkgutil

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import edgepack
from edgepack.errors import UsageError


@pytest.mark.parametrize("name", edgepack.__all__)
def test_every_public_name_is_there_and_explained(name):
    assert name in dir(edgepack)
    value = getattr(edgepack, name)
    if name != "__version__":
        assert len(value.__doc__) > 20


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'edgepack' has no attribute 'bild'"):
        edgepack.bild  # noqa: B018


def test_no_module_hides_a_public_name():
    # Importing the module edgepack.x sets the attribute x of edgepack, over any function of that name.
    modules = {module.name for module in pkgutil.iter_modules(edgepack.__path__)}
    assert modules & set(edgepack.__all__) == set()


def test_a_wrong_setting_is_refused_before_anything_is_loaded():
    with pytest.raises(UsageError) as caught:
        edgepack.build("no.such:model", precision=["float32"])
    assert caught.value.message == "edgepack.build: unknown key 'precision'"
    assert caught.value.hint.startswith("did you mean precisions?")


@pytest.mark.parametrize("source", [None, torch.nn.Linear(2, 2)])
def test_a_model_is_named_and_not_passed(source):
    with pytest.raises(UsageError, match=f"not an object of type {type(source).__name__}") as caught:
        edgepack.build(source)
    assert '"module:attr" or "file.py:attr"' in caught.value.hint


@pytest.mark.parametrize("call", [edgepack.verify, lambda bundle: edgepack.run(bundle, "a/b", {})])
def test_what_is_no_bundle_is_a_usage_error(call):
    with pytest.raises(UsageError, match="an object of type NoneType is no bundle"):
        call(None)


def test_a_program_builds_verifies_and_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEPACK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGEPACK_NAME", "not_asked_of_a_program")
    weights = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "weights"], ["scores"])],
        "net",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, (2, 6))],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, (2, 4))],
        [numpy_helper.from_array(weights, "weights")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "net.onnx",
    )
    steps = []
    bundle = edgepack.build(
        tmp_path / "net.onnx",
        output=tmp_path / "out.zip",
        cases=2,
        precisions=["float32"],
        emit=lambda event: steps.append(event.step),
    )
    assert (bundle.name, bundle.path, len(bundle.manifest.golden)) == ("net", tmp_path / "out.zip", 2)
    assert "write the bundle" in steps
    report = edgepack.verify(bundle)
    assert report
    assert [result.artifact_id for result in report.results] == ["tflite/float32"]
    features = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    scores = edgepack.run(tmp_path / "out.zip", "tflite/float32", {"features": features})["scores"]
    assert np.allclose(scores, features @ weights, atol=1e-5)
    assert edgepack.open_bundle(str(tmp_path / "out.zip")).path == bundle.path
    as_given = {"list": features.tolist(), "tensor": torch.from_numpy(features)}
    for kind, value in as_given.items():
        got = edgepack.run(bundle, "tflite/float32", {"features": value})["scores"]
        assert np.array_equal(got, scores), kind
    for wrong in ([features], None):
        with pytest.raises(UsageError, match="inputs are given by name") as caught:
            edgepack.run(bundle, "tflite/float32", wrong)
        assert caught.value.hint == "give a dict with an array for each of features"
    assert callable(edgepack.verify), "no module has taken the function's place"
