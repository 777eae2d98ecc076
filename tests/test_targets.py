"""What targets ask for, and what they say when asked for something else."""

import pytest

from edgepack.errors import UsageError
from edgepack.precision import PRECISIONS
from edgepack.targets import TARGETS, find_target


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_every_row_is_complete(target):
    assert {runtime.format for runtime in target.runtimes} == set(target.formats)
    assert {name for names in target.formats.values() for name in names} <= set(PRECISIONS)
    assert target.cpus
    assert set(target.on_request) <= {
        f"{kind}/{name}" for kind, names in target.formats.items() for name in names
    }
    assert all(runtime.bytecode for runtime in target.runtimes if runtime.format == "torch_lite")


def test_a_plan_has_everything_in_the_targets_order():
    assert find_target("android").plan(calibrated=False) == (
        ("torch_lite", "float32"),
        ("tflite", "float32"),
        ("tflite", "float16"),
        ("tflite", "dynamic"),
    )


def test_what_is_on_request_is_planned_only_when_asked_for_by_name():
    android = find_target("android")
    assert ("torch_lite", "int8") in android.plan(calibrated=True)
    assert ("torch_lite", "dynamic") not in android.plan(calibrated=True)
    assert android.plan(("torch_lite",), ("dynamic",), calibrated=False) == (("torch_lite", "dynamic"),)


def test_a_plan_keeps_to_what_was_asked_for():
    assert find_target("android").plan(("tflite",), ("float32",), calibrated=True) == (("tflite", "float32"),)


@pytest.mark.parametrize(
    ("ask", "message", "hint"),
    [
        (lambda: find_target("androyd"), "unknown target 'androyd'", "did you mean android? choose from "),
        (
            lambda: find_target("zzz"),
            "unknown target 'zzz'",
            "choose from android, android-armv7, linux-arm64",
        ),
        (
            lambda: find_target("android").plan(("tflight",), calibrated=False),
            "target android has no format 'tflight'",
            "did you mean tflite? choose from ",
        ),
        (
            lambda: find_target("linux-arm64").plan((), ("float23",), calibrated=False),
            "target linux-arm64 has no precision 'float23'",
            "did you mean float32? choose from ",
        ),
    ],
)
def test_what_a_target_does_not_have_is_a_usage_error(ask, message, hint):
    with pytest.raises(UsageError) as caught:
        ask()
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)
    assert caught.value.exit_code == 2


def test_a_precision_that_only_another_format_has_is_refused():
    from dataclasses import replace

    target = replace(find_target("android"), formats={"a": ("float32",), "b": ("int8",)})
    assert target.plan((), ("int8",), calibrated=True) == (("b", "int8"),)
    with pytest.raises(UsageError, match="target android has no int8 in a"):
        target.plan(("a",), ("int8",), calibrated=True)


def test_a_precision_that_needs_calibration_data_is_planned_only_with_it():
    from dataclasses import replace

    target = replace(find_target("android"), formats={"a": ("float32", "int8")})
    assert target.plan(calibrated=False) == (("a", "float32"),)
    assert target.plan(calibrated=True) == (("a", "float32"), ("a", "int8"))
    with pytest.raises(UsageError) as caught:
        target.plan(precisions=("float32", "int8"), calibrated=False)
    assert caught.value.message.startswith("precision int8 needs calibration data")
    assert "--calibration" in caught.value.hint
