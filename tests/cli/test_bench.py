"""`edgepack bench`, as far as it goes without a machine to count on."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--fail-over", "2%"], "--fail-over needs --baseline", "--baseline FILE names what to compare with"),
        (
            ["--fail-over", "two", "--baseline", "b.json"],
            "cannot read --fail-over 'two'",
            "give a percentage, such as 2%",
        ),
        (["--baseline", "b.json"], "cannot read the baseline b.json", ""),
    ],
)
def test_a_slip_is_told_of_before_anything_is_run(edgepack, arguments, message, hint):
    done = edgepack("bench", "bundle", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert hint in done.stderr
