"""`meta/` of a LeRobot v3.0 dataset: info.json, tasks.parquet and the episode tables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.arrow import number_dtype
from unienv_data.formats.parquet import open_parquet, read_table
from unienv_data.formats.source import Source

__all__ = ["Feature", "Info", "load_episodes", "load_info", "load_tasks", "unfinished", "user_columns"]

INFO = "meta/info.json"
TASKS = "meta/tasks.parquet"
EPISODES = "meta/episodes"


@dataclass(frozen=True)
class Feature:
    """One entry of `features`. `dtype` is `video`, `image`, `string` or a number's."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    names: Any
    info: Mapping[str, Any]

    @property
    def is_depth_map(self) -> bool:
        """Whether the frames are quantized depths."""
        return bool(self.info.get("is_depth_map") or self.info.get("video.is_depth_map"))

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of a frame, whichever order `shape` has.

        Raises:
            ConversionError: the shape is not that of an image.
        """
        axes = self.names if isinstance(self.names, list) else []
        first_is_channel = bool(axes) and str(axes[0]).startswith("channel")
        match self.shape:
            case (channels, height, width) if first_is_channel:
                return height, width, channels
            case (height, width, channels):
                return height, width, channels
            case (height, width):
                return height, width, 1
            case _:
                raise ConversionError(
                    f"the {self.dtype} feature {self.name} has the shape {list(self.shape)}"
                )


@dataclass(frozen=True)
class Info:
    """`meta/info.json`, checked."""

    version: str
    fps: float
    total_episodes: int
    total_frames: int
    features: Mapping[str, Feature]
    data_path: str
    video_path: str | None
    splits: Mapping[str, tuple[int, int]]
    raw: Mapping[str, Any]

    def data_file(self, chunk: int, file: int) -> str:
        """The name of a data file."""
        return _fill(self.data_path, {"chunk_index": chunk, "file_index": file})

    def video_file(self, key: str, chunk: int, file: int) -> str:
        """The name of a camera's video file."""
        return _fill(self.video_path or "", {"video_key": key, "chunk_index": chunk, "file_index": file})


def load_info(source: Source) -> Info:
    """Read and check `meta/info.json`.

    Raises:
        ConversionError: it is missing, damaged, incomplete, or of another version.
    """
    where = source.where(INFO)
    try:
        raw = json.loads(source.read(INFO), parse_constant=str)
    except ValueError as exc:
        raise ConversionError(f"{where}: not JSON: {exc}") from exc
    if not isinstance(raw, dict):
        raise ConversionError(f"{where}: a JSON object was expected, not {type(raw).__name__}")
    version = str(raw.get("codebase_version", ""))
    if not re.fullmatch(r"v?3\.\d+(\.\d+)?", version):
        said = f"is LeRobot {version}" if version else "does not say of which LeRobot version it is"
        raise ConversionError(
            f"{source.where()}: the dataset {said} (codebase_version in {INFO}); this reader reads v3.0."
            + (
                " LeRobot's own convert_dataset_v21_to_v30 turns v2.1 into v3.0."
                if version.startswith("v2")
                else ""
            )
        )
    problems = [
        f"{key} is {raw.get(key)!r}, not {what}"
        for key, what, fits in (
            ("fps", "a number above 0", _is_number(raw.get("fps")) and raw["fps"] > 0),
            ("total_episodes", "an integer", _is_integer(raw.get("total_episodes"))),
            ("total_frames", "an integer", _is_integer(raw.get("total_frames"))),
            ("features", "an object", isinstance(raw.get("features"), dict)),
            ("data_path", "a template", _is_template(raw.get("data_path"))),
            ("video_path", "a template", raw.get("video_path") is None or _is_template(raw["video_path"])),
        )
        if not fits
    ]
    features: dict[str, Feature] = {}
    for name, entry in raw["features"].items() if isinstance(raw.get("features"), dict) else ():
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str):
            problems.append(f"features.{name} has no dtype")
        elif not isinstance(shape, list) or not all(_is_integer(size) for size in shape):
            problems.append(f"features.{name} has the shape {shape!r}, not a list of integers")
        else:
            details = entry.get("info") or entry.get("video_info")
            info = details if isinstance(details, dict) else {}
            features[name] = Feature(name, entry["dtype"], tuple(shape), entry.get("names"), info)
    if raw.get("video_path") is None and any(feature.dtype == "video" for feature in features.values()):
        problems.append("video_path is missing, but there are video features")
    if problems:
        raise ConversionError(f"{where}: {'; '.join(problems)}")
    return Info(
        version=version,
        fps=float(raw["fps"]),
        total_episodes=raw["total_episodes"],
        total_frames=raw["total_frames"],
        features=features,
        data_path=raw["data_path"],
        video_path=raw.get("video_path"),
        splits=_splits(raw.get("splits")),
        raw=raw,
    )


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
        raise unfinished(source, info)
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


def user_columns(table: pa.Table) -> list[str]:
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


def unfinished(source: Source, info: Info) -> ConversionError:
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


def _fill(template: str, values: Mapping[str, int | str]) -> str:
    """A path template filled in. Only `{name}` and `{name:03d}`: a template is data, not a format program."""

    def value_of(match: re.Match[str]) -> str:
        value = values[match["name"]]
        return str(value).zfill(int(match["width"] or 0)) if isinstance(value, int) else value

    return _FIELD.sub(value_of, template)


_FIELD = re.compile(r"\{(?P<name>chunk_index|file_index|video_key)(?::0?(?P<width>\d{1,2})d)?\}")


def _is_template(value: Any) -> bool:
    if not isinstance(value, str) or value.startswith("/") or ".." in value.split("/"):
        return False
    rest = _FIELD.sub("", value)
    return "{" not in rest and "}" not in rest


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _splits(raw: Any) -> dict[str, tuple[int, int]]:
    """`{"train": "0:10"}` as ranges of episodes; what is written otherwise is left to the attributes."""
    ranges: dict[str, tuple[int, int]] = {}
    for name, text in raw.items() if isinstance(raw, dict) else ():
        match = re.fullmatch(r"(\d+):(\d+)", text) if isinstance(text, str) else None
        if match:
            ranges[name] = (int(match[1]), int(match[2]))
    return ranges
