"""A whole session, each of whose requests fails once in every way: right rows or an error, never a hang.

The session runs on a filesystem in memory that fails by plan, through the retries and checks that a bucket
goes through. After an error somebody opens the dataset anew, and finds one of the states that were committed.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import unienv_data
from unienv_data import ReplayBuffer
from unienv_data.errors import DatasetNotFoundError
from unienv_data.storages import ZarrStorage
from unienv_data.store.objects import lease, patience
from unienv_data.testing import FAULTS, FaultPlan
from unienv_data.testing.filesystems import Fault
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import BoxSpace, DictSpace, TextSpace

FIRST, SECOND = 23, 14
SECONDS = 20.0  # that a case may take, on a machine with other things to do

SPACE = DictSpace(
    NumpyComputeBackend,
    {
        "frame": BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=(8, 8, 3)),
        "state": BoxSpace(NumpyComputeBackend, -np.inf, np.inf, np.float32, shape=(3,)),
        "text": TextSpace(NumpyComputeBackend, 40),
    },
)
_RNG = np.random.default_rng(0)
ROWS = {
    "frame": _RNG.integers(0, 255, (FIRST + SECOND, 8, 8, 3), dtype=np.uint8),
    "state": _RNG.normal(size=(FIRST + SECOND, 3)).astype(np.float32),
    "text": np.array([f"row {row} " * (row % 4) for row in range(FIRST + SECOND)], dtype=object),
}
EPISODES = [(0, 10), (10, 23), (23, 37)]


def rows(start: int, stop: int) -> dict[str, Any]:
    return {name: column[start:stop] for name, column in ROWS.items()}


def check(buffer: Any, count: int) -> None:
    """Every row and episode, read one way and another."""
    assert len(buffer) == count
    order = np.random.default_rng(count).permutation(count)
    found = buffer.get_at(order)
    for name, column in ROWS.items():
        assert (np.asarray(found[name]) == column[order]).all(), name
    some = buffer.get_at(slice(count // 3, count // 2))
    assert (some["frame"] == ROWS["frame"][count // 3 : count // 2]).all()
    segments = [(int(a), int(b)) for a, b in buffer.get_segments()]
    assert segments == [span for span in EPISODES if span[1] <= count]


class Session:
    """The session of one case, and what it knows to have been committed."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.url = f"faulty::memory://{uuid.uuid4().hex}/data.zarr"
        self.committed = {0}
        self.about_to_be = 0
        self.has_begun = False

    def options(self, retry_seconds: float) -> dict[str, Any]:
        return {"storage_options": {"faulty": {"plan": self.plan}}, "retry_seconds": retry_seconds}

    def run(self, retry_seconds: float) -> None:
        options = self.options(retry_seconds)
        self.expect(0)
        buffer = ReplayBuffer.create(
            ZarrStorage,
            SPACE,
            cache_path=self.url,
            commit_interval=float("inf"),
            chunks={"frame": 1, "state": 4},
            shards={"**": 8},
            **options,
        )
        try:
            self.done(0)
            buffer.extend(rows(0, 10))
            self.expect(10)
            buffer.mark_segment_end()
            self.done(10)
            buffer.extend(rows(10, FIRST))
            self.expect(FIRST)
            buffer.mark_segment_end()
            self.done(FIRST)
            buffer.close()
        finally:
            buffer.abandon()
        reader = unienv_data.open(self.url, **options)
        check(reader, FIRST)
        again = unienv_data.open(self.url, "a", commit_interval=float("inf"), **options)
        try:
            check(again, FIRST)
            again.extend(rows(FIRST, FIRST + SECOND))
            self.expect(FIRST + SECOND)
            again.mark_segment_end()
            self.done(FIRST + SECOND)
            again.close()
        finally:
            again.abandon()
        assert reader.refresh()
        check(reader, FIRST + SECOND)
        reader.close()

    def expect(self, count: int) -> None:
        self.about_to_be = count

    def done(self, count: int) -> None:
        self.committed = {count}
        self.has_begun = True

    def check_what_is_left(self) -> None:
        """What somebody finds who comes afterwards, when everything works again."""
        self.plan.faults, self.plan._is_lost = {}, False
        try:
            reader = unienv_data.open(self.url, **self.options(5.0))
        except DatasetNotFoundError:
            assert not self.has_begun
            return
        assert len(reader) in self.committed | {self.about_to_be}
        check(reader, len(reader))
        count = len(reader)
        reader.close()
        lease._seen.clear()
        writer = unienv_data.open(self.url, "a", **self.options(5.0))
        if count in {0, 10, FIRST}:
            stop = {0: 10, 10: FIRST, FIRST: FIRST + SECOND}[count]
            writer.extend(rows(count, stop))
            writer.mark_segment_end()
            count = stop
        writer.close()
        reader = unienv_data.open(self.url, **self.options(5.0))
        check(reader, count)
        reader.close()

    def remove(self) -> None:
        import fsspec

        memory = fsspec.filesystem("memory")
        with contextlib.suppress(FileNotFoundError):
            memory.rm("/" + self.url.split("//")[1].split("/")[0], recursive=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pauses are short, and leases of those who died in a test do not last."""
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.0005)
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.0)
    yield
    lease._seen.clear()


def count_requests() -> int:
    session = Session(FaultPlan())
    session.run(5.0)
    session.remove()
    return session.plan.requests


def run_case(number: int, fault: Fault, retry_seconds: float) -> str:
    """Run the session with one fault; returns what came of it."""
    session = Session(FaultPlan({number: fault}))
    began = time.monotonic()
    try:
        session.run(retry_seconds)
    except (OSError, ValueError) as exc:
        outcome = type(exc).__name__
    else:
        outcome = "right rows"
    session.check_what_is_left()
    assert time.monotonic() - began < SECONDS
    session.remove()
    return outcome


def run_cases(step: int, faults: tuple[Fault, ...] = FAULTS) -> dict[tuple[Fault, float], list[str]]:
    total = count_requests()
    assert total > 60
    outcomes: dict[tuple[Fault, float], list[str]] = {}
    for shift, fault in enumerate(faults):
        # With retries, one failure is never noticed but where the network is gone; without, it is an error.
        for seconds in (0.0, 5.0) if fault != "lost" else (0.0, 0.02):
            for number in range(shift % step, total, step):
                try:
                    outcome = run_case(number, fault, seconds)
                except BaseException as exc:
                    exc.add_note(f"fault {fault!r} at request {number}, retry_seconds={seconds}")
                    raise
                outcomes.setdefault((fault, seconds), []).append(outcome)
    return outcomes


def judge(outcomes: dict[tuple[Fault, float], list[str]]) -> None:
    for (fault, seconds), found in outcomes.items():
        if fault in {"truncated", "wrong"} or (fault != "lost" and seconds):
            assert set(found) == {"right rows"}, (fault, seconds)
        elif fault == "lost":
            assert "right rows" not in set(found[:-2]), found  # but what is lost after the last row
        else:
            assert "UnreachableError" in set(found), found


def test_a_sample_of_all_faults() -> None:
    judge(run_cases(step=47))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_every_request(fault: Fault) -> None:
    judge(run_cases(1, (fault,)))
