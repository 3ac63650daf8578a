"""However a program with workers ends, no process and nothing in shared memory is left."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import requires_psutil
from tests.unienv_data.samplers.light import Numbers
from unienv_data.samplers import MultiprocessingSampler, StepSampler

pytestmark = [
    requires_psutil,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended otherwise on Windows"),
]

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path("/dev/shm")

PROGRAM = """
import multiprocessing, os, signal, sys, time
from tests.unienv_data.samplers.light import Numbers, forever
from unienv_data.samplers import MultiprocessingSampler, StepSampler

def begin(data=None, **options):
    sampler = MultiprocessingSampler(StepSampler(data or Numbers(400), 4, seed=7), 2, **options)
    batches = iter(sampler)
    batch = next(batches)
    print("ready", flush=True)
    return sampler, batches, batch
"""


class Program:
    """A script in a process group of its own."""

    def __init__(self, folder: Path, body: str, *, stdin: bool = False) -> None:
        path = folder / "program.py"
        path.write_text(PROGRAM + body)
        with path.open() as script:
            self.process = self._started("-" if stdin else str(path), script, folder)

    def _started(self, path: str, stdin: Any, folder: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, path],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
            start_new_session=True,
        )

    def next_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def wait_until_ready(self) -> None:
        if self.next_line() != "ready\n":
            pytest.fail(f"the program did not begin: {self.process.communicate()[1]}")

    def descendants(self) -> list[Any]:
        import psutil

        return list(psutil.Process(self.process.pid).children(recursive=True))

    def end(self) -> tuple[int, str, str]:
        """The exit code, the standard output and the standard error."""
        out, errors = self.process.communicate(timeout=60)
        return self.process.returncode, out, errors


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts a program; afterwards nothing that it started is left, but what it should not have."""
    shared = names_in(SHARED)
    programs: list[Program] = []

    def started(body: str, **options: Any) -> Program:
        programs.append(Program(tmp_path, body, **options))
        return programs[-1]

    yield started
    for program in programs:
        if program.process.poll() is None:
            os.killpg(program.process.pid, signal.SIGKILL)
            program.process.communicate()
    assert left_behind(shared) == set()


def names_in(folder: Path) -> set[str]:
    """Python's shared memory and locks, and ours, there: other programs keep files in it, too."""
    found = (path.name for path in folder.glob("*")) if folder.is_dir() else ()
    return {name for name in found if name.startswith(("psm_", "sem.", "torch_", "unienv"))}


def left_behind(before: set[str]) -> set[str]:
    """What is in shared memory beyond what was, and stays: others' names come and go."""
    left = names_in(SHARED) - before
    deadline = time.monotonic() + 5
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left &= names_in(SHARED)
    return left


def wait_until_gone(processes: list[Any]) -> None:
    import psutil

    _, alive = psutil.wait_procs(processes, timeout=10)
    alive = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    for process in alive:
        process.kill()
    assert alive == []


METHODS = ["forkserver", pytest.param("spawn", marks=pytest.mark.slow)]


@pytest.mark.parametrize("method", METHODS)
def test_end_of_the_program_ends_everything(start: Any, method: str) -> None:
    program = start(f"""
if __name__ == "__main__":
    sampler, batches, batch = begin(ctx=multiprocessing.get_context("{method}"))
    time.sleep(0.5)
    print("done")
""")
    program.wait_until_ready()
    processes = program.descendants()
    assert len(processes) >= 2
    assert program.end() == (0, "done\n", "")
    wait_until_gone(processes)


def test_workers_that_are_no_daemons_end_too(start: Any) -> None:
    program = start("""
if __name__ == "__main__":
    running = begin(daemon=False)
""")
    assert program.end() == (0, "ready\n", "")


def test_exception_in_the_program_ends_everything(start: Any) -> None:
    program = start("""
if __name__ == "__main__":
    sampler, batches, batch = begin()
    time.sleep(0.5)
    raise RuntimeError("the program's own")
""")
    program.wait_until_ready()
    processes = program.descendants()
    code, _, errors = program.end()
    assert (code, errors.count("Traceback"), errors.strip().splitlines()[-1]) == (
        1,
        1,
        "RuntimeError: the program's own",
    )
    wait_until_gone(processes)


@pytest.mark.parametrize("method", METHODS)
def test_interrupt_ends_everything_with_one_traceback(start: Any, method: str) -> None:
    program = start(f"""
if __name__ == "__main__":
    sampler, batches, batch = begin(ctx=multiprocessing.get_context("{method}"))
    while True:
        sampler.sample()
""")
    program.wait_until_ready()
    processes = program.descendants()
    os.killpg(program.process.pid, signal.SIGINT)  # as a terminal does: to all of them
    code, _, errors = program.end()
    assert code == -signal.SIGINT
    assert errors.count("Traceback") == 1
    assert errors.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert "data-worker" not in errors
    assert "resource_tracker" not in errors
    wait_until_gone(processes)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("is_busy", [False, True])
def test_killed_program_takes_everything_with_it(start: Any, method: str, is_busy: bool) -> None:
    # A process that it has forked lives on, and holds its ends of all pipes.
    program = start(f"""
def busy_soon(rows):
    if 399 in rows:
        time.sleep(600)

if __name__ == "__main__":
    running = begin(Numbers(400, busy_soon), ctx=multiprocessing.get_context("{method}"))
    stranger = os.fork()
    if stranger == 0:
        time.sleep(60)
        os._exit(0)
    workers = [worker.process.pid for worker in running[0]._prefetcher._crew._workers]
    print(stranger, *workers, flush=True)
    {"list(running[1])" if is_busy else "time.sleep(600)"}
""")
    program.wait_until_ready()
    everything = {found.pid: found for found in program.descendants()}
    stranger, *workers = map(int, program.next_line().split())
    assert len(workers) == 2
    time.sleep(0.3)
    program.process.send_signal(signal.SIGKILL)
    wait_until_gone([everything[pid] for pid in workers])
    os.kill(stranger, signal.SIGKILL)
    assert program.end()[2] == ""
    wait_until_gone(list(everything.values()))


@pytest.mark.parametrize("method", METHODS)
def test_script_without_a_guard_gets_one_sentence(start: Any, method: str) -> None:
    program = start(f"""
begin(ctx=multiprocessing.get_context("{method}"))
""")
    code, out, errors = program.end()
    assert (code, out) == (1, "")
    assert errors.strip().splitlines()[-1] == (
        "unienv_data.errors.WorkerError: workers import the script that starts them: put its code under "
        "`if __name__ == '__main__':`"
    )
    assert errors.count("Error: ") == 1


@pytest.mark.parametrize("method", METHODS)
def test_script_from_standard_input_works(start: Any, method: str) -> None:
    program = start(
        f"""
class Local(Numbers):
    pass

sampler, _, _ = begin(Local(400), ctx=multiprocessing.get_context("{method}"))
print(sorted(row for batch in sampler for row in batch.tolist()) == list(range(400)))
sampler.close()
""",
        stdin=True,
    )
    assert program.end() == (0, "ready\nTrue\n", "")


def test_daemonic_processes_may_have_workers(start: Any) -> None:
    program = start("""
def work():
    sampler, batches, batch = begin()
    print(multiprocessing.current_process().daemon, sum(map(len, batches)), flush=True)
    time.sleep(0.2)

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=work, daemon=True)
    process.start()
    process.join()
    print(process.exitcode)
""")
    assert program.end() == (0, "ready\nTrue 396\n0\n", "")


def test_forked_child_has_workers_of_its_own(start: Any) -> None:
    program = start("""
if __name__ == "__main__":
    sampler, batches, batch = begin()
    child = os.fork()
    left = sum(map(len, batches))
    workers = sampler._prefetcher._crew._workers
    if child == 0:
        print(left, flush=True)
        sampler.close()
        os._exit(0)
    os.waitpid(child, 0)
    print(left, len(list(sampler)), all(worker.process.is_alive() for worker in workers))
""")
    assert program.end() == (0, "ready\n396\n396 100 True\n", "")


def test_opening_and_closing_leaves_nothing() -> None:
    import psutil

    me = psutil.Process()

    def held() -> tuple[int, int, int]:
        gc.collect()
        return me.num_fds(), me.num_threads(), len(me.children(recursive=True))

    def use() -> None:
        with MultiprocessingSampler(StepSampler(Numbers(40), 4), 2) as sampler:
            list(sampler)
            sampler.sample()

    use()  # the fork server stays
    before, shared = held(), names_in(SHARED)
    for _ in range(20):
        use()
    assert held() == before
    assert left_behind(shared) == set()


def test_forgotten_sampler_ends_its_workers() -> None:
    sampler = MultiprocessingSampler(StepSampler(Numbers(40), 4), 2)
    kept = sampler.sample()
    crew = sampler._prefetcher._crew
    assert crew is not None
    processes = [worker.process for worker in crew._workers]
    assert all(process.is_alive() for process in processes)
    gc.disable()  # no cycle keeps it
    try:
        del sampler
        deadline = time.monotonic() + 5
        while any(process.is_alive() for process in processes) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [process.exitcode for process in processes] == [0, 0]
    finally:
        gc.enable()
    assert len(kept) == 4
    assert multiprocessing.active_children() == []


def test_termination_of_a_worker_is_orderly(start: Any) -> None:
    program = start("""
if __name__ == "__main__":
    sampler, batches, batch = begin()
    worker = sampler._prefetcher._crew._workers[0].process
    os.kill(worker.pid, signal.SIGTERM)
    try:
        list(batches)
    except RuntimeError as error:
        print(error)
""")
    code, out, errors = program.end()
    assert (code, errors) == (0, "")
    assert "has ended with exit code 143" in out
