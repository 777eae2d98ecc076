"""What is said of a job that failed on a full disk."""

import pytest

from edgepack.workers.room import describe_shortage, shortage


@pytest.mark.parametrize(
    ("reason", "free", "said"),
    [
        (
            "crashed: killed by SIGABRT",
            64_000,
            "the disk of temporary files is full: 64 kB are left",
        ),
        ("OSError: [Errno 28] No space left on device", 10**10, "a disk is full"),
        ("crashed: killed by SIGABRT", 10**10, ""),
    ],
)
def test_a_full_disk_is_told_by_what_is_left_or_by_the_failure(reason, free, said):
    assert describe_shortage(reason, free) == said


def test_a_disk_that_cannot_be_asked_is_not_called_full(tmp_path):
    assert shortage("crashed", tmp_path / "gone") == ""
    assert shortage("crashed", tmp_path) == ""
