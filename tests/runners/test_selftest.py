"""The part of the self-test that needs no runtime: whether kernels are those of the processor."""

import pytest

from edgepack.errors import ToolError
from edgepack.runners.selftest import check_kernels

_MULTIPLICATIONS = 165_888 + 20_736 + 73_728 + 320


@pytest.mark.parametrize("instructions", [73_699, 277_521])
def test_counts_of_the_official_runtimes_pass(instructions):
    """The fewest and the most that were measured, of both formats and processors."""
    check_kernels("a runtime", "int8.ptl on cortex-a53", instructions)


def test_kernels_that_take_one_number_at_a_time_are_refused():
    with pytest.raises(ToolError) as refused:
        check_kernels("a runtime", "int8.tflite on cortex-a53", 3 * _MULTIPLICATIONS)
    assert refused.value.exit_code == 5
    assert refused.value.message == (
        "a runtime failed its self-test: int8.tflite on cortex-a53 takes 3.0 instructions a multiplication, "
        "so it has no kernels for ARM64"
    )
