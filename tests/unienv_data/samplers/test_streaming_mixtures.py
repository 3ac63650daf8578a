"""Mixtures of remote datasets: what is fetched, by whom, and that rows are those of the plan."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import unienv_data
from tests.unienv_data.samplers import far
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.samplers import MixtureSampler, MultiprocessingSampler, StepSampler
from unienv_data.storages import ZarrStorage
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace

BACKEND = NumpyComputeBackend
SIZES, SHARD = {"a": 1200, "b": 400}, 32


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Datasets that every process can open, and reads as it would from elsewhere; `b` has a column less."""
    assert far.FarFileSystem.protocol == "far"
    folder, rng = tmp_path_factory.mktemp("mixed"), np.random.default_rng(0)
    for name, size in SIZES.items():
        parts = {
            "frame": BoxSpace(BACKEND, 0, 255, BACKEND.uint8, shape=(32, 32, 3)),
            "number": BoxSpace(BACKEND, 0, 2**40, BACKEND.int64, shape=()),
        }
        rows: dict[str, Any] = {
            "frame": rng.integers(0, 64, (size, 32, 32, 3), dtype=np.uint8),
            "number": np.arange(size) + (10_000 if name == "b" else 0),
        }
        if name == "a":
            parts["grip"] = BoxSpace(BACKEND, 0, 1, BACKEND.float32, shape=(2,))
            rows["grip"] = rng.random((size, 2), dtype=np.float32)
        space, path = DictSpace(BACKEND, parts), str(folder / f"{name}.zarr")
        shards = {"*": 4 * SHARD, "frame": SHARD}
        with ReplayBuffer.create(ZarrStorage, space, cache_path=path, shards=shards) as buffer:
            for start in range(0, size, 100):
                buffer.extend({key: value[start : start + 100] for key, value in rows.items()})
            buffer.seal()
    return {name: f"far://{folder}/{name}.zarr" for name in SIZES}


@pytest.fixture
def remote(urls: dict[str, str]) -> Iterator[dict[str, Any]]:
    with contextlib.ExitStack() as ends:
        yield {name: ends.enter_context(unienv_data.open(url)) for name, url in urls.items()}


def mixture(sources: Any, weights: Any = (3, 1), **options: Any) -> Any:
    room = sum(buffer._blocks(((),)).stored_bytes * 9 for buffer in sources.values())
    options = {"seed": 1, "align": "union", "buffer_bytes": room, **options}
    return MixtureSampler(sources, weights, 64, **options)


def numbers(batches: Any) -> list[list[int]]:
    return [batch["number"].tolist() for batch in batches]


def stored(sources: Any) -> int:
    return sum(c.stored_bytes for buffer in sources.values() for c in buffer.storage.describe())


def test_an_epoch_of_every_row_reads_what_is_stored(remote: Any) -> None:
    """But for blocks that the next epoch begins with, where they are not known to within some rows."""
    sampler = mixture(remote)
    assert sampler.shuffle == "block"
    found = list(sampler.epoch_iter_with_metadata())
    rows = [row for batch, _ in found for row in batch["number"].tolist()]
    assert sorted(rows) == [*range(1200), *range(10_000, 10_400)]
    assert sampler.traffic.bytes_read <= 1.02 * stored(remote)
    for batch, metadata in found:
        is_b = metadata["batch_index"] == 1
        assert (is_b == (batch["number"] >= 10_000)).all()
        assert (metadata["column_valid_mask"]["grip"] == ~is_b).all()
        assert not batch["grip"][is_b].any()
        assert np.array_equal(batch["frame"][~is_b], remote["a"][batch["number"][~is_b]]["frame"])


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_of_the_plan(remote: Any, urls: Any, workers: int) -> None:
    """Whoever reads them, near or far; also the rest of an epoch."""
    near = {name: unienv_data.open(url.removeprefix("far://")) for name, url in urls.items()}
    room = mixture(remote).buffer_bytes
    alone = mixture(near, (1, 1), shuffle="block", epoch_length=1000, buffer_bytes=room)
    with MultiprocessingSampler(mixture(remote, (1, 1), epoch_length=1000), workers, 6) as sampler:
        for _ in range(2):
            assert numbers(sampler) == numbers(alone)
        batches, others = sampler.epoch_iter(), alone.epoch_iter()
        for _ in range(5):
            next(batches)
            next(others)
        state = json.loads(json.dumps(sampler.state_dict()))
    resumed = mixture(remote, (1, 1), seed=0)
    resumed.load_state_dict(state)
    assert numbers(resumed) == numbers(others)
    for buffer in near.values():
        buffer.close()


def test_ranks_fetch_their_own_blocks(urls: Any) -> None:
    fetched = []
    for rank in range(2):
        with contextlib.ExitStack() as ends:
            sources = {name: ends.enter_context(unienv_data.open(url)) for name, url in urls.items()}
            sampler = mixture(sources, rank=rank, world_size=2)
            assert len(list(sampler)) == 13
            fetched.append(sampler.traffic.bytes_read / stored(sources))
    assert max(fetched) < 0.65


def test_weights_are_for_blocks_too(urls: Any) -> None:
    """Blocks without weight are never fetched."""
    with unienv_data.open(urls["a"]) as buffer:
        weights = np.zeros(1200)
        weights[320:480] = np.arange(160)
        sampler = StepSampler(buffer.get_column("frame"), 64, seed=0, weights=weights)
        assert sampler.shuffle == "block"
        assert sum(len(batch) for batch in sampler) == 1200
        frames = next(c.stored_bytes for c in buffer.storage.describe() if c.name == "frame")
        assert sampler.traffic.bytes_read < 0.25 * frames
