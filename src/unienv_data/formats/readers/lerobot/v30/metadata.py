"""`meta/` of a LeRobot v3.0 dataset: tasks.parquet and the episode tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.lerobot.episodes import Clip, Episode
from unienv_data.formats.readers.lerobot.info import INFO, Info
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.parquet import open_parquet, read_table

__all__ = ["EPISODES", "FIELDS", "TASKS", "load_episodes", "load_tasks", "locate_episodes"]

TASKS = "meta/tasks.parquet"
EPISODES = "meta/episodes"
FIELDS = ("chunk_index", "file_index", "video_key")


def load_tasks(source: Source) -> Mapping[int, str]:
    """The text of each task index.

    Raises:
        ConversionError: `meta/tasks.parquet` is missing, damaged, or holds something else.
    """
    table = read_table(source, TASKS)
    texts = [name for name in ("task", "__index_level_0__") if name in table.column_names]
    if "task_index" not in table.column_names or not texts:
        raise ConversionError(
            f"{source.where(TASKS)}: the columns task_index and task were expected, not {table.column_names}"
        )
    rows = zip(table["task_index"].to_pylist(), table[texts[0]].to_pylist(), strict=True)
    return {int(index): str(text) for index, text in rows if index is not None}


def load_episodes(source: Source, info: Info) -> pa.Table:
    """The episode table, sorted by episode, without the statistics.

    Raises:
        ConversionError: it is missing, damaged, incomplete, or contradicts info.json.
    """
    names = [name for name in source.under(EPISODES) if name.endswith(".parquet")]
    if not names and not info.total_episodes:
        raise ConversionError(f"{source.where()}: the dataset holds no episodes")
    if not names:
        raise _unfinished(source, info)
    where = source.where(EPISODES)
    tables = []
    for name in names:
        with open_parquet(source, name) as file:
            wanted = [field.name for field in file.schema_arrow if not field.name.startswith("stats/")]
        tables.append(read_table(source, name, wanted).replace_schema_metadata(None))
    needed = {"episode_index": "", "length": "", "data/chunk_index": "", "data/file_index": ""}
    for name in set.intersection(*(set(table.column_names) for table in tables)):
        needed.pop(name, None)
    if needed:
        raise ConversionError(f"{where}: the columns {', '.join(needed)} are missing")
    try:
        table = pa.concat_tables(tables, promote_options="permissive").sort_by("episode_index")
    except pa.ArrowException as exc:
        raise ConversionError(f"{where}: the files do not fit together: {exc}") from exc
    indexes = table["episode_index"].to_pylist()
    lengths = [-1 if length is None else int(length) for length in table["length"].to_pylist()]
    problems = []
    if len(set(indexes)) != len(indexes) or None in indexes:
        problems.append("an episode_index occurs twice, or is missing")
    if min(lengths, default=0) < 0:
        problems.append("an episode has no length")
    elif len(indexes) != info.total_episodes or sum(lengths) != info.total_frames:
        problems.append(
            f"it lists {len(indexes)} episodes of {sum(lengths)} frames together, but {INFO} counts "
            f"{info.total_episodes} episodes and {info.total_frames} frames"
        )
    if problems:
        raise ConversionError(f"{where}: {'; '.join(problems)}")
    return table


def locate_episodes(table: pa.Table, info: Info, where: str) -> list[Episode]:
    """The episodes of the sorted episode table.

    The frame of a row is number round(from_timestamp * fps) + frame_index: counting gives LeRobot's own
    frames, where comparing float timestamps does not always.

    Raises:
        ConversionError: the table does not say where a camera's files are.
    """
    keys = [
        f"videos/{name}/{part}"
        for name in info.cameras
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
        data_file = info.data_path.file(
            chunk_index=row["data/chunk_index"], file_index=row["data/file_index"]
        )
        clips = {name: _clip(name, row, info) for name in info.cameras}
        episodes.append(Episode(row["episode_index"], row["length"], data_file, clips))
    return episodes


def _clip(name: str, row: Mapping[str, Any], info: Info) -> Clip:
    prefix = f"videos/{name}/"
    place = {part: row[prefix + part] for part in ("chunk_index", "file_index")}
    file = info.video_path.file(video_key=name, **place) if info.video_path else ""
    return Clip(file, round(row[prefix + "from_timestamp"] * info.fps))


def _unfinished(source: Source, info: Info) -> ConversionError:
    """What to say of a recording whose writer was killed before it finished: which files are damaged."""
    damaged = []
    for name in source.files:
        if name.endswith(".parquet"):
            try:
                with open_parquet(source, name):
                    pass
            except ConversionError as exc:
                damaged.append(str(exc))
    return ConversionError(
        f"{source.where()}: the recording was not finalized: {EPISODES} is missing, which says where each of "
        f"the {info.total_episodes} episodes ({info.total_frames} frames, by {INFO}) begins. "
        + (f"Damaged: {'; '.join(damaged)}. " if damaged else "The Parquet files that are there are whole. ")
        + "LeRobot writes what is missing in finalize(); record again, or take a copy that was finalized."
    )
