"""What a dataset holds, as facts: the library's side of `unienv-data info`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unienv_data.columns import ColumnInfo
from unienv_data.errors import DatasetError
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import CommittingStorage, CompressedListStorage
from unienv_data.store.objects import shown_url
from unienv_interface.space.space_utils.serialization_utils import space_to_json

__all__ = ["DatasetInfo", "describe_dataset"]


@dataclass(frozen=True)
class DatasetInfo:
    """The facts of one commit of a dataset.

    Attributes:
        path: where it was opened.
        commit: the number of the commit that was read.
        rows: rows that can be read.
        episode_lengths: how many episodes, and the fewest and most rows of one (None where there is none).
        sealed: whether plain Zarr readers see every row, and not only those of whole shards.
        columns: one entry a column of the store, in the order of their paths.
        space: the document of the space of one row.
        attributes: what was kept about the source: name, frames per second, names of the entries ...
    """

    path: str
    commit: int
    rows: int
    episode_lengths: tuple[int, int | None, int | None]
    sealed: bool
    columns: tuple[ColumnInfo, ...]
    space: Mapping[str, Any]
    attributes: Mapping[str, Any]

    @property
    def raw_bytes(self) -> int:
        """Size of all columns as plain arrays."""
        return sum(column.raw_bytes for column in self.columns)

    @property
    def stored_bytes(self) -> int:
        """Size of all columns as stored."""
        return sum(column.stored_bytes for column in self.columns)


def describe_dataset(buffer: ReplayBuffer[Any, Any, Any, Any, Any], path: str) -> DatasetInfo:
    """The facts of an opened buffer, read from its commit, its episode table and its shard indexes.

    Raises:
        DatasetError: its storage keeps no commits, so there are no facts to read.
    """
    storage = buffer.storage
    if not isinstance(storage, CommittingStorage | CompressedListStorage):
        raise DatasetError(f"{shown_url(path)}: a {type(storage).__name__} keeps no record of what it holds")
    commits = isinstance(storage, CommittingStorage)
    lengths = np.asarray(buffer.episodes["length"])
    return DatasetInfo(
        path=shown_url(path),
        commit=storage.commit_number if commits else 0,
        rows=len(buffer),
        episode_lengths=(
            len(lengths),
            int(lengths.min()) if len(lengths) else None,
            int(lengths.max()) if len(lengths) else None,
        ),
        sealed=commits and storage.is_sealed,
        columns=tuple(sorted(storage.describe(), key=lambda column: column.name)),
        space=space_to_json(buffer.single_space),
        attributes=buffer.attributes,
    )
