"""What two runtimes may differ by."""

import pytest

from edgepack.verdict import Difference


@pytest.mark.parametrize(
    ("difference", "usual"),
    [
        (Difference(1000, 0, 0.0), True),
        (Difference(1000, 900, 1e-5, 9e-5), True),
        (Difference(1000, 1, 1e-3, 2e-4), False),
        (Difference(1000, 10, 0.25, 0.1, 1.0), True),
        (Difference(1000, 11, 0.25, 0.1, 1.0), False),
        (Difference(1000, 1, 0.5, 0.2, 2.0), False),
    ],
)
def test_rounding_is_told_from_more(difference, usual):
    assert difference.usual is usual
