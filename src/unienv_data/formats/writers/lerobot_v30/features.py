"""What each column becomes in a LeRobot dataset."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Facts
from unienv_data.formats.naming import path_name
from unienv_data.formats.readers.lerobot.info import VECTOR_OF_ONE
from unienv_data.formats.tabular.plain import PlainColumn, plain_columns, strict_json

__all__ = ["OWN", "TASK", "WrittenFeature", "what_else", "written_features"]

TITLE = "LeRobot v3.0"
OWN = ("timestamp", "frame_index", "episode_index", "index", "task_index")
"""Columns that every dataset has and that follow from the episodes; they are written anew."""
TASK = "task"
MOST_AXES = 5
LEAST_SIDE = 16
"""Pixels: encoders take no smaller pictures."""


@dataclass(frozen=True)
class WrittenFeature:
    """A column as LeRobot knows it.

    Args:
        column: what it is made from.
        dtype: `video`, `image`, `string` or a number's.
    """

    column: PlainColumn
    dtype: str

    @property
    def name(self) -> str:
        """LeRobot's name of it."""
        return self.column.name

    @property
    def shape(self) -> tuple[int, ...]:
        """As info.json has it: a scalar is `(1,)`."""
        return self.column.shape or (1,)

    @property
    def names(self) -> Any:
        """Of the entries: those that the source gave, if they are names for this shape."""
        if self.dtype in ("video", "image"):
            return ["height", "width", "channels"]
        names = self.column.column.attributes.get("names")
        return names if isinstance(names, (list, dict)) else None

    def to_json(self) -> dict[str, Any]:
        """Its entry in info.json."""
        entry = {"dtype": self.dtype, "shape": list(self.shape), "names": self.names}
        return {**entry, "info": {VECTOR_OF_ONE: True}} if self.column.shape == (1,) else entry


def written_features(facts: Facts, images: str) -> list[WrittenFeature]:
    """What is written beside the columns of LeRobot's own and the task.

    Args:
        facts: of what will be written.
        images: what frames become: `video` or `png`. Where an encoder takes no such frame, it is a PNG.

    Raises:
        ConversionError: every column that LeRobot cannot hold.
    """
    found = []
    problems: list[str] = []
    out: list[str] = []
    for column in plain_columns(facts, TITLE):
        if column.name in OWN or (column.name == TASK and column.dtype is None):
            continue
        why = _problem(column)
        if why is not None:
            problems.append(f"{path_name(column.path)} {why}")
            out.append(f"--exclude '{path_name(column.path)}'")
        found.append(WrittenFeature(column, _dtype_of(column, images)))
    if problems:
        raise ConversionError(
            f"{TITLE} cannot hold {len(problems)} of the columns: {'; '.join(problems)}. To convert the "
            f"rest, leave them out: {' '.join(out)}"
        )
    return found


def what_else(facts: Facts, features: Iterable[WrittenFeature]) -> dict[str, Any]:
    """What is known of the whole and of columns that LeRobot has no place for, strict JSON."""
    columns = {
        each.name: _without(each.column.column.attributes, ("names", "info", "source")) for each in features
    }
    about = {
        "attributes": _without(facts.attributes, ("fps", "robot_type", "splits")),
        "columns": {name: said for name, said in columns.items() if said},
    }
    found: dict[str, Any] = json.loads(strict_json({key: value for key, value in about.items() if value}))
    return found


def _without(said: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key not in keys}


def _problem(column: PlainColumn) -> str | None:
    if "/" in column.name:
        return "has a slash in its name"
    if column.name == TASK:
        return "has the name of the instructions, which are texts"
    if 0 in column.shape:
        return "has no entries in a row"
    if len(column.shape) > MOST_AXES:
        return f"has {len(column.shape)} axes, more than {MOST_AXES}"
    return None


def _dtype_of(column: PlainColumn, images: str) -> str:
    if column.dtype is None:
        return "string"
    if not column.is_frame:
        return str(column.dtype)
    return "video" if images == "video" and takes_video(column.shape) else "image"


def takes_video(shape: Collection[int]) -> bool:
    """Whether frames (H, W, C) can be encoded with halved chroma: colours, and even sides."""
    height, width, channels = shape
    return channels == 3 and min(height, width) >= LEAST_SIDE and height % 2 == 0 == width % 2
