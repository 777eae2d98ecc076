"""Workers hold crashes, hangs and greed to the job that causes them."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest
import worker_jobs as jobs

from edgepack.errors import SourceError
from edgepack.workers import JobFailed, Limits, Workers


@pytest.fixture
def workers(tmp_path):
    with Workers(tmp_path / "logs", Limits(seconds=60)) as pool:
        yield pool


def test_job_returns_its_value_from_a_process_of_its_own(workers):
    worker = workers.start()
    assert worker.run(jobs.add, 2, 3, name="add") == 5
    assert worker.run(os.getpid, name="pid") != worker.run(os.getpid, name="pid")


def test_named_modules_are_imported_before_the_job(workers):
    assert "wave" in workers.start("wave").run(jobs.modules, name="modules")
    assert "wave" not in workers.start().run(jobs.modules, name="modules")


def test_branch_keeps_state_for_jobs_that_run_in_forks_of_it(workers):
    branch = workers.start().branch(jobs.hold, "weights", name="load")
    assert branch.run(jobs.read_held, "more", name="read") == ("weights", "more", True)
    assert branch.run(jobs.read_held, "again", name="read") == ("weights", "again", True)


def test_setup_may_answer_besides_what_the_branch_keeps(workers):
    branch = workers.start().branch(jobs.hold_and_tell, "weights", name="load")
    assert branch.answer == "loaded"
    assert branch.run(jobs.read_held, "more", name="read") == ("weights", "more", True)


def test_own_errors_cross_the_border_whole(workers):
    with pytest.raises(SourceError) as caught:
        workers.start().branch(jobs.refuse_to_hold, name="load")
    assert (caught.value.message, caught.value.hint) == ("no such model", "try another")
    assert caught.value.details == {"path": "x"}


@pytest.mark.parametrize(
    ("job", "reason", "log"),
    [
        (jobs.crash, "crashed: killed by SIGSEGV", "about to crash"),
        (jobs.raise_value_error, "ValueError: bad weights", "before the error"),
        (jobs.exit_early, "ended early with exit code 3", ""),
        (jobs.return_unpicklable, "local object", ""),
    ],
)
def test_failed_job_says_why_and_the_next_one_runs(workers, job, reason, log):
    worker = workers.start()
    with pytest.raises(JobFailed, match=reason) as caught:
        worker.run(job, name="bad")
    assert log in caught.value.log
    told = caught.value.as_error(SourceError, "the model failed", "run it alone")
    assert (told.message, told.hint) == (f"the model failed: {caught.value.reason}", "run it alone")
    assert told.details == {"log": caught.value.log}
    assert worker.run(jobs.add, 1, 1, name="good") == 2


def test_a_job_that_fills_a_disk_says_so_with_a_hint(workers):
    with pytest.raises(JobFailed, match=r"No space left on device; a disk is full$") as caught:
        workers.start().run(jobs.fill_a_disk, name="fill")
    told = caught.value.as_error(SourceError, "the model failed", "run it alone")
    assert told.hint == "free some space, or let TMPDIR name a folder on a larger disk"


def test_rubbish_on_stdout_stays_in_the_log(workers, capfd):
    assert workers.start().run(jobs.print_rubbish, name="rubbish") == "fine"
    assert capfd.readouterr().out == ""
    assert (workers.logs / "rubbish.log").stat().st_size == 25600


def test_time_limit_stops_a_job_that_ignores_signals(workers):
    started = time.monotonic()
    with pytest.raises(JobFailed, match=r"time limit of 0\.5 s"):
        workers.start().run(jobs.hang, name="hang", limits=Limits(seconds=0.5))
    assert time.monotonic() - started < 20


def test_memory_limit_stops_a_greedy_job(workers):
    with pytest.raises(JobFailed, match="more than the memory limit of 200 MiB"):
        workers.start().run(jobs.eat_memory, name="eat", limits=Limits(seconds=60, memory=200 << 20))


def test_jobs_run_side_by_side(workers):
    worker, both = workers.start(), threading.Barrier(2, timeout=30)
    answers = []

    def one():
        both.wait()
        answers.append(worker.run(time.sleep, 0.5, name="sleep"))

    threads = [threading.Thread(target=one) for _ in range(2)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [None, None]
    assert time.monotonic() - started < 0.95


def test_what_a_job_leaves_behind_is_ended(workers, tmp_path):
    pid_file = tmp_path / "pid"
    workers.start().run(jobs.leave_child_behind, str(pid_file), name="leave")
    assert _gone(int(pid_file.read_text()))


def test_closing_ends_a_running_job(tmp_path):
    failures, others = [], _children()
    with Workers(tmp_path / "logs") as pool:
        worker = pool.start()

        def wait():
            try:
                worker.run(jobs.hang, name="hang")
            except JobFailed as error:
                failures.append(error.reason)

        thread = threading.Thread(target=wait)
        thread.start()
        pids = _await_children(2, but=others)
    thread.join(timeout=20)
    assert len(failures) == 1
    assert all(_gone(pid) for pid in pids)


def test_closed_workers_stay_closed(tmp_path):
    with Workers(tmp_path / "logs") as pool:
        worker = pool.start()
    with pytest.raises(JobFailed, match="have been ended"):
        pool.start("wave")
    with pytest.raises(JobFailed, match="gone"):
        worker.run(jobs.add, 1, 2, name="add")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_killing_the_main_process_leaves_nothing_running(tmp_path):
    script = textwrap.dedent(f"""
        from pathlib import Path
        import worker_jobs
        from edgepack.workers import Workers
        with Workers(Path({str(tmp_path)!r})) as pool:
            branch = pool.start().branch(worker_jobs.hold, 1, name="hold")
            branch.run(worker_jobs.hang_bound, name="hang")
    """)
    main = subprocess.Popen([sys.executable, "-c", script])
    pids = _await_children(3, of=main.pid)
    os.kill(main.pid, signal.SIGKILL)
    main.wait()
    assert all(_gone(pid) for pid in pids)


def _children(of: int | None = None) -> set[int]:
    return {child.pid for child in psutil.Process(of).children(recursive=True)}


def _await_children(
    count: int, of: int | None = None, but: frozenset[int] | set[int] = frozenset()
) -> set[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if len(children := _children(of) - but) >= count:
            return children
        time.sleep(0.02)
    raise AssertionError(f"expected {count} child processes")


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(autouse=True)
def jobs_are_importable_in_workers(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(jobs.__file__).parent))
