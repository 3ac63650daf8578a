"""What goes wrong in workers is told here; sampling goes on afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unienv_data.samplers.light import CustomError, Numbers, StubbornError, fails_at, forever, in_worker
from unienv_data.errors import ClosedError, EmptyDataError, SpaceValueError, WorkerDiedError, WorkerError
from unienv_data.samplers import MultiprocessingSampler, StepSampler

ROWS, BATCH = 40, 4


@contextlib.contextmanager
def ahead(data: Any, n_workers: int = 2, **options: Any) -> Iterator[Any]:
    with MultiprocessingSampler(StepSampler(data, BATCH, seed=7), n_workers, **options) as sampler:
        yield sampler


def position_of(row: int) -> int:
    """In which batch of the first epoch a row is."""
    for number, batch in enumerate(StepSampler(Numbers(ROWS), BATCH, seed=7)):
        if row in batch:
            return number
    raise AssertionError(row)


def cause_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("n_workers", [0, 1, 3])
@pytest.mark.parametrize(
    "error",
    [
        KeyError("left", 3),
        CustomError(5),
        SpaceValueError("observation/state", "3 numbers", "4"),
        SystemExit(3),
        FileNotFoundError(2, "No such file", "/nowhere"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exceptions_arrive_as_what_they_are_in_their_turn(n_workers: int, error: BaseException) -> None:
    expected = [batch.tolist() for batch in StepSampler(Numbers(ROWS), BATCH, seed=7)]
    place = position_of(11)
    with ahead(Numbers(ROWS, fails_at(11, error)), n_workers) as sampler:
        batches = iter(sampler)
        got = [next(batches).tolist() for _ in range(place)]
        with pytest.raises(type(error)) as caught:
            next(batches)
        assert got == expected[:place]
        assert type(caught.value) is type(error)
        assert (caught.value.args, str(caught.value)) == (error.args, str(error))
        assert vars(caught.value) == vars(error)
        if n_workers:
            told = cause_of(caught.value)
            assert "In process unienv-data-worker-" in told
            assert "in check" in told  # the line that raised it
        assert sampler.state_dict()["position"] == place * BATCH
        assert list(batches) == []
        # The same batch is to come, and fails again; so do draws of that row, and others do not.
        sampler.load_state_dict(sampler.state_dict())
        with pytest.raises(type(error)):
            next(iter(sampler))
        sampler.load_state_dict({**sampler.state_dict(), "position": (place + 1) * BATCH})
        assert [batch.tolist() for batch in sampler] == expected[place + 1 :]


def test_exceptions_that_cannot_travel_are_told() -> None:
    with ahead(Numbers(ROWS, stubborn)) as sampler:
        with pytest.raises(WorkerError, match="StubbornError: 1 and 2") as caught:
            list(sampler)
        assert "in stubborn" in cause_of(caught.value)


def stubborn(rows: list[int]) -> None:
    raise StubbornError(1, 2)


def test_failed_draw_is_to_come_again() -> None:
    data = Numbers(ROWS, fails_at(11, CustomError(11)))
    alone = StepSampler(data, BATCH, seed=7)
    with ahead(data) as sampler:
        for _ in range(20):
            try:
                expected = alone.sample().tolist()
            except CustomError:
                before = sampler.state_dict()
                with pytest.raises(CustomError):
                    sampler.sample()
                assert sampler.state_dict() == before
                moved = {**before, "draw": before["draw"] + 1}
                sampler.load_state_dict(moved)
                alone.load_state_dict(moved)
            else:
                assert sampler.sample().tolist() == expected


def test_drawing_from_nothing_says_so() -> None:
    with ahead(Numbers(0)) as sampler:
        with pytest.raises(EmptyDataError, match="nothing to sample: Numbers has no rows"):
            sampler.sample()
        assert list(sampler) == []
        assert len(sampler) == 0


class Unreachable(Numbers):
    """Cannot be opened anywhere else."""

    def __reduce__(self) -> Any:
        return _open, ("there",)


def _open(place: str) -> Any:
    raise FileNotFoundError(2, "No such dataset", place)


def test_data_that_cannot_be_opened_elsewhere_are_told() -> None:
    with ahead(Unreachable(ROWS)) as sampler:
        for _ in range(2):
            with pytest.raises(FileNotFoundError, match="there") as caught:
                next(iter(sampler))
            assert "in _open" in cause_of(caught.value)


def test_killed_worker_is_an_error_at_once() -> None:
    data = Numbers(4000)
    with ahead(data) as sampler:
        batches = sampler.epoch_iter_with_metadata()
        _, metadata = next(batches)
        pid = int(metadata["pid"][0])
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(WorkerDiedError, match=rf"worker-\d \(pid {pid}\) .* \(exit code -9\)"):
            for _ in batches:
                pass
        assert time.monotonic() - began < 2
        state = sampler.state_dict()
        # Whoever wants to goes on with new workers.
        sampler.load_state_dict(state)
        alone = StepSampler(data, BATCH)
        alone.load_state_dict(state)
        assert [batch.tolist() for batch in sampler] == [batch.tolist() for batch in alone]


def test_worker_killed_at_work_is_an_error_at_once() -> None:
    data = Numbers(ROWS, in_worker(1, _kill_soon))
    with ahead(data) as sampler:
        began = time.monotonic()
        with pytest.raises(WorkerDiedError, match="exit code -9"):
            list(sampler)
        assert time.monotonic() - began < 10  # starting it included
        for _ in range(2):
            with pytest.raises(WorkerDiedError, match="ended by signal 9"):
                draw_a_few(sampler)


def test_termination_of_a_worker_at_work_is_not_a_failure_of_its_work() -> None:
    expected = pytest.raises(WorkerDiedError, match="has ended with exit code 143")
    with ahead(Numbers(ROWS, in_worker(1, _terminate))) as sampler, expected:
        list(sampler)


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def draw_a_few(sampler: Any) -> None:
    for _ in range(4):
        sampler.sample()


def _kill_soon() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_worker_that_exits_says_how() -> None:
    with (
        ahead(Numbers(ROWS, lambda rows: os._exit(3))) as sampler,
        pytest.raises(WorkerDiedError, match=r"ended with exit code 3; .* standard error says why"),
    ):
        list(sampler)


def test_closed_sampler_gives_nothing_more() -> None:
    with ahead(Numbers(ROWS)) as sampler:
        begun = iter(sampler)
        kept = next(begun)
        workers = sampler._prefetcher._crew._workers
    sampler.close()
    assert all(worker.process.exitcode == 0 for worker in workers)
    assert kept.tolist() == next(iter(StepSampler(Numbers(ROWS), BATCH, seed=7))).tolist()
    for use in (
        lambda: next(begun),
        lambda: next(iter(sampler)),
        sampler.sample,
        sampler.sample_flat_with_metadata,
        lambda: sampler[0],
    ):
        with pytest.raises(ClosedError, match="MultiprocessingSampler has been closed"):
            use()
    # What it samples from stays open.
    assert len(list(sampler.sampler)) == 10


def test_closing_does_not_wait_for_work_without_end() -> None:
    with ahead(Numbers(ROWS, forever)) as sampler:
        sampler._prefetcher._ready_crew()
        stream_begun = time.monotonic()
        with pytest.raises(TimeoutError):
            interrupt_after(0.7, lambda: next(iter(sampler)))
        assert time.monotonic() - stream_begun < 8
    assert not sampler._prefetcher._crew.is_usable


def interrupt_after(seconds: float, wait: Any) -> None:
    def interrupt(number: int, frame: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
