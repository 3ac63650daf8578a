"""One stored array: its numbers, its names, its Zarr metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from unienv_data.schema.commit import ArrayEntry, Commit
from unienv_data.store.codecs import ChunkCodec, ChunkShape, PieceCodec, make_codec
from unienv_data.store.objects import ObjectStore

__all__ = ["COLUMNS", "StoredArray", "groups_of", "stored_arrays", "write_shapes"]

COLUMNS = "columns"
"""The group of the arrays of a new storage."""


@dataclass(frozen=True)
class StoredArray:
    """An array as a commit describes it.

    Attributes:
        group: the group that holds the arrays.
        name: its path below the group.
        entry: its entry in the commit.
    """

    group: str
    name: str
    entry: ArrayEntry

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Data type of an entry."""
        return np.dtype(self.entry.dtype)

    @cached_property
    def row_bytes(self) -> int:
        """Decoded bytes of one row; 0 where its shape has an axis of length 0, and nothing is stored."""
        return int(np.prod(self.entry.shape, dtype=np.int64)) * self.dtype.itemsize

    @cached_property
    def chunk(self) -> ChunkShape:
        """What an inner chunk holds."""
        return ChunkShape(self.entry.chunk_rows, self.dtype, self.entry.shape)

    @cached_property
    def codec(self) -> ChunkCodec:
        """Encodes and decodes inner chunks."""
        return make_codec(self.entry.codecs, self.chunk)

    @property
    def gives_encoded_rows(self) -> bool:
        """Whether rows can be told apart without decoding: they have chunks of their own, or can be cut."""
        return bool(self.row_bytes) and (self.entry.chunk_rows == 1 or isinstance(self.codec, PieceCodec))

    @property
    def chunks_per_shard(self) -> int:
        """Inner chunks in a full shard."""
        return self.entry.shard_rows // self.entry.chunk_rows

    def shard_object(self, shard: int) -> str:
        """The name of a shard's object."""
        before, after = self._around_shard
        return f"{before}{shard}{after}"

    @cached_property
    def _around_shard(self) -> tuple[str, str]:
        """What stands before and after a shard's number in its name."""
        return f"{self.group}/{self.name}/c.", ".0" * len(self.entry.shape)

    @property
    def metadata_object(self) -> str:
        """The name of the array's Zarr metadata."""
        return f"{self.group}/{self.name}/zarr.json"

    def metadata(self, rows: int) -> bytes:
        """The array's Zarr v3 metadata, as of `rows` rows.

        The keys of shards are flat (`c.5.0.0`): one folder an array rather than one a shard.
        """
        # Zarr has no chunks of length 0; where the shape has such an axis no chunk is ever addressed.
        tail = [max(length, 1) for length in self.entry.shape]
        sharding = {
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": [self.entry.chunk_rows, *tail],
                "codecs": [dict(codec) for codec in self.entry.codecs],
                "index_codecs": [
                    {"name": "bytes", "configuration": {"endian": "little"}},
                    {"name": "crc32c"},
                ],
                "index_location": "end",
            },
        }
        document = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [rows, *self.entry.shape],
            "data_type": self.entry.dtype,
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": [self.entry.shard_rows, *tail]},
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
            "fill_value": False if self.dtype.kind == "b" else 0 if self.dtype.kind in "iu" else 0.0,
            "codecs": [sharding],
            "attributes": {},
        }
        return json.dumps(document, indent=1).encode()


def stored_arrays(commit: Commit) -> dict[str, StoredArray]:
    """The arrays of a commit, by name."""
    return {name: StoredArray(commit.group, name, entry) for name, entry in commit.arrays.items()}


def groups_of(root: str, arrays: Iterable[str]) -> list[tuple[str, bytes]]:
    """The group `root` and those below it that hold arrays of these names.

    Returns:
        The name of each one's metadata object, and its content.
    """
    groups = {root}
    for name in arrays:
        parts = name.split("/")[:-1]
        groups |= {"/".join([root, *parts[: i + 1]]) for i in range(len(parts))}
    metadata = json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}, indent=1).encode()
    return [(f"{group}/zarr.json", metadata) for group in sorted(groups)]


def write_shapes(objects: ObjectStore, commit: Commit) -> None:
    """Have every array's metadata cover the rows of `commit` that stand in shards.

    Rows that only the tail holds are left out: other readers would see zeros there.
    """
    for name, array in stored_arrays(commit).items():
        length = commit.logs[array.entry.log].length
        if commit.tail is not None and name in commit.tail.parts:
            length -= length % array.entry.shard_rows
        objects.replace(array.metadata_object, array.metadata(length))
