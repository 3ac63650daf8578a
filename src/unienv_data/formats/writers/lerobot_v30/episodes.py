"""`meta/`: what is said of the episodes, of the tasks, and of the whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unienv_data.formats.base import Facts
from unienv_data.formats.writers.lerobot_v30.files import Place
from unienv_data.formats.writers.lerobot_v30.videos import Segment

__all__ = ["EpisodeTable", "split_ranges", "write_json", "write_tasks"]

KNOWN = ("length", "source_episode", "tasks", "task", "split")
"""Columns of the store's episode table that stand elsewhere in LeRobot's."""
RESERVED = ("episode_index", "dataset_from_index", "dataset_to_index")


class EpisodeTable:
    """The rows of `meta/episodes`.

    Args:
        facts: of what is written, with what else is said of each episode.
    """

    def __init__(self, facts: Facts) -> None:
        ranges = split_ranges(facts)
        names = [name for name in facts.episodes.column_names if name not in KNOWN and _is_free(name)]
        if ranges is None and "split" in facts.episodes.column_names:
            names.append("split")
        self._kept = facts.episodes.select(names)
        self._rows: list[dict[str, Any]] = []
        self._next = 0

    def append(
        self,
        rows: int,
        tasks: Sequence[str],
        data: Place,
        videos: Mapping[str, Segment],
        fps: float,
        statistics: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Take the next episode."""
        row: dict[str, Any] = {
            "episode_index": len(self._rows),
            "tasks": list(tasks),
            "length": rows,
            "data/chunk_index": data.chunk,
            "data/file_index": data.file,
            "dataset_from_index": self._next,
            "dataset_to_index": self._next + rows,
        }
        for name, segment in videos.items():
            row[f"videos/{name}/chunk_index"] = segment.place.chunk
            row[f"videos/{name}/file_index"] = segment.place.file
            row[f"videos/{name}/from_timestamp"] = segment.first / fps
            row[f"videos/{name}/to_timestamp"] = (segment.first + segment.frames) / fps
        for name, numbers in statistics.items():
            for key, value in numbers.items():
                row[f"stats/{name}/{key}"] = value
        self._next += rows
        self._rows.append({**row, "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0})

    def write(self, folder: Path) -> None:
        """Write the file."""
        table = pa.table({name: [row[name] for row in self._rows] for name in self._rows[0]})
        for name in self._kept.column_names:
            table = table.append_column(name, self._kept[name])
        pq.write_table(table, Place(0).path(folder, ".parquet"), compression="snappy")


def split_ranges(facts: Facts) -> dict[str, str] | None:
    """Split -> `A:B`, of episodes; None where the episodes of a split do not stand together."""
    if "split" not in facts.episodes.column_names:
        return {"train": f"0:{len(facts.lengths)}"}
    names = facts.episodes["split"].to_pylist()
    ranges: dict[str, tuple[int, int]] = {}
    for episode, name in enumerate(names):
        if not isinstance(name, str):
            return None
        first, stop = ranges.get(name, (episode, episode))
        if stop != episode:
            return None
        ranges[name] = (first, episode + 1)
    return {name: f"{first}:{stop}" for name, (first, stop) in ranges.items()}


def write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """Write `tasks.parquet`, whose pandas index are the texts."""
    index = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": _PANDAS_COLUMNS,
        "pandas_version": "2",
    }
    fields: list[pa.Field[Any]] = [pa.field("task_index", pa.int64()), pa.field("task", pa.string())]
    schema = pa.schema(fields, metadata={"pandas": json.dumps(index)})
    pq.write_table(
        pa.table({"task_index": list(range(len(tasks))), "task": list(tasks)}, schema=schema), path
    )


def write_json(path: Path, document: Any) -> None:
    """Write JSON, indented; what is no number is NaN or Infinity, which Python's reader takes."""
    path.write_text(json.dumps(document, indent=4, ensure_ascii=False), encoding="utf-8")


_PANDAS_COLUMNS = [
    {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64"},
    {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object"},
]


def _is_free(name: str) -> bool:
    return name not in RESERVED and not name.startswith(("data/", "videos/", "stats/", "meta/"))
