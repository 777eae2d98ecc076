"""What a job may use when nobody says."""

import psutil
import pytest

from edgepack.config import limits as limits_of
from edgepack.workers import limits


def test_a_job_may_not_eat_the_machine():
    share = psutil.virtual_memory().total * 3 // 4
    assert limits_of({}).memory == pytest.approx(share, abs=4)
    assert limits_of({"memory": "1GiB"}).memory == 2**30


@pytest.mark.parametrize(
    ("said", "gives"), [("4000", 3000), ("max", None), (None, None)], ids=["limited", "unlimited", "none"]
)
def test_a_container_has_what_it_was_given(said, gives, tmp_path, monkeypatch):
    if said is not None:
        (tmp_path / "memory.max").write_text(f"{said}\n")
    whole = limits.machine_share()
    monkeypatch.setattr(limits, "_CONTAINER", tmp_path / "memory.max")
    assert limits.machine_share() == (gives or whole)


def test_a_limit_beyond_what_all_hold_needs_no_closer_look():
    assert limits.may_exceed(1 << 20)
    assert not limits.may_exceed(psutil.virtual_memory().total)
