"""Blocks that others write, against the same rows appended."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from unienv_data.columns import columns_of
from unienv_data.errors import DatasetError, SegmentError, SpaceError
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import CompressedListStorage, ZarrStorage
from unienv_data.store.blockwriter import BlockWriter
from unienv_data.store.lending import Loan, Report
from unienv_data.store.objects import open_objects
from unienv_interface.backends.numpy import NumpyComputeBackend as Numpy
from unienv_interface.space import BoxSpace, DictSpace, DynamicBoxSpace, TextSpace

SPACE = DictSpace(
    Numpy,
    {
        "frame": BoxSpace(Numpy, 0, 255, np.uint8, shape=(8, 8, 3)),
        "state": BoxSpace(Numpy, -np.inf, np.inf, np.float32, shape=(3,)),
        "none": BoxSpace(Numpy, -np.inf, np.inf, np.float32, shape=(0, 2)),
        "task": TextSpace(Numpy, max_length=30),
        "points": DynamicBoxSpace(Numpy, -np.inf, np.inf, (0, 2), (5, 2), np.float32),
    },
)
SHARDS = {"frame": 4, "state": 16, "none": 8, "task": 8, "points": 8}
CHUNKS = {"state": 4, "task": 4, "points": 4}
BLOCK = 16


def rows(count: int, first: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(first)
    tasks, points = np.empty(count, dtype=object), np.empty(count, dtype=object)
    tasks[:] = [f"task {(first + n) // 5}" for n in range(count)]
    for n in range(count):
        points[n] = rng.normal(size=((first + n) % 6 % 5, 2)).astype(np.float32)
    return {
        "frame": rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8),
        "state": rng.normal(size=(count, 3)).astype(np.float32),
        "none": np.zeros((count, 0, 2), np.float32),
        "task": tasks,
        "points": points,
    }


def new(place: Path | str) -> Any:
    return ReplayBuffer.create(
        ZarrStorage, SPACE, cache_path=str(place), capacity=None, shards=SHARDS, chunks=CHUNKS
    )


def write(place: str, loan: Loan, value: dict[str, Any], start: int, stop: int, step: int = 5) -> Report:
    """What another process does: rows [start, stop) of a loan, some at a time."""
    writer = BlockWriter(open_objects(place), loan, start)
    columns = columns_of(SPACE).encode(value, len(value["state"]))
    for first in range(start, stop, step):
        writer.append(columns, first, min(first + step, stop))
    ragged, weights = writer.finish()
    return Report(stop - start, [(0, stop - start)], ragged, weights)


def assert_rows(found: Any, wanted: dict[str, Any]) -> None:
    for name in ("frame", "state", "none"):
        np.testing.assert_array_equal(found[name], wanted[name])
    assert found["task"].tolist() == wanted["task"].tolist()
    assert all(np.array_equal(a, b) for a, b in zip(found["points"], wanted["points"], strict=True))


@settings(max_examples=12)
@given(count=st.integers(1, 75), blocks=st.integers(1, 3), seed=st.integers(0, 9))
def test_what_others_wrote_is_what_was_appended(
    count: int, blocks: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("lending")
    value = rows(count, seed)
    with new(folder / "lent") as buffer:
        loan = buffer.lend(count)
        assert (loan.row, loan.rows, loan.block_rows) == (0, count, BLOCK)
        edges = [*range(0, count, blocks * BLOCK), count]
        spans = list(pairwise(edges))
        # In any order, and twice: a cluster may do so.
        order = [*np.random.default_rng(seed).permutation(len(spans)).tolist(), 0]
        reports = {n: write(str(folder / "lent"), loan, value, *spans[n]) for n in order}
        assert len(buffer) == 0
        buffer.settle((reports[n] for n in range(len(spans))), [(count, {"name": "all"})])
        buffer.seal()
    with new(folder / "appended") as buffer:
        buffer.extend(value, {"name": "all"})
        buffer.seal()
    with (
        ReplayBuffer.load_from(folder / "lent") as lent,
        ReplayBuffer.load_from(folder / "appended") as other,
    ):
        assert_rows(lent[...], value)
        assert lent.episodes.equals(other.episodes)
        assert lent.storage.is_sealed
        assert lent.storage.describe() == other.storage.describe()
        assert lent.storage.committed.logs == other.storage.committed.logs
    for name in ("frame", "state"):
        array: Any = zarr.open_array(folder / f"lent/storage/columns/{name}", mode="r")
        np.testing.assert_array_equal(array[:], value[name])


def test_rows_before_and_after(tmp_path: Path) -> None:
    """Behind rows in a tail, with more appended afterwards, by this writer and the next."""
    place = str(tmp_path / "x")
    with new(place) as buffer:
        buffer.extend(rows(21))
        loan = buffer.lend(30)
        assert loan.row % BLOCK == 0
        assert loan.row >= 21
        value = rows(30, 100)
        reports = [write(place, loan, value, 0, 16), write(place, loan, value, 16, 30)]
        buffer.settle(reports, [(30, {})])
        buffer.extend(rows(9, 200))
    with ReplayBuffer.load_from(place, read_only=False) as buffer:
        buffer.extend(rows(40, 300))
        assert buffer.get_segments() == [(0, 21), (21, 51), (51, 60), (60, 100)]
        assert_rows(buffer[:21], rows(21))
        assert_rows(buffer[21:51], value)
        assert_rows(buffer[51:60], rows(9, 200))
        assert_rows(buffer[60:], rows(40, 300))
        buffer.compact()
    with ReplayBuffer.load_from(place) as buffer:
        assert_rows(buffer[21:51], value)


def test_gaps(tmp_path: Path) -> None:
    place = str(tmp_path / "x")
    with new(place) as buffer:
        loan = buffer.lend(40)
        writer = BlockWriter(buffer.storage.objects, loan, 0)
        value = rows(40)
        columns = columns_of(SPACE).encode(value, 40)
        writer.append(columns, 0, 10)
        writer.append_nothing(13)
        writer.append(columns, 23, 40)
        assert writer.position == 40
        ragged, weights = writer.finish()
        buffer.settle([Report(40, [(0, 10), (23, 40)], ragged, weights)], [(10, {}), (17, {})])
        assert len(buffer) == 27
    with ReplayBuffer.load_from(place) as buffer:
        found = buffer[...]
        kept = [*range(10), *range(23, 40)]
        assert_rows(found, {name: part[kept] for name, part in value.items()})


def test_nothing_is_there_before_the_commit(tmp_path: Path) -> None:
    place = str(tmp_path / "x")
    buffer = new(place)
    buffer.extend(rows(5))
    buffer.commit()
    loan = buffer.lend(20)
    report = write(place, loan, rows(20, 9), 0, 20)
    buffer.settle([report], [(20, {})])
    buffer.abandon()
    with ReplayBuffer.load_from(place, read_only=False) as opened:
        assert_rows(opened[...], rows(5))
        opened.extend(rows(30, 50))
        assert_rows(opened[5:], rows(30, 50))


def test_lending_again(tmp_path: Path) -> None:
    """The blocks of a writer that is no more are known by its token, and lent again as they were."""
    place = str(tmp_path / "x")
    value = rows(40)
    buffer = new(place)
    loan = buffer.lend(40)
    first = write(place, loan, value, 0, 32)
    buffer.abandon()
    with ReplayBuffer.load_from(place, read_only=False) as later:
        again = later.lend(40, loan.to_json())
        assert (again.row, again.writer) == (loan.row, loan.writer)
        later.settle([first, write(place, again, value, 32, 40)], [(40, {})])
        assert_rows(later[...], value)
    with ReplayBuffer.load_from(place, read_only=False) as later:
        with pytest.raises(DatasetError, match="not lent any more"):
            later.lend(40, loan.to_json())
        with pytest.raises(DatasetError, match="40 rows were lent, not 41"):
            later.lend(41, loan.to_json())
        with pytest.raises(DatasetError, match="not lent any more"):
            later.lend(40, {"writer": "0" * 24, "row": 160, "rows": 40})


def test_another_has_claimed_in_between(tmp_path: Path) -> None:
    place = str(tmp_path / "x")
    buffer = new(place)
    claims = tmp_path / "x/storage/claims/columns/rows"
    claims.mkdir(parents=True)
    (claims / "1").write_text('{"writer": "other"}')
    loan = buffer.lend(40)
    assert loan.row == 2 * BLOCK
    value = rows(40)
    buffer.settle([write(place, loan, value, 0, 40)], [(40, {})])
    buffer.close()
    with ReplayBuffer.load_from(place) as opened:
        assert_rows(opened[...], value)


def test_refusals(tmp_path: Path) -> None:
    with new(tmp_path / "x") as buffer:
        buffer.append({name: part[0] for name, part in rows(1).items()})
        with pytest.raises(SegmentError, match="a segment is open"):
            buffer.lend(3)
        buffer.mark_segment_end()
        buffer.lend(3)
        with pytest.raises(DatasetError, match="3 rows are lent"):
            buffer.extend(rows(2))
        buffer.abandon()
    ring = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=str(tmp_path / "ring"), capacity=9)
    with ring, pytest.raises(DatasetError, match="blocks of a ring"):
        ring.lend(3)
    in_memory = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=None, capacity=None)
    with pytest.raises(SpaceError, match="in memory"):
        in_memory.lend(3)
    listed = ReplayBuffer.create(CompressedListStorage, SPACE, cache_path=None, capacity=None)
    with pytest.raises(SpaceError, match="no blocks"):
        listed.lend(3)


def test_episodes_must_add_up(tmp_path: Path) -> None:
    place = str(tmp_path / "x")
    with new(place) as buffer:
        loan = buffer.lend(20)
        report = write(place, loan, rows(20), 0, 20)
        with pytest.raises(SegmentError, match="20 rows came, in episodes of 19 rows"):
            buffer.settle([report], [(19, {})])
        assert len(buffer) == 0
        buffer.abandon()
