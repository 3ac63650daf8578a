"""A dataset of very many rows and episodes, of which few shards are there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import unienv_data
from benchmarks.recording import box, once
from benchmarks.scenes import walks
from unienv_data.replay_buffer.episode_columns import table_schema, to_parquet
from unienv_data.schema.commit import ROWS_LOG, Commit, EpisodePart
from unienv_data.storages.zarr import ZarrStorage
from unienv_data.store.array import stored_arrays
from unienv_data.store.commits import CommitLog, find_commit, storage_objects
from unienv_data.store.objects import ObjectStore, open_objects
from unienv_data.store.shard import TAG_BYTES, decode_tag, encode_tag, index_bytes
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import DictSpace

COLUMNS = {"state": (25, "float32"), "action": (7, "float32")}
EPISODE = 300
STORAGE = "storage"
VERSION = 1


def prepare_small(folder: Path) -> Path:
    """A dataset of one block of rows, all of which are there."""

    def write() -> None:
        space = {name: box(np.zeros((1, width), dtype)) for name, (width, dtype) in COLUMNS.items()}
        with unienv_data.ReplayBuffer.create(
            ZarrStorage,
            DictSpace(NumpyComputeBackend, space),
            cache_path=str(path),
            capacity=None,
            overwrite=True,
        ) as buffer:
            rows = block_rows(buffer.storage.committed)
            for number, start in enumerate(range(0, rows, EPISODE)):
                buffer.extend(walks((VERSION, number), min(EPISODE, rows - start), COLUMNS))
            buffer.seal()

    path = folder / f"block-v{VERSION}.zarr"
    return once(path, write)


def prepare_sparse(folder: Path, episodes: int, blocks: int) -> Path:
    """A dataset of `episodes` episodes, of which `blocks` blocks, spread evenly, are there.

    The block of the small dataset stands in each of these places, under the tags of the shards that it stands
    for; a commit says that all other rows are there too.
    """

    def write() -> None:
        shutil.copytree(prepare_small(folder), path)
        root = open_objects(str(path))
        commit = find_commit(root, STORAGE)
        if commit is None:
            raise ValueError(f"{path}: there is no commit")
        rows = episodes * EPISODE
        for place in blocks_there(commit, rows, blocks):
            _copy_block(storage_objects(root, STORAGE), commit, place)
        _publish(root, commit, rows, episodes)

    path = folder / f"sparse-{episodes}-{blocks}-v{VERSION}.zarr"
    return once(path, write)


def block_rows(commit: Commit) -> int:
    """Rows of a block."""
    return commit.logs[ROWS_LOG].block_rows


def blocks_there(commit: Commit, rows: int, blocks: int) -> list[int]:
    """Numbers of the blocks of a sparse dataset that are there."""
    whole = rows // block_rows(commit)
    return sorted({whole * place // blocks for place in range(blocks)})


def rows_there(commit: Commit, blocks: int) -> Any:
    """Rows of a sparse dataset of which they and their neighbours are there, (N,) int64."""
    size = block_rows(commit)
    inner = np.arange(EPISODE, size - EPISODE)
    places = blocks_there(commit, commit.length, blocks)
    return np.concatenate([place * size + inner for place in places])


def _copy_block(objects: ObjectStore, commit: Commit, place: int) -> None:
    """Have the first block stand in the place of another too."""
    if place == 0:
        return
    for array in stored_arrays(commit).values():
        shards = block_rows(commit) // array.entry.shard_rows
        for number in range(shards):
            data = bytes(objects.read(array.shard_object(number)))
            end = len(data) - index_bytes(array.chunks_per_shard)
            tag = replace(decode_tag(data[end - TAG_BYTES : end]), shard=place * shards + number)
            copied = [data[: end - TAG_BYTES], encode_tag(tag), data[end:]]
            objects.write(array.shard_object(tag.shard), copied)


def _publish(root: ObjectStore, commit: Commit, rows: int, episodes: int) -> None:
    """Make a commit that counts all rows and episodes."""
    starts = np.arange(episodes, dtype=np.int64) * EPISODE
    table = pa.table(
        {"start": starts, "length": np.full(episodes, EPISODE, np.int64)}, schema=table_schema(pa.schema([]))
    )
    part = EpisodePart(f"episodes/{commit.number + 1:020d}-{0:024x}.parquet", episodes)
    root.write(part.object, [to_parquet(table)])
    size = block_rows(commit)
    log = replace(commit.logs[ROWS_LOG], length=rows, start=rows - rows % size)
    CommitLog(root, storage_objects(root, STORAGE)).publish(
        replace(
            commit,
            number=commit.number + 1,
            length=rows,
            runs=((0, 0, rows),),
            logs={**commit.logs, ROWS_LOG: log},
            buffer=replace(commit.buffer, count=rows, appended=rows, episodes=(part,)),
        )
    )
