"""What a report says of ARM64, by itself and beside this machine."""

from dataclasses import replace

import pytest

from edgepack.report import json as report_json
from edgepack.report.text import render_text
from edgepack.verdict import Difference

_PLACE = "tensorflow-lite 2.16.1 on cortex-a53"


@pytest.fixture
def there(good):
    """A run on ARM64."""
    return replace(
        good.results[1],
        runner="arm64",
        runtime=_PLACE,
        starting=1.25,
        running=0.5,
        instructions=195_865_937,
    )


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (Difference(30, 0, 0.0), "this machine's outputs, bit by bit"),
        (Difference(30, 3, 0.25), "10.0% of the outputs differ from this machine's, by at most 0.25"),
        (Difference(30, 3, 0.25, 0.1, 2.0), "by at most 0.25 (2 steps); that is more than rounding: "),
    ],
)
def test_a_run_on_arm64_is_set_beside_the_hosts(good, there, difference, said):
    report = replace(good, results=(good.results[1], replace(there, beside_host=difference)))
    text = " ".join(render_text(report).split())
    assert f"arm64, {_PLACE}" in text
    assert said in text
    assert report_json.from_json(report_json.to_json(report)).results[1].beside_host == difference


def test_what_it_took_is_told_also_without_the_host(good, there):
    text = " ".join(render_text(replace(good, results=(there,))).split())
    assert f"{_PLACE}: started in 1.2 s, ran 0.5 s; 195.87 million instructions an inference" in text
    assert "this machine's" not in text
