"""`meta/info.json` of a LeRobot dataset: what all versions say there."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.json_objects import read_object

__all__ = ["ABOUT", "INFO", "VECTOR_OF_ONE", "Feature", "Info", "Template", "load_info", "version_of"]

INFO = "meta/info.json"


ABOUT = "unienv_data"
"""Key of info.json, for what LeRobot has no place for."""
VECTOR_OF_ONE = "unienv_data.is_vector"
"""Key of a feature's `info`."""


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
    def is_vector_of_one(self) -> bool:
        """Whether its numbers, one a row, were vectors of one entry before they were written by this library.

        LeRobot has no such vectors; what it writes are numbers.
        """
        return self.shape == (1,) and self.info.get(VECTOR_OF_ONE) is True

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
class Template:
    """How files are called: `data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet`.

    Only `{name}` and `{name:03d}` are filled in: a template is data, not a format program.
    """

    text: str

    @classmethod
    def of(cls, value: Any, fields: Collection[str]) -> Template | None:
        """The template, or None where it is none: it leads elsewhere, or has other fields."""
        if not isinstance(value, str) or value.startswith("/") or ".." in value.split("/"):
            return None
        rest = _FIELD.sub(lambda match: "" if match["name"] in fields else match[0], value)
        return None if "{" in rest or "}" in rest else cls(value)

    def file(self, **values: int | str) -> str:
        """The name of a file."""

        def value_of(match: re.Match[str]) -> str:
            value = values[match["name"]]
            return str(value).zfill(int(match["width"] or 0)) if isinstance(value, int) else value

        return _FIELD.sub(value_of, self.text)


_FIELD = re.compile(r"\{(?P<name>\w+)(?::0?(?P<width>\d{1,2})d)?\}")


@dataclass(frozen=True)
class Info:
    """`meta/info.json`, checked."""

    version: str
    fps: float
    total_episodes: int
    total_frames: int
    features: Mapping[str, Feature]
    data_path: Template
    video_path: Template | None
    splits: Mapping[str, tuple[int, int]]
    raw: Mapping[str, Any]

    @property
    def cameras(self) -> tuple[str, ...]:
        """The video features."""
        return tuple(name for name, feature in self.features.items() if feature.dtype == "video")

    def split_of(self, episode: int) -> str | None:
        """The first split that an episode is in."""
        return next((name for name, (start, stop) in self.splits.items() if start <= episode < stop), None)


def version_of(source: Source) -> str:
    """The version that a dataset says it has; "" where it says none, or nothing that can be read."""
    try:
        raw = json.loads(source.read(INFO))
    except (ConversionError, ValueError):
        return ""
    return str(raw.get("codebase_version", "")) if isinstance(raw, dict) else ""


def load_info(source: Source, versions: re.Pattern[str], read: str, fields: Collection[str]) -> Info:
    """Read and check `meta/info.json`.

    Args:
        source: the dataset.
        versions: the versions that can be read.
        read: what people call them.
        fields: what templates of paths may have in them.

    Raises:
        ConversionError: it is missing, damaged, incomplete, or of another version.
    """
    where = source.where(INFO)
    raw = read_object(source, INFO)
    version = str(raw.get("codebase_version", ""))
    if not versions.fullmatch(version):
        said = f"is LeRobot {version}" if version else "does not say of which LeRobot version it is"
        raise ConversionError(
            f"{source.where()}: the dataset {said} (codebase_version in {INFO}); this reader reads {read}"
        )
    data_path = Template.of(raw.get("data_path"), fields)
    video_path = Template.of(raw.get("video_path"), fields)
    problems = [
        f"{key} is {raw.get(key)!r}, not {what}"
        for key, what, fits in (
            ("fps", "a number above 0", _is_number(raw.get("fps")) and raw["fps"] > 0),
            ("total_episodes", "an integer", _is_integer(raw.get("total_episodes"))),
            ("total_frames", "an integer", _is_integer(raw.get("total_frames"))),
            ("features", "an object", isinstance(raw.get("features"), dict)),
            ("data_path", "a template", data_path is not None),
            ("video_path", "a template", raw.get("video_path") is None or video_path is not None),
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
    if problems or data_path is None:
        raise ConversionError(f"{where}: {'; '.join(problems)}")
    return Info(
        version=version,
        fps=float(raw["fps"]),
        total_episodes=raw["total_episodes"],
        total_frames=raw["total_frames"],
        features=features,
        data_path=data_path,
        video_path=video_path,
        splits=_splits(raw.get("splits")),
        raw=raw,
    )


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
