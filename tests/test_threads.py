"""Threads that wait for jobs: an interruption ends the jobs, so that nobody has to wait for them."""

from threading import Event

import pytest

from edgepack.threads import waiting_threads


class Jobs:
    """Stands for workers: a job lasts until they are closed."""

    def __init__(self):
        self.closed = Event()

    def job(self, _):
        assert self.closed.wait(30)

    def close(self):
        self.closed.set()


def test_an_interruption_ends_the_jobs_before_the_threads_are_waited_for():
    jobs = [Jobs(), Jobs()]
    waiting = []

    def interrupted():
        with waiting_threads(2, jobs) as threads:
            waiting.extend(threads.submit(one.job, None) for one in jobs)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [future.exception() for future in waiting] == [None, None]


def test_jobs_that_go_well_are_left_alone():
    jobs = Jobs()
    with waiting_threads(1, [jobs]) as threads:
        assert threads.submit(int, "7").result() == 7
    assert not jobs.closed.is_set()
