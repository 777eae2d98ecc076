"""A document that shows something else than what is printed is found out."""

import pytest
from shown_commands import agrees


@pytest.mark.parametrize(
    ("shown", "agreeing"),
    [
        ("  operators  7, of 4 kinds", True),
        ("operators    12, of 5 kinds", True),
        ("  operators  7", False),
        ("  operators  7…", True),
        ("of 4 kinds…", False),
        ("  operators  7, of 4 kinds of nodes", False),
        ("  operators  7, of 4 kinds of nodes…", False),
    ],
)
def test_a_line_is_shown_whole_unless_it_says_that_it_goes_on(shown, agreeing):
    assert agrees(shown, "  operators  7, of 4 kinds") == agreeing
