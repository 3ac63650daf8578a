"""Where the rows and frames of each episode lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.lerobot_v30.metadata import Info, user_columns

__all__ = ["Clip", "Episode", "episode_table", "locate_episodes"]


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


def locate_episodes(table: pa.Table, info: Info, cameras: Iterable[str], where: str) -> list[Episode]:
    """The episodes of the sorted episode table.

    The frame of a row is number round(from_timestamp * fps) + frame_index: counting gives LeRobot's own
    frames, where comparing float timestamps does not always.

    Raises:
        ConversionError: the table does not say where a camera's files are.
    """
    cameras = list(cameras)
    keys = [
        f"videos/{name}/{part}"
        for name in cameras
        for part in ("chunk_index", "file_index", "from_timestamp")
    ]
    missing = [key for key in keys if key not in table.column_names]
    if missing:
        raise ConversionError(f"{where}: the columns {', '.join(missing)} are missing")
    wanted = ["episode_index", "length", "data/chunk_index", "data/file_index", *keys]
    episodes = []
    for row in table.select(wanted).to_pylist():
        empty = [key for key, value in row.items() if value is None]
        if empty:
            raise ConversionError(
                f"{where}: episode {row['episode_index']} has no value in {', '.join(empty)}"
            )
        episodes.append(
            Episode(
                index=row["episode_index"],
                length=row["length"],
                data_file=info.data_file(row["data/chunk_index"], row["data/file_index"]),
                clips={name: _clip(name, row, info) for name in cameras},
            )
        )
    return episodes


def _clip(name: str, row: Mapping[str, Any], info: Info) -> Clip:
    prefix = f"videos/{name}/"
    file = info.video_file(name, row[prefix + "chunk_index"], row[prefix + "file_index"])
    return Clip(file, round(row[prefix + "from_timestamp"] * info.fps))


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
    splits = [
        next((name for name, (a, b) in info.splits.items() if a <= index < b), None) for index in indexes
    ]
    if any(split is not None for split in splits):
        columns["split"] = pa.array(splits, pa.string())
    for name in user_columns(table):
        columns.setdefault(name, table[name])
    return pa.table(columns)
