"""`meta/` of a LeRobot v2 dataset: episodes.jsonl and tasks.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.lerobot.episodes import Clip, Episode, Listing
from unienv_data.formats.readers.lerobot.info import INFO, Info
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.json_objects import parse_object

__all__ = ["EPISODES", "FIELDS", "TASKS", "load_listing", "load_tasks"]

TASKS = "meta/tasks.jsonl"
EPISODES = "meta/episodes.jsonl"
FIELDS = ("episode_chunk", "episode_index", "video_key")

MOST_PROBLEMS = 8
CHUNKS_SIZE = 1000


def load_tasks(source: Source) -> Mapping[int, str]:
    """The text of each task index.

    Raises:
        ConversionError: `meta/tasks.jsonl` is missing, damaged, or holds something else.
    """
    tasks = {}
    for where, line in _lines(source, TASKS):
        if not isinstance(line.get("task_index"), int) or not isinstance(line.get("task"), str):
            raise ConversionError(f"{where}: a task_index and the text of a task were expected, not {line}")
        tasks[line["task_index"]] = line["task"]
    return tasks


def load_listing(source: Source, info: Info) -> Listing:
    """The episodes by `meta/episodes.jsonl`, sorted.

    Episode e stands in the chunk e // chunks_size, and each of its videos begins with its first frame.

    Raises:
        ConversionError: the file is missing, damaged, incomplete, or contradicts info.json.
    """
    if EPISODES not in source.files:
        raise ConversionError(
            f"{source.where(EPISODES)}: the file is missing, which gives the length of each of the "
            f"{info.total_episodes} episodes ({info.total_frames} frames, by {INFO})"
        )
    lines = []
    problems = []
    for where, line in _lines(source, EPISODES):
        if not _is_count(line.get("episode_index")) or not _is_count(line.get("length")):
            problems.append(f"{where}: an episode_index and a length were expected, integers of at least 0")
        else:
            lines.append(line)
    lines.sort(key=lambda line: int(line["episode_index"]))
    indexes = [line["episode_index"] for line in lines]
    frames = sum(line["length"] for line in lines)
    if problems:
        more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        raise ConversionError("; ".join(problems[:MOST_PROBLEMS]) + more)
    where = source.where(EPISODES)
    if len(set(indexes)) != len(indexes):
        raise ConversionError(f"{where}: an episode_index occurs twice")
    if len(lines) != info.total_episodes or frames != info.total_frames:
        raise ConversionError(
            f"{where}: it lists {len(lines)} episodes of {frames} frames together, but {INFO} counts "
            f"{info.total_episodes} episodes and {info.total_frames} frames"
        )
    size = info.raw.get("chunks_size", CHUNKS_SIZE)
    if not _is_count(size) or not size:
        raise ConversionError(f"{source.where(INFO)}: chunks_size is {size!r}, not an integer above 0")
    return Listing([_episode(line, info, size) for line in lines], _table(lines))


def _episode(line: Mapping[str, Any], info: Info, chunks_size: int) -> Episode:
    index = line["episode_index"]
    place = {"episode_chunk": index // chunks_size, "episode_index": index}
    path = info.video_path
    clips = {name: Clip(path.file(video_key=name, **place), 0) for name in info.cameras} if path else {}
    return Episode(index, line["length"], info.data_path.file(**place), clips)


def _table(lines: list[dict[str, Any]]) -> pa.Table:
    """All that the lines say of episodes; what has no place as a column becomes JSON."""
    keys = dict.fromkeys(key for line in lines for key in line)
    return pa.table({key: _column([line.get(key) for line in lines]) for key in keys})


def _column(values: list[Any]) -> pa.Array[Any]:
    try:
        column: pa.Array[Any] = pa.array(values)
    except (pa.ArrowException, OverflowError):
        pass
    else:
        element = column.type.value_type if pa.types.is_list(column.type) else column.type
        if not pa.types.is_nested(element) and not pa.types.is_null(element):
            return column
    return pa.array([None if value is None else json.dumps(value) for value in values], pa.string())


def _lines(source: Source, name: str) -> Iterable[tuple[str, dict[str, Any]]]:
    """The objects of a file of JSON lines, each with its address."""
    for number, text in enumerate(source.read(name).splitlines(), start=1):
        if not text.strip():
            continue
        where = f"{source.where(name)}, line {number}"
        yield where, parse_object(text, where)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
