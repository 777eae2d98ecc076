import copy
import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from edgepack.bundle.document import dumps, from_json, to_json
from edgepack.bundle.manifest import Verified
from edgepack.errors import BundleError, InternalError


def test_a_manifest_survives_its_json_form(parts):
    text = dumps(to_json(parts.manifest))
    assert from_json(json.loads(text)) == parts.manifest
    assert text.endswith("}\n")


def test_text_does_not_depend_on_the_order_of_mappings(parts):
    manifest = parts.manifest
    turned = replace(
        manifest,
        tools=dict(reversed(manifest.tools.items())),
        source=dict(reversed(manifest.source.items())),
        artifacts=tuple(
            replace(artifact, operators=tuple(reversed(artifact.operators)))
            for artifact in manifest.artifacts
        ),
    )
    assert dumps(to_json(turned)) == dumps(to_json(manifest))


def test_keys_are_those_that_apps_rely_on(parts):
    document = to_json(parts.manifest)
    float_input = document["artifacts"][0]["inputs"][0]
    assert float_input == {
        "name": "image",
        "index": 0,
        "dtype": "float32",
        "shape": [1, 3, 4, 4],
        "axes": [0, 1, 2, 3],
    }
    artifact = document["artifacts"][1]
    assert artifact["path"] == "artifacts/tiny.tflite"
    assert artifact["bytes"] == 2000
    assert artifact["inputs"][0]["scale"] == [0.0627]
    assert artifact["inputs"][0]["zero_point"] == [-128]
    assert document["golden"][0]["inputs"]["image"].keys() == {"path", "sha256", "bytes"}
    assert (document["preprocess"], document["postprocess"]) == ([], [])


def test_infinite_signal_to_noise_is_null(parts):
    artifact = replace(
        parts.manifest.artifacts[0], verified=(Verified("host", "r", 1, 0, 0, 1, float("inf")),)
    )
    document = to_json(replace(parts.manifest, artifacts=(artifact,)))
    assert document["artifacts"][0]["verified"][0]["snr_db"] is None


def test_the_published_schema_is_one():
    from importlib.resources import files

    Draft202012Validator.check_schema(
        json.loads((files("edgepack.bundle") / "schema" / "bundle-1.json").read_text())
    )


def test_keys_of_other_tools_are_passed_over(parts):
    document = to_json(parts.manifest)
    document["labels"] = ["cat", "dog"]
    document["artifacts"][0]["speed"] = {"instructions": 7}
    assert from_json(document) == parts.manifest


def test_a_later_schema_is_refused_with_what_to_do(parts):
    document = to_json(parts.manifest) | {"schema": "edgepack.bundle/2"}
    with pytest.raises(
        BundleError, match=r"'edgepack.bundle/2'; edgepack .* reads 'edgepack.bundle/1' only"
    ) as raised:
        from_json(document)
    assert raised.value.exit_code == 6
    assert "install the edgepack release" in raised.value.hint


@pytest.mark.parametrize(
    "document", [[], None, "edgepack.bundle/1", {}, {"schema": "other/1"}, {"schema": 1}]
)
def test_other_json_is_not_a_manifest(document):
    with pytest.raises(BundleError, match="not a bundle's"):
        from_json(document)


def _set(*keys):
    """Make a function that sets a value deep in a document; the last of keys is the value."""
    *way, last, value = keys

    def change(document):
        for key in way:
            document = document[key]
        document[last] = value

    return change


ARTIFACT = ("artifacts", 0)
CONTRACT = (*ARTIFACT, "inputs", 0)
FILE = ("golden", 0, "inputs", "image")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *(
            (_set(*ARTIFACT, "path", path), r"artifacts\[0\].path is .*, not a relative path")
            for path in ("../x", "a/../../x", "/etc/passwd", "a\\b", "", ".", "a//b", "a/.", "C:x", "a\nb")
        ),
        (_set(*FILE, "path", "golden/../../x"), r"golden\[0\].inputs.image.path is"),
        (_set("name", "../tiny"), "name is '../tiny', not a name without slashes"),
        (_set(*FILE, "sha256", "abc"), r"sha256 is 'abc', not a sha256"),
        (_set(*FILE, "bytes", True), "bytes: True is not of type 'integer'"),
        (_set(*FILE, "bytes", -1), "bytes: -1 is less than the minimum"),
        (_set(*CONTRACT, "zero_points", [0]), "zero_points' was unexpected"),
        (_set(*CONTRACT, "scale", [0.1]), "'zero_point' is a dependency of 'scale'"),
        (_set(*CONTRACT, "dtype", "bfloat16"), "'bfloat16' is not one of"),
        (_set("artifacts", {}), "artifacts: {} is not of type 'array'"),
        (_set("model", "inputs", 0, "shape", [1, -1]), "shape.*: -1 is less than"),
        (lambda document: document.pop("tools"), "'tools' is a required property"),
    ],
)
def test_what_breaks_the_schema_is_refused_where_it_is(parts, change, message):
    document = copy.deepcopy(to_json(parts.manifest))
    change(document)
    with pytest.raises(BundleError, match=message) as raised:
        from_json(document)
    assert raised.value.exit_code == 6
    assert raised.value.message.startswith("manifest.json: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _set("artifacts", 1, "id", "torch_lite/float32"),
            "artifact 'torch_lite/float32' is listed more than once",
        ),
        (_set(*CONTRACT, "name", "picture"), "input 'picture' is not one of the model's"),
        (_set(*CONTRACT, "axes", [0, 1, 2, 4]), r"axes \[0, 1, 2, 4\] do not permute shape \[1, 3, 4, 4\]"),
        (_set(*CONTRACT, "axes", [0, 1]), r"axes \[0, 1\] do not permute"),
        (
            _set(*CONTRACT, "shape", [3, 1, 4, 5]),
            r"shape \[3, 1, 4, 5\] is not the model's \[1, 3, 4, 4\] by axes",
        ),
        (_set(*ARTIFACT, "outputs", []), "torch_lite/float32: the model's output 'logits' is missing"),
        (_set(*CONTRACT, "index", 7), r"torch_lite/float32: input indices \[7\] do not count from 0"),
        (_set("artifacts", 1, "inputs", 0, "zero_point", [0, 0]), "1 scales but 2 zero points"),
        (_set(*FILE, "bytes", 10), "input 'image' has 10 bytes, its shape and dtype need 192"),
        (_set("golden", 0, "outputs", {}), "golden case 0 output 'logits' is missing"),
        (_set(*ARTIFACT, "path", "report.html"), "path 'report.html' is the bundle's own"),
        (_set(*ARTIFACT, "path", "artifacts/tiny.tflite"), "listed with two different contents"),
    ],
)
def test_what_contradicts_itself_is_refused(parts, change, message):
    document = copy.deepcopy(to_json(parts.manifest))
    change(document)
    with pytest.raises(BundleError, match=message) as raised:
        from_json(document)
    assert raised.value.exit_code == 6


@pytest.mark.parametrize("shape", [[3, 4, 4], [1, 1, 3, 4, 4]])
def test_axes_of_size_1_may_come_and_go(parts, shape):
    document = copy.deepcopy(to_json(parts.manifest))
    _set(*CONTRACT, "shape", shape)(document)
    assert list(from_json(document).artifacts[0].inputs[0].shape) == shape


def _with_stray_golden(manifest):
    case = manifest.golden[0]
    return replace(manifest, golden=(replace(case, inputs=case.inputs | {"mask": case.inputs["image"]}),))


def _with_figure_that_is_none(manifest):
    artifact = manifest.artifacts[0]
    record = replace(artifact.verified[0], cosine=float("nan"))
    return replace(manifest, artifacts=(replace(artifact, verified=(record,)),))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: replace(manifest, name="a/b"), "manifest of a/b: name is 'a/b'"),
        (_with_stray_golden, "golden case 0 input 'mask' is not one of the model's"),
        (_with_figure_that_is_none, "verified on host with figures that are no numbers"),
    ],
)
def test_an_unsound_manifest_is_not_written(parts, change, message):
    with pytest.raises(InternalError, match=message) as raised:
        to_json(change(parts.manifest))
    assert raised.value.exit_code == 70
