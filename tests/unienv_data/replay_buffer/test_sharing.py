"""Processes of one machine that share a buffer: nothing is lost, nothing is torn."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.replay_buffer.sharing_child import die_with_open_segment, extend_often, rows
from unienv_data import ReplayBuffer
from unienv_data.errors import (
    DatasetError,
    SegmentError,
    SpaceError,
    SpaceValueError,
    WriterLockedError,
)
from unienv_data.storages import ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

Buffer = ReplayBuffer[Any, Any, Any, Any, Any]

SPACE: DictSpace[Any, Any, Any] = DictSpace(
    NumpyComputeBackend,
    {
        "number": BoxSpace(NumpyComputeBackend, -(2**62), 2**62, dtype=np.dtype(np.int64), shape=()),
        "text": TextSpace(NumpyComputeBackend, 64),
    },
)
CONTEXTS = [name for name in ("spawn", "fork") if name in multiprocessing.get_all_start_methods()]


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Buffer]:
    with ReplayBuffer.create(
        ZarrStorage,
        SPACE,
        cache_path=tmp_path / "shared.zarr",
        multiprocessing=True,
        chunks={"**": 4},
        shards={"**": 16},
    ) as buffer:
        yield buffer


def run(context: str, target: Any, arguments: list[tuple[Any, ...]]) -> list[int | None]:
    """Run processes side by side; returns their exit codes. None outlives the call."""
    chosen: Any = multiprocessing.get_context(context)
    processes = [chosen.Process(target=target, args=args) for args in arguments]
    for process in processes:
        process.start()
    try:
        for process in processes:
            process.join(timeout=240)
        return [process.exitcode for process in processes]
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
                process.join()


# Forking with threads about is what the users of fork do; only later Pythons warn of it.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("context", CONTEXTS)
def test_four_writers_lose_and_tear_nothing(shared: Buffer, context: str) -> None:
    assert run(context, extend_often, [(shared, writer, 50) for writer in range(4)]) == [0] * 4
    segments = shared.get_segments()
    assert segments is not None
    value = shared[...]
    seen: dict[int, list[int]] = {writer: [] for writer in range(4)}
    for start, stop in segments:
        writer, step = divmod(int(value["number"][start]), 1000)
        expected = rows(writer, step)
        assert value["number"][start:stop].tolist() == expected["number"].tolist()
        assert value["text"][start:stop].tolist() == expected["text"].tolist()
        seen[writer].append(step)
    # Every segment is there, and those of one writer are in the order in which it wrote them.
    assert seen == {writer: list(range(50)) for writer in range(4)}
    assert len(shared) == segments[-1][1]
    assert sorted(shared.episodes["writer"].to_pylist()) == sorted([0, 1, 2, 3] * 50)


def test_others_see_each_operation_at_once(shared: Buffer) -> None:
    other: Buffer = pickle.loads(pickle.dumps(shared))
    shared.extend(rows(0, 4))
    assert len(other) == 5
    other[0] = {"number": np.int64(-1), "text": "changed"}
    assert shared[0]["text"] == "changed"
    del shared[1:]
    assert len(other) == 1
    other.set_attributes({"of": "other"})
    shared.refresh()
    assert shared.attributes == {"of": "other"}
    shared.clear()
    assert len(other) == 0
    other.close()


def test_failed_operation_leaves_nothing_and_gives_the_turn_back(shared: Buffer) -> None:
    shared.extend(rows(1, 1))
    before = (len(shared), shared.get_segments(), shared.storage.committed.number)
    with pytest.raises(SpaceValueError, match="text"):
        shared.extend({"number": np.arange(2), "text": np.array(["good", 7], dtype=object)})
    assert (len(shared), shared.get_segments(), shared.storage.committed.number) == before
    other: Buffer = pickle.loads(pickle.dumps(shared))
    other.extend(rows(1, 2))  # the turn has been given back
    assert len(shared) == before[0] + 5
    other.close()


def test_segment_belongs_to_the_process_that_opened_it(
    shared: Buffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.append({"number": np.int64(1), "text": "mine"})
    monkeypatch.setattr("unienv_data.replay_buffer.keeping.this_process", lambda: "elsewhere:1")
    for operation in (
        lambda: shared.append({"number": np.int64(2), "text": "not mine"}),
        lambda: shared.extend(rows(0, 0)),
        lambda: shared.mark_segment_end(),
    ):
        with pytest.raises(SegmentError):
            operation()
    monkeypatch.undo()
    shared.mark_segment_end({"of": "me"})
    assert shared.get_segments() == [(0, 1)]


@pytest.mark.skipif(sys.platform == "win32", reason="nobody can be asked whether a process runs")
def test_segment_of_a_process_that_has_died_ends(shared: Buffer) -> None:
    codes = run("spawn", die_with_open_segment, [(shared,)])
    assert codes == [-9]
    shared.extend(rows(2, 2))
    assert shared.get_segments() == [(0, 1), (1, 1 + len(rows(2, 2)["number"]))]
    assert shared[0]["text"] == "last words"


def test_writer_of_its_own_is_refused_while_another_has_the_turn(shared: Buffer, tmp_path: Path) -> None:
    with shared._turn(), pytest.raises(WriterLockedError, match="process"):
        ReplayBuffer.load_from(tmp_path / "shared.zarr", read_only=False)
    with ReplayBuffer.load_from(tmp_path / "shared.zarr", read_only=False) as alone:
        alone.extend(rows(3, 3))
    assert len(shared) == len(rows(3, 3)["number"])


def test_what_cannot_be_shared_says_so(tmp_path: Path) -> None:
    with pytest.raises((SpaceError, DatasetError)):
        ReplayBuffer.create(ZarrStorage, SPACE, multiprocessing=True)
    with pytest.raises(DatasetError, match="local disk"):
        ReplayBuffer.create(
            ZarrStorage, SPACE, cache_path="memory://sharing/a.zarr", multiprocessing=True, overwrite=True
        )
    alone = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=tmp_path / "alone.zarr")
    with alone, pytest.raises(TypeError, match="multiprocessing=True"):
        pickle.dumps(alone)
    with ReplayBuffer.create(ZarrStorage, SPACE) as in_memory, pytest.raises(TypeError, match="cache_path"):
        pickle.dumps(in_memory)


def test_reader_pickles_as_where_and_at_which_commit(tmp_path: Path) -> None:
    url = tmp_path / "read.zarr"
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url) as writer:
        writer.extend(rows(0, 4))
        writer.commit()
        reader = ReplayBuffer.load_from(url)
        writer.extend(rows(1, 4))
        writer.commit()
        sent = pickle.dumps(reader)
        assert len(sent) < 2000
        there: Buffer = pickle.loads(sent)
        assert len(there) == len(reader) == 5
        assert there[...]["number"].tolist() == reader[...]["number"].tolist()
        assert there.refresh()
        assert len(there) == 9
