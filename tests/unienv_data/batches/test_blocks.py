"""Blocks of buffers and views: rows that lie in one shard of the widest column, as the disk has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from unienv_data.base.planning import SHUFFLES
from unienv_data.batches import (
    CombinedBatch,
    FrameStackedBatch,
    SliceStackedBatch,
    ToBackendOrDeviceBatch,
    TransformedBatch,
)
from unienv_data.order import Blocks
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.samplers import StepSampler
from unienv_data.storages import ZarrStorage
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace, TextSpace
from unienv_interface.transformations import IdentityTransformation

BACKEND = NumpyComputeBackend
SPACE = DictSpace(
    BACKEND,
    {
        "frame": BoxSpace(BACKEND, 0, 255, BACKEND.uint8, shape=(6, 5, 3)),
        "number": BoxSpace(BACKEND, 0, 2**40, BACKEND.int64, shape=()),
        "said": TextSpace(BACKEND, 20),
    },
)
SHARDS = {"frame": 8, "number": 32}


def values(start: int, stop: int) -> dict[str, Any]:
    numbers = np.arange(start, stop)
    noise = np.random.default_rng(start).integers(0, 256, (len(numbers), 6, 5, 3), dtype=np.uint8)
    said = np.array([f"{number}" for number in numbers], dtype=object)
    return {"frame": noise, "number": numbers, "said": said}


def buffer(path: Any, capacity: int | None = None) -> Any:
    return ReplayBuffer.create(
        ZarrStorage,
        SPACE,
        cache_path=str(path),
        capacity=capacity,
        shards=SHARDS,
        chunks={"*": 1},
        codecs={"frame": "lz4"},
    )


@pytest.fixture
def grown(tmp_path: Any) -> Iterator[Any]:
    """Three episodes and a half, with a tail."""
    with buffer(tmp_path / "grown.zarr") as found:
        for start, stop in ((0, 13), (13, 30), (30, 41)):
            found.extend(values(start, stop))
        yield found


def told(blocks: Blocks) -> list[set[int]]:
    return [{*blocks.rows(block, 0, int(blocks.sizes[block])).tolist()} for block in range(len(blocks))]


def of(data: Any, *paths: Any) -> list[set[int]]:
    return told(data._blocks(paths or ((),)))


def by_shard(rows: dict[int, int], size: int) -> list[set[int]]:
    """Positions by the shard of their log row, in the order of the log."""
    shards = sorted({log // size for log in rows.values()})
    return [{row for row, log in rows.items() if log // size == shard} for shard in shards]


def test_rows_of_a_buffer_are_those_of_shards(grown: Any) -> None:
    assert of(grown) == by_shard({row: row for row in range(41)}, 8)
    assert of(grown, ("number",)) == by_shard({row: row for row in range(41)}, 32)
    assert of(grown, ("number",), ("frame",)) == of(grown)


def test_blocks_take_what_is_stored(grown: Any) -> None:
    grown.commit()
    blocks = grown._blocks((("frame",),))
    arrays = {array.name: array.entry for array in grown.storage._store.stored_arrays()}
    stored = arrays["frame"].stored_bytes / (arrays["frame"].raw_bytes / 90) * 8
    assert stored <= blocks.stored_bytes <= stored + 2
    assert not blocks.is_remote
    assert grown._blocks(((),)).stored_bytes > blocks.stored_bytes


def test_rows_of_a_ring_are_where_they_were_written(tmp_path: Any) -> None:
    with buffer(tmp_path / "ring.zarr", capacity=20) as ring:
        for start in range(0, 47, 5):
            ring.extend(values(start, min(start + 5, 47)))
            # The log goes on and on; a row is as many before its end as it is before the newest.
            count, end = len(ring), min(start + 5, 47)
            assert of(ring, ("frame",)) == by_shard({row: end - count + row for row in range(count)}, 8)


def test_removed_rows_leave_the_others_where_they_are(grown: Any) -> None:
    view = grown.get_slice(range(5, 35))
    log = [row for row in range(41) if row not in {0, 9, 10, 20}]
    grown.remove_at([0, 9, 10, 20])
    assert of(grown, ("frame",)) == by_shard(dict(enumerate(log)), 8)
    # The view means the rows that it was made of; those that are gone are a block by themselves.
    there = {position: row for position, row in enumerate(range(5, 35)) if row in log}
    gone = {position for position in range(30) if position not in there}
    assert of(view, ("frame",)) == [*by_shard(there, 8), gone]


@pytest.mark.parametrize(
    "index",
    [
        range(3, 38),
        range(40, 2, -3),
        [7, 1, 40, 7, 8, 9, 0],
        np.arange(41) % 3 == 0,
        5,
        range(0),
    ],
    ids=str,
)
def test_views_have_the_blocks_of_their_rows(grown: Any, index: Any) -> None:
    rows = np.arange(41)[[index] if isinstance(index, int) else index]
    log = {position: int(row) for position, row in enumerate(rows)}
    assert of(grown.get_slice(index), ("frame",)) == by_shard(log, 8)
    twice = grown.get_slice(range(1, 41)).get_slice([i for i in range(40) if i % 2])
    assert of(twice, ("frame",)) == by_shard({i: 2 + 2 * i for i in range(20)}, 8)


def test_other_views_have_the_blocks_of_what_they_view(grown: Any) -> None:
    column = grown.get_column(["number"])
    assert of(column) == of(grown, ("number",))
    windows = SliceStackedBatch(grown, {"frame": [-1, 0], "number": range(4)})
    assert of(windows) == of(grown)
    assert of(windows.get_column(["number"])) == of(grown, ("number",))
    assert of(FrameStackedBatch(grown, 2)) == of(grown)
    assert of(TransformedBatch(column, IdentityTransformation())) == of(column)
    assert of(ToBackendOrDeviceBatch(grown, BACKEND)) == of(grown)
    complete = [row for start, stop in ((0, 13), (13, 30), (30, 41)) for row in range(start + 1, stop - 3)]
    assert of(windows.complete(), ("frame",)) == by_shard(dict(enumerate(complete)), 8)


def test_splits_have_the_blocks_of_their_episodes(grown: Any) -> None:
    for split in grown.split_episodes({"train": 2, "val": 1}, seed=1).values():
        rows = split[...]["number"].tolist()
        assert of(split, ("frame",)) == by_shard(dict(enumerate(rows)), 8)


def test_combined_batches_have_the_blocks_of_each(grown: Any, tmp_path: Any) -> None:
    with buffer(tmp_path / "other.zarr") as other:
        other.extend(values(0, 10))
        both = CombinedBatch([grown, other.get_slice(range(1, 10)), grown.get_slice([3])])
        first, second = of(grown), of(other.get_slice(range(1, 10)))
        shifted = [{row + 41 for row in block} for block in second]
        assert of(both) == [*first, *shifted, {50}]


def test_blocks_stay_when_rows_are_appended(grown: Any) -> None:
    before = grown._blocks(((),))
    grown.extend(values(41, 60))
    assert grown._blocks(((),)).cut(41).layout == before.layout


@pytest.mark.parametrize("url", ["memory://blocks-of-buffers/ds.zarr", None])
def test_remote_blocks_are_known_as_such(url: str | None, tmp_path: Any) -> None:
    with buffer(url or tmp_path / "local.zarr") as found:
        found.extend(values(0, 20))
        assert found._blocks(((),)).is_remote == (url is not None)
        assert StepSampler(found, 4).shuffle == ("global" if url is None else "block")
        for shuffle in SHUFFLES:
            assert StepSampler(found, 4, shuffle=shuffle).shuffle == shuffle


def test_what_is_in_memory_has_blocks_too() -> None:
    with ReplayBuffer.create(ZarrStorage, SPACE, capacity=None) as found:
        found.extend(values(0, 20))
        assert of(found) == [{*range(20)}]
        sampler = StepSampler(found, 4, shuffle="block", seed=3)
        assert sorted(row for batch in sampler for row in batch["number"].tolist()) == [*range(20)]


def test_ragged_rows_are_in_blocks_of_some_megabytes(tmp_path: Any) -> None:
    space = DictSpace(BACKEND, {"said": TextSpace(BACKEND, 300_000)})
    with ReplayBuffer.create(
        ZarrStorage, space, cache_path=str(tmp_path / "texts.zarr"), codecs={"*": "raw"}
    ) as found:
        texts = np.array([f"{i:02}" * 125_000 for i in range(70)], dtype=object)
        found.extend({"said": texts})
        blocks = found._blocks(((),))
        assert blocks.sizes.tolist() == [32, 32, 6]
