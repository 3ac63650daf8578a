"""Epochs of a remote dataset block by block: what is fetched, by whom, and how often."""

from __future__ import annotations

import collections
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unienv_data
from tests.unienv_data.samplers import far
from unienv_data.batches import SliceStackedBatch
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.samplers import MultiprocessingSampler, StepSampler
from unienv_data.storages import ZarrStorage
from unienv_data.store.objects.remote import FsspecObjects
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace

BACKEND = NumpyComputeBackend
ROWS, EPISODE, SHARD = 3000, 75, 64
SPACE = DictSpace(
    BACKEND,
    {
        "frame": BoxSpace(BACKEND, 0, 255, BACKEND.uint8, shape=(40, 40, 3)),
        "state": BoxSpace(BACKEND, -np.inf, np.inf, BACKEND.float32, shape=(20,)),
        "number": BoxSpace(BACKEND, 0, 2**40, BACKEND.int64, shape=()),
    },
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dataset that every process can open, and reads as it would from elsewhere."""
    assert far.FarFileSystem.protocol == "far"
    path = tmp_path_factory.mktemp("streamed") / "ds.zarr"
    rng = np.random.default_rng(0)
    with ReplayBuffer.create(
        ZarrStorage, SPACE, cache_path=str(path), capacity=None, shards={"*": 4 * SHARD, "frame": SHARD}
    ) as buffer:
        for start in range(0, ROWS, EPISODE):
            buffer.extend(
                {
                    "frame": rng.integers(0, 64, (EPISODE, 40, 40, 3), dtype=np.uint8),
                    "state": rng.normal(size=(EPISODE, 20)).astype(np.float32),
                    "number": np.arange(start, start + EPISODE),
                }
            )
        buffer.seal()
    return f"far://{path}"


@pytest.fixture
def remote(url: str) -> Iterator[Any]:
    with unienv_data.open(url) as buffer:
        yield buffer


def stored(buffer: Any, *columns: str) -> int:
    """The stored bytes of columns, or of all."""
    found = buffer.storage.describe()
    return sum(column.stored_bytes for column in found if not columns or column.name in columns)


def frame_bytes(buffer: Any) -> float:
    return stored(buffer, "frame") / ROWS


def size_of(file: Path) -> int:
    """Its bytes; a file may go at any moment."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def numbers(batches: Any) -> list[int]:
    return [int(number) for batch in batches for number in batch["number"].reshape(-1)]


def small(buffer: Any, blocks: int = 12) -> int:
    """Room for so many blocks."""
    return int(buffer._blocks(((),)).stored_bytes * blocks)


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> collections.Counter[str]:
    """How often each shard was asked for, whole or in parts."""
    found: collections.Counter[str] = collections.Counter()
    read, read_ranges = FsspecObjects.read, FsspecObjects.read_ranges

    def counted(self: Any, name: str) -> Any:
        found[name] += 1
        return read(self, name)

    def counted_ranges(self: Any, ranges: Any) -> Any:
        found.update(item.name for item in ranges)
        return read_ranges(self, ranges)

    monkeypatch.setattr(FsspecObjects, "read", counted)
    monkeypatch.setattr(FsspecObjects, "read_ranges", counted_ranges)
    return found


@pytest.mark.parametrize("blocks", [3, 12, 1000])
def test_an_epoch_of_rows_reads_what_is_stored_once(remote: Any, blocks: int) -> None:
    sampler = StepSampler(remote, 64, seed=1, buffer_bytes=small(remote, blocks))
    assert sampler.shuffle == "block"
    assert sampler.traffic == (0, 0, 0)
    assert sorted(numbers(sampler)) == list(range(ROWS))
    traffic = sampler.traffic
    assert stored(remote, "frame") <= traffic.bytes_read <= 1.02 * stored(remote)
    assert traffic.requests <= ROWS / SHARD + 30
    assert traffic.bytes_written == 0


def test_only_the_asked_columns_are_read(remote: Any, requested: collections.Counter[str]) -> None:
    sampler = StepSampler(remote.get_column(["state"]), 64, seed=1)
    assert sum(len(batch) for batch in sampler) == ROWS
    assert sampler.traffic.bytes_read <= 1.02 * stored(remote, "state") + 1000
    assert not [name for name in requested if "/frame/" in name or "/number/" in name]


def test_windows_add_their_edge_rows_at_most(remote: Any) -> None:
    windows = SliceStackedBatch(remote, {"frame": [-1, 0], "state": range(4), "number": [0]})
    sampler = StepSampler(windows, 64, seed=1, buffer_bytes=small(remote))
    assert sorted(numbers(sampler)) == list(range(ROWS))
    edges = ROWS / SHARD  # one frame before each block
    most = 1.02 * stored(remote) + 1.2 * edges * frame_bytes(remote)
    assert sampler.traffic.bytes_read <= most


def test_batches_are_those_of_the_plan(remote: Any) -> None:
    sampler = StepSampler(remote, 64, seed=1, buffer_bytes=small(remote))
    local = StepSampler(unienv_data.open(remote.cache_path.removeprefix("far://")), 64, seed=1)
    for _ in range(2):
        found = list(sampler.epoch_iter_with_metadata())
        assert len(found) == len(sampler) == len(local)
    sampler.manual_seed(1)
    begun = sampler.epoch_iter()
    first = [next(begun) for _ in range(5)]
    state = sampler.state_dict()
    # Whoever goes on from there, also where the data are near, keeps to the order that has begun.
    local.load_state_dict(state)
    assert local.shuffle == "global"
    rest = list(begun)
    assert numbers(local) == numbers(rest)
    assert sorted(numbers(first) + numbers(rest)) == list(range(ROWS))
    for batch in first + rest:
        expected = local.data[batch["number"]]
        assert all(np.array_equal(batch[name], expected[name]) for name in batch)
    local.data.close()


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_workers_share_what_is_fetched(remote: Any, url: str, workers: int) -> None:
    with unienv_data.open(url) as other:
        alone = StepSampler(other, 64, seed=1, buffer_bytes=small(other))
        expected = [numbers([batch]) for batch in alone]
    step = StepSampler(remote, 64, seed=1, buffer_bytes=small(remote))
    with MultiprocessingSampler(step, workers, 6) as sampler:
        assert [numbers([batch]) for batch in sampler] == expected
        assert sampler.traffic.bytes_read <= 1.02 * stored(remote)
        assert sampler.traffic.bytes_read >= stored(remote, "frame")


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_fetch_their_own_blocks(url: str, world_size: int, requested: collections.Counter[str]) -> None:
    """But for shards that the equal division of the rows cuts, fewer than there are ranks."""
    asked: list[set[str]] = []
    rows: list[int] = []
    counts = set()
    for rank in range(world_size):
        requested.clear()
        with unienv_data.open(url) as buffer:
            sampler = StepSampler(
                buffer, 32, seed=1, rank=rank, world_size=world_size, buffer_bytes=small(buffer)
            )
            batches = list(sampler.epoch_iter_with_metadata())
        counts.add(len(batches))
        for batch, metadata in batches:
            assert metadata is not None
            rows += batch["number"][metadata["row_valid_mask"]].tolist()
        asked.append({name for name in requested if "/frame/c." in name})
    assert len(counts) == 1
    assert sorted(rows) == list(range(ROWS))
    shared = sum(map(len, asked)) - len(set().union(*asked))
    assert shared <= world_size - 1


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_kept_is_bounded(remote: Any, workers: int) -> None:
    """Shards that have been fetched, however long the epoch: here, or in files that workers read, too."""
    room = small(remote, 8)
    assert len(remote._blocks(((),))) == -(-ROWS // SHARD) > 3 * 8
    kept = []
    with StepSampler(remote, 64, seed=1, buffer_bytes=room) as steps, ahead(steps, workers) as sampler:
        for _ in sampler:
            folder = remote.storage.objects._near.fetcher.folder
            in_files = sum(size_of(file) for file in Path(folder.base).rglob("*.0.0.0"))
            kept.append(in_files if workers else folder._bytes)
        limit = folder.limit
    assert room / 2 < max(kept) <= limit
    assert workers or limit <= room  # more, where what workers read ahead takes more


def ahead(sampler: Any, workers: int) -> Any:
    return MultiprocessingSampler(sampler, workers) if workers else sampler


def test_leaving_an_epoch_leaves_nothing_behind(remote: Any) -> None:
    sampler = StepSampler(remote, 64, seed=1, buffer_bytes=small(remote))
    batches = sampler.epoch_iter()
    next(batches)
    assert [thread for thread in threading.enumerate() if thread.name.startswith("unienv-epoch")]
    batches.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("unienv-epoch")]
    assert sorted(numbers(sampler)) == list(range(ROWS))


def test_an_error_is_the_consumers(remote: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = StepSampler(remote, 64, seed=1)
    batches = sampler.epoch_iter()
    next(batches)

    def broken(*args: Any) -> Any:
        raise OSError("the disk is on fire")

    monkeypatch.setattr(type(remote.storage), "get", broken)
    with pytest.raises(OSError, match="on fire"):
        list(batches)
    monkeypatch.undo()
    assert sorted(numbers(sampler)) == list(range(ROWS))


def test_draws_are_not_streamed(remote: Any) -> None:
    sampler = StepSampler(remote, 16, seed=1)
    drawn = sampler.sample()
    assert len(drawn["number"]) == 16
    assert sampler.traffic == (0, 0, 0)


def test_blocks_of_near_data_are_not_looked_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch of local data begins at once, however many shards or windows there are."""
    with unienv_data.open(url.removeprefix("far://")) as buffer:
        monkeypatch.setattr(type(buffer), "_blocks", lambda *_: pytest.fail("looked for blocks"))
        sampler = StepSampler(buffer, 64, seed=1)
        assert sampler.shuffle == "global"
        assert sorted(numbers(sampler)) == list(range(ROWS))
        assert sampler.traffic == (0, 0, 0)
