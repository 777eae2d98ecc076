"""Where settings come from, in which order, and what is said about wrong ones."""

from pathlib import Path

import pytest

from edgepack.config import build_options, derive_name
from edgepack.errors import UsageError
from edgepack.precision import PRECISIONS, Gates, tolerance_for
from edgepack.setting_layers import load
from edgepack.settings import KINDS, Settings, parse_size


@pytest.fixture
def project(tmp_path):
    """Write a project file and give the folder that commands run in, two levels below."""

    def write(text, name="edgepack.toml"):
        (tmp_path / name).write_text(text)
        folder = tmp_path / "app" / "models"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    return write


def options(folder, command_line=None, environ=None):
    return build_options("pkg.models:net", load(command_line or {}, folder, environ or {}))


def test_settings_and_their_kinds_are_one_list():
    assert set(KINDS) == set(Settings.__annotations__)


def test_each_layer_goes_over_the_next(project):
    folder = project('target = "linux-arm64"\ncases = 5\nseed = 6\nname = "from_file"')
    environ = {"EDGEPACK_CASES": "7", "EDGEPACK_SEED": "8", "PATH": "/bin"}
    resolved = options(folder, {"seed": 9}, environ)
    assert resolved.golden.seed == 9
    assert resolved.golden.cases == 7
    assert resolved.target == "linux-arm64"
    assert resolved.name == "from_file"
    assert resolved.precisions == ()


def test_without_any_layer_the_defaults_hold(tmp_path):
    resolved = options(tmp_path)
    assert (resolved.target, resolved.name, resolved.output) == ("android", "net", Path("dist/net"))
    assert (resolved.golden.cases, resolved.cache, resolved.source.trust) == (3, True, False)
    assert resolved.limits.seconds == 1800


def test_the_command_line_turns_off_what_a_file_turns_on(project):
    folder = project("keep_going = true\ncache = false")
    assert options(folder).keep_going is True
    resolved = options(folder, {"keep_going": False, "cache": True})
    assert (resolved.keep_going, resolved.cache) == (False, True)


def test_pyproject_holds_settings_too_and_the_nearest_file_wins(project, tmp_path):
    folder = project("[tool.edgepack]\nseed = 1", "pyproject.toml")
    assert options(folder).golden.seed == 1
    (folder / "pyproject.toml").write_text("[tool.other]\nseed = 2")
    assert options(folder).golden.seed == 1, "a pyproject without our table is passed over"
    (tmp_path / "app" / "edgepack.toml").write_text("seed = 3")
    assert options(folder).golden.seed == 3


def test_two_files_side_by_side_are_refused(project):
    project("seed = 1")
    folder = project("[tool.edgepack]\nseed = 2", "pyproject.toml")
    with pytest.raises(UsageError, match=r"both .*edgepack\.toml and .*pyproject\.toml configure edgepack"):
        options(folder)


def test_paths_in_a_file_are_relative_to_it(project, tmp_path):
    folder = project('output = "out/net"\ngolden = ["cases/a.npz"]\nkeep_failed = "/kept/failed"')
    resolved = options(folder)
    assert resolved.output == tmp_path / "out/net"
    assert resolved.golden.files == (tmp_path / "cases/a.npz",)
    assert resolved.keep_failed == Path("/kept/failed")
    assert options(folder, {"output": "here"}).output == Path("here")


def test_an_empty_output_is_no_way_to_ask_for_the_default(tmp_path):
    with pytest.raises(UsageError, match="output is empty") as caught:
        options(tmp_path, {"output": ""})
    assert caught.value.hint.endswith("leave it out for dist/net")


def test_calibration_and_labels_in_a_file_are_relative_to_it_and_golden_is_a_word(project, tmp_path):
    folder = project('calibration = "photos"\nlabels = "test.npz"\npreprocess = ["scale 1/255", "x: bgr"]')
    resolved = options(folder)
    assert resolved.calibration.source == str(tmp_path / "photos")
    assert resolved.labels.file == tmp_path / "test.npz"
    assert [one.input for one in resolved.processing.preprocess] == ["", "x"]
    project('calibration = "golden"')
    assert options(folder).calibration.source == "golden"
    assert options(folder, {"calibration": "photos.py:samples"}).calibration.source == "photos.py:samples"


def test_environment_variables_are_read_as_their_settings_kind(tmp_path):
    environ = {
        "EDGEPACK_INPUTS": "image:float32[1,3,8,8] tokens:int64[1,4]=0..9",
        "EDGEPACK_BIND": "axes=[0,2] k=5",
        "EDGEPACK_FORMATS": "tflite, torch_lite",
        "EDGEPACK_KEEP_GOING": "yes",
        "EDGEPACK_TIMEOUT": "2.5",
        "EDGEPACK_MEMORY": "8GiB",
        "EDGEPACK_CACHE_DIR": "/elsewhere",
    }
    resolved = options(tmp_path, environ=environ)
    assert [str(one.tensor) for one in resolved.source.inputs] == [
        "image:float32[1,3,8,8]",
        "tokens:int64[1,4]",
    ]
    assert list(map(str, resolved.source.bind)) == ["axes=[0,2]", "k=5"]
    assert resolved.formats == ("tflite", "torch_lite")
    assert resolved.keep_going is True
    assert (resolved.limits.seconds, resolved.limits.memory) == (2.5, 8 * 2**30)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("precision = ['float32']", "{file}: unknown key 'precision'", "did you mean precisions?"),
        ("keep-going = true", "{file}: unknown key 'keep-going'", "did you mean keep_going?"),
        ("cases = 'three'", "{file}: cases must be a whole number, not 'three'", ""),
        ("cases = true", "{file}: cases must be a whole number, not True", ""),
        ("formats = 'tflite'", "{file}: formats must be a list of names, not 'tflite'", ""),
        ("min_snr = nan", "{file}: min_snr must be a number, not nan", ""),
        ("timeout = inf", "{file}: timeout must be a number of seconds, not inf", ""),
        ("memory = '8 apples'", "{file}: memory must be bytes, or a size such as 8GiB, not '8 apples'", ""),
        (
            "calibration = 'photos.py:samples'",
            "{file}: calibration by Python code can only be given on the command line",
            "use --calibration",
        ),
        ("trust = true", "{file}: trust can only be given on the command line", "use --trust"),
        ("arch = 'evil:net'", "{file}: arch can only be given on the command line", "use --arch"),
        ("cases = ", "cannot read {file}: Invalid value", ""),
    ],
)
def test_a_wrong_project_file_is_named(project, tmp_path, text, message, hint):
    folder = project(text)
    with pytest.raises(UsageError) as caught:
        options(folder)
    assert caught.value.message.startswith(message.format(file=tmp_path / "edgepack.toml"))
    assert caught.value.hint.startswith(hint)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("variable", "value", "message", "hint"),
    [
        (
            "EDGEPACK_TARGT",
            "android",
            "unknown environment variable EDGEPACK_TARGT",
            "did you mean EDGEPACK_TARGET?",
        ),
        ("EDGEPACK_CASES", "x", "environment variable EDGEPACK_CASES: must be a whole number, not 'x'", ""),
        (
            "EDGEPACK_FORCE",
            "1",
            "environment variable EDGEPACK_FORCE: force can only be given",
            "use --force",
        ),
        (
            "EDGEPACK_CALIBRATION",
            "photos:samples",
            "environment variable EDGEPACK_CALIBRATION: calibration by Python code can only be given",
            "use --calibration",
        ),
        ("EDGEPACK_CACHE", "maybe", "environment variable EDGEPACK_CACHE: must be true or false", ""),
    ],
)
def test_a_wrong_environment_variable_is_named(tmp_path, variable, value, message, hint):
    with pytest.raises(UsageError) as caught:
        options(tmp_path, environ={variable: value})
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("command_line", "message", "hint"),
    [
        ({"target": "linux_arm64"}, "unknown target 'linux_arm64'", "did you mean linux-arm64?"),
        ({"formats": ["onnx"]}, "target android has no format 'onnx'", "choose from"),
        (
            {"bytecode": 12},
            "bytecode 12 does not run on target android",
            "pytorch_android_lite 1.12.2 loads 4 to 9",
        ),
        ({"cases": 0}, "cases must be at least 1, not 0", "nothing is proven without one"),
        ({"seed": -1}, "seed must not be negative, not -1", ""),
        ({"timeout": -1.0}, "timeout must not be negative, not -1", "0 means no limit"),
        ({"memory": 0}, "memory must be more than 0 bytes, not 0", ""),
        ({"name": "../escape"}, "name '../escape' can't name files", "use letters"),
        ({"calibration_limit": 0}, "calibration_limit must be at least 1, not 0", ""),
        ({"preprocess": ["resise 3"]}, "unknown step 'resise' in 'resise 3'", "did you mean resize?"),
        ({"io": "int16"}, "io must be one of int8, float32, not 'int16'", "did you mean int8?"),
        ({"keep_float": ["auto", "conv"]}, "keep_float is either auto or patterns, not both", ""),
        ({"keep_float": ["conv("]}, "keep_float 'conv(' is no regular expression: ", ""),
        ({"min_agreement": 0.95}, "min_agreement is in percent, up to 100, not 0.95", "for example 95"),
        ({"max_accuracy_drop": 1.0}, "max_accuracy_drop needs labelled data", "give some with --labels"),
        ({"max_accuracy_drop": -1}, "max_accuracy_drop must not be negative, not -1", ""),
        ({"bind": ["axes"]}, "cannot read binding 'axes'", "for example axes=[0,2]"),
        ({"inputs": ["image"]}, "cannot read input 'image'", "for example image:float32[1,3,224,224]"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, command_line, message, hint):
    with pytest.raises(UsageError) as caught:
        options(tmp_path, command_line)
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)


def test_no_time_limit_is_asked_for_by_zero(tmp_path):
    assert options(tmp_path, {"timeout": 0}).limits.seconds is None


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("torchvision.models:mobilenet_v2", "mobilenet_v2"),
        ("sample_models/digits/model.py:digits", "digits"),
        ("zoo.nets:Family.small", "small"),
        ("models/my model.onnx", "my_model"),
        ("weights.pth", "weights"),
        ("net.py:_tiny", "tiny"),
        (".onnx", "onnx"),
        ("模型.onnx", "model"),
    ],
)
def test_a_bundle_is_named_after_its_source(source, name):
    assert derive_name(source) == name


@pytest.mark.parametrize(
    ("text", "count"), [("1048576", 2**20), ("8GiB", 8 * 2**30), ("1.5 MB", 1_500_000), ("512B", 512)]
)
def test_sizes(text, count):
    assert parse_size(text) == count


@pytest.mark.parametrize("text", ["", "GiB", "8 GiBs", "-1MB", "8iB", "1e3"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


def test_gates_replace_the_ratio_of_quantised_files_and_only_tighten_the_rest(tmp_path):
    asked = {"min_snr": 12, "min_agreement": 95.0, "labels": "l.npz", "max_accuracy_drop": 1}
    gates = options(tmp_path, asked).quantisation.gates
    int8, float16, float32 = (tolerance_for(name, gates) for name in ("int8", "float16", "float32"))
    assert (int8.snr_db, int8.agreement, int8.top_agreement, int8.accuracy_drop) == (12, 0.95, 0.95, 1)
    assert (float16.snr_db, float16.agreement) == (12, 0.99)
    assert (float32.snr_db, float32.relative, float32.agreement) == (None, 1e-4, 1.0)
    assert tolerance_for("int8", Gates()) == PRECISIONS["int8"].tolerance
