"""What a report says of ARM64 beside this machine."""

from dataclasses import replace

import pytest

from edgepack.report.text import render_text

_PLACE = "tensorflow-lite 2.16.1 on cortex-a53"


@pytest.fixture
def pair(good):
    """The same artifact on both."""
    host = replace(good.results[1], outputs_sha256="ab")
    return host, replace(host, runner="arm64", runtime=_PLACE)


@pytest.mark.parametrize(("digest", "said"), [("ab", "equal bit by bit"), ("cd", "largest error 2")])
def test_a_run_on_arm64_is_set_beside_the_hosts(good, pair, digest, said):
    host, there = pair
    text = render_text(replace(good, results=(host, replace(there, outputs_sha256=digest))))
    assert f"arm64, {_PLACE}" in text
    assert f"{host.artifact_id}, {_PLACE}: {said}" in text


def test_nothing_is_said_where_the_host_did_not_run(good, pair):
    assert "beside this machine" not in render_text(replace(good, results=pair[1:]))
