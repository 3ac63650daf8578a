"""Whatever fails at its commit has not happened: it can be tried again, and then has happened once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unienv_data.replay_buffer.small import SPACE, rows
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import SegmentError
from unienv_data.store.commits import CommitLog


def state(buffer: Any) -> Any:
    return (
        buffer[:].tolist(),
        buffer.get_segments(),
        buffer.has_open_segment,
        buffer.episodes.to_pylist(),
        buffer.offset,
        len(buffer.storage),
    )


class OutOfSpace:
    """Commits fail as long as it is entered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def stops(self, action: Callable[[], Any]) -> None:
        def fail(*args: Any) -> None:
            raise OSError(28, "No space left on device")

        with self._monkeypatch.context() as patch:
            patch.setattr(CommitLog, "publish", fail)
            with pytest.raises(OSError, match="No space left"):
                action()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> OutOfSpace:
    return OutOfSpace(monkeypatch)


@pytest.fixture(params=[None, 7], ids=["growing", "ring"])
def buffer(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made: Any = ReplayBuffer.create(
        ZarrStorage,
        SPACE,
        cache_path=tmp_path / "d.zarr",
        capacity=request.param,
        commit_interval=0,
        chunks={"value": 2},
        shards={"value": 4},
    )
    made.extend(rows(*range(5)), episode={"task": "a"})
    return made


def again(buffer: Any) -> Any:
    buffer.abandon()
    return ReplayBuffer.load_from(buffer.cache_path)


def test_extending(buffer: Any, full_disk: OutOfSpace) -> None:
    before = state(buffer)
    for _ in range(3):
        full_disk.stops(lambda: buffer.extend(rows(5, 6, 7, 8), episode={"task": "b"}))
        assert state(buffer) == before
    buffer.extend(rows(5, 6, 7, 8), episode={"task": "b", "other": 1})
    after = state(buffer)
    assert after[0][-5:] == rows(4, 5, 6, 7, 8).tolist()
    assert [episode["task"] for episode in after[3]] == ["a", "b"]
    assert state(again(buffer)) == after


def test_extending_as_the_first_thing_that_a_second_writer_does(buffer: Any, full_disk: OutOfSpace) -> None:
    before = state(buffer)
    buffer.abandon()  # the block of rows stays that of a writer that has not finished: they are copied
    second: Any = ReplayBuffer.load_from(buffer.cache_path, read_only=False, commit_interval=0)
    full_disk.stops(lambda: second.extend(rows(5, 6, 7)))
    assert state(second) == before
    second.extend(rows(5, 6, 7))
    after = state(second)
    assert after[0][-4:] == rows(4, 5, 6, 7).tolist()
    assert state(again(second)) == after


def test_ending_a_segment(buffer: Any, full_disk: OutOfSpace) -> None:
    for number in (5, 6, 7):
        buffer.append(rows(number)[0])
    before = state(buffer)
    for _ in range(2):
        full_disk.stops(lambda: buffer.mark_segment_end(episode={"task": "b"}))
        assert state(buffer) == before
    buffer.mark_segment_end(episode={"task": "b"})
    after = state(buffer)
    assert after[1][-1] == (len(buffer) - 3, len(buffer))
    assert after[3][-1]["task"] == "b"
    with pytest.raises(SegmentError):
        buffer.mark_segment_end(episode={"task": "c"})
    assert state(again(buffer)) == after


def test_extending_from_another_batch(buffer: Any, full_disk: OutOfSpace) -> None:
    source: Any = ReplayBuffer.create(ZarrStorage, SPACE)
    for first in (10, 20):
        source.extend(rows(first, first + 1))
    before = state(buffer)
    full_disk.stops(lambda: buffer.extend_from(source))
    assert state(buffer) == before
    buffer.extend_from(source)
    after = state(buffer)
    assert after[0][-4:] == rows(10, 11, 20, 21).tolist()
    assert after[1][-2:] == [(len(buffer) - 4, len(buffer) - 2), (len(buffer) - 2, len(buffer))]
    assert state(again(buffer)) == after


def test_compacting(buffer: Any, full_disk: OutOfSpace) -> None:
    buffer.extend(rows(*range(5, 10)))
    buffer.remove_at([0, 2])
    before = buffer[:].tolist(), buffer.get_segments()
    full_disk.stops(buffer.compact)
    assert (buffer[:].tolist(), buffer.get_segments()) == before
    buffer.compact()
    assert (buffer[:].tolist(), buffer.get_segments()) == before
    read = again(buffer)
    assert (read[:].tolist(), read.get_segments()) == before


def test_what_a_commit_holds_stays(buffer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit stands, what comes after it fails: nobody gives up what others see."""

    def fail(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(buffer), "_accept", fail)
        with pytest.raises(KeyboardInterrupt):
            buffer.extend(rows(5, 6))
    assert buffer[:].tolist()[-2:] == rows(5, 6).tolist()
    buffer.extend(rows(7))
    after = state(buffer)
    assert after[0][-3:] == rows(5, 6, 7).tolist()
    assert state(again(buffer)) == after
