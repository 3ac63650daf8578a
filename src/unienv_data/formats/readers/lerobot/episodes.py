"""Where the rows and frames of each episode lie, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from unienv_data.formats.readers.lerobot.info import Info
from unienv_data.formats.tabular.arrow import number_dtype

__all__ = ["Clip", "Episode", "Listing", "episode_table"]


@dataclass(frozen=True)
class Clip:
    """An episode's frames of one camera.

    Args:
        file: the video file's name.
        first: the number, within the file, of the frame whose frame_index is 0.
    """

    file: str
    first: int


@dataclass(frozen=True)
class Episode:
    """One episode.

    Args:
        index: what LeRobot calls it.
        length: its rows.
        data_file: the Parquet file's name.
        clips: camera -> where its frames are.
    """

    index: int
    length: int
    data_file: str
    clips: Mapping[str, Clip]


@dataclass(frozen=True, eq=False)
class Listing:
    """The episodes of a dataset.

    Args:
        episodes: in order.
        table: a row an episode; `episode_index`, `length`, `tasks` and what else is said of it.
    """

    episodes: Sequence[Episode]
    table: pa.Table


def episode_table(table: pa.Table, info: Info) -> pa.Table:
    """The store's episode table: length, LeRobot's number of the episode, its tasks and split, and what else
    the source says of it."""
    indexes = [int(index) for index in table["episode_index"].to_numpy()]
    columns: dict[str, Any] = {
        "length": table["length"].cast(pa.int64()),
        "source_episode": pa.array(indexes, pa.int64()),
    }
    if "tasks" in table.column_names:
        columns["tasks"] = table["tasks"]
    splits = [info.split_of(index) for index in indexes]
    if any(split is not None for split in splits):
        columns["split"] = pa.array(splits, pa.string())
    for name in _user_columns(table):
        columns.setdefault(name, table[name])
    return pa.table(columns)


def _user_columns(table: pa.Table) -> list[str]:
    """The columns of the episode table that are not LeRobot's bookkeeping and whose type has a place."""
    own = ("stats/", "data/", "videos/", "meta/episodes/", "dataset_from_index", "dataset_to_index")
    kept = []
    for field in table.schema:
        element = field.type.value_type if pa.types.is_list(field.type) else field.type
        simple = (
            number_dtype(element) is not None
            or pa.types.is_string(element)
            or pa.types.is_large_string(element)
        )
        if (
            simple
            and not field.name.startswith(own)
            and field.name not in ("episode_index", "length", "tasks")
        ):
            kept.append(field.name)
    return kept
