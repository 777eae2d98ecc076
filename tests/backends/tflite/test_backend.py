"""Running .tflite files, whole and damaged."""

import re
from importlib.metadata import version

import numpy as np
import pytest

from edgepack.backends.tflite import backend
from edgepack.workers import JobFailed


@pytest.fixture(scope="module")
def file(make):
    return make("image").path


@pytest.fixture
def execute(workers):
    def run(path, feeds):
        return workers.start(*backend.run_modules).run(backend.execute, path, feeds, name="execute")

    return run


def feed(value):
    return [np.full((1, 20, 14, 3), value, np.float32)]


def test_every_feed_is_answered_in_order_and_by_itself(file, execute):
    together = execute(file, [feed(0.5), feed(-1), feed(0.5)])
    (alone,) = execute(file, [feed(-1)])
    assert [[array.shape for array in outputs] for outputs in together] == [[(1, 7, 4, 4)]] * 3
    np.testing.assert_array_equal(together[0][0], together[2][0], strict=True)
    np.testing.assert_array_equal(together[1][0], alone[0], strict=True)
    assert not np.allclose(together[0][0], together[1][0])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            lambda content: b"",
            "ValueError: damaged.tflite is not a TensorFlow Lite file, or its start is damaged",
        ),
        (lambda content: content[:6], "ValueError: damaged.tflite is not a TensorFlow Lite file"),
        (
            lambda content: content[:4] + b"TFL2" + content[8:],
            "ValueError: damaged.tflite is not a TensorFlow",
        ),
        (lambda content: content[: len(content) // 2], None),
        (lambda content: content[:8], None),
        # The offset of the root table: it then lies outside the file.
        (lambda content: content[:3] + b"\x7f" + content[4:], None),
        (lambda content: content[:3] + b"\xff" + content[4:], None),
    ],
)
def test_a_damaged_file_is_a_failed_job_whatever_it_does_to_the_runtime(
    file, execute, tmp_path, damage, reason
):
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(damage(file.read_bytes()))
    with pytest.raises(JobFailed) as caught:
        execute(damaged, [feed(0)])
    assert caught.value.reason.startswith(reason or ("ValueError: ", "crashed: killed by SIG"))


def test_no_flipped_byte_at_the_start_takes_anything_but_the_job_with_it(file, execute, tmp_path):
    content = bytearray(file.read_bytes())
    damaged = tmp_path / "damaged.tflite"
    for position in range(0, 64, 5):
        flipped = bytearray(content)
        flipped[position] ^= 0xFF
        damaged.write_bytes(flipped)
        reason = ""
        try:
            execute(damaged, [feed(0)])
        except JobFailed as error:
            reason = error.reason
        assert re.match(r"\w+Error: |crashed: killed by SIG|$", reason), position


def test_the_runtime_is_named_with_its_release():
    assert backend.runtime() == f"ai-edge-litert {version('ai-edge-litert')}"
