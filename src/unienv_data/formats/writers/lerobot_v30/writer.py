"""LeRobot v3.0, as lerobot 0.4 writes and reads it.

Features are called by the columns' paths with dots. Timestamps, the numbers of frames, episodes and rows, and
the tasks are LeRobot's own and written anew. Statistics are computed from the values as they came, of videos
before they are encoded. Source: lerobot.datasets of lerobot 0.4.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import ConversionError
from unienv_data.formats.base import Chunk, Facts, check_options
from unienv_data.formats.readers.lerobot.info import ABOUT
from unienv_data.formats.tabular.arrow import array_space
from unienv_data.formats.tabular.plain import PlainColumn, plain_columns
from unienv_data.formats.writer import Writer
from unienv_data.formats.writers.cells import IMAGE_TYPE, arrow_type, image_cells, numbers
from unienv_data.formats.writers.lerobot_v30.choices import Choices
from unienv_data.formats.writers.lerobot_v30.copied import can_be_copied, decoded, payloads_of
from unienv_data.formats.writers.lerobot_v30.episodes import (
    EpisodeTable,
    split_ranges,
    write_json,
    write_tasks,
)
from unienv_data.formats.writers.lerobot_v30.features import (
    OWN,
    TITLE,
    WrittenFeature,
    what_else,
    written_features,
)
from unienv_data.formats.writers.lerobot_v30.files import CHUNK_FILES, DATA_MB, VIDEO_MB, DataFiles
from unienv_data.formats.writers.lerobot_v30.statistics import FeatureStatistics
from unienv_data.formats.writers.lerobot_v30.tasks import Tasks, knows_tasks
from unienv_data.formats.writers.lerobot_v30.videos import VideoFiles, can_copy
from unienv_interface._optional import import_optional

__all__ = ["LeRobotV30Writer"]

_CLOSE = 1e-4
"""Seconds by which LeRobot lets a row's time differ from that of its frame."""


class LeRobotV30Writer(Writer):
    """Writes a LeRobot v3.0 dataset.

    Args:
        place: its folder.
        facts: of what will be written.
        choices: what was chosen.
    """

    name = "lerobot_v30"
    title = TITLE
    extra = "video"
    option_help: ClassVar[Mapping[str, str]] = Choices.HELP
    members = ("meta/*", "data/*.parquet", "videos/*.mp4", "images/*.png", "README.md", ".gitattributes")

    def __init__(self, place: Path, facts: Facts, choices: Choices) -> None:
        self._place = place
        self._facts = facts
        self._fps = choices.fps_of(facts)
        self._features = written_features(facts, choices.images)
        self._robot = choices.robot_type or facts.attributes.get("robot_type")
        self._timestamps = _timestamps(facts)
        self._tasks = Tasks(facts)
        self._schema = _schema(self._features)
        self._data = DataFiles(place / "data", self._schema)
        self._videos = {
            each.name: VideoFiles(place / "videos" / each.name, self._fps, each.shape, choices.encoding)
            for each in self._features
            if each.dtype == "video"
        }
        spaces = {each.name: each.column.column.space for each in self._features if each.dtype != "string"}
        own = {
            name: array_space(np.dtype(np.float32 if name == "timestamp" else np.int64), ()) for name in OWN
        }
        self._statistics = FeatureStatistics({**spaces, **own})
        self._episodes = EpisodeTable(facts)
        self._row = 0
        (place / "meta").mkdir(parents=True)

    @classmethod
    def check(cls, facts: Facts, options: Mapping[str, str] | None = None) -> None:
        choices = Choices.of(check_options(cls, options))
        choices.fps_of(facts)
        _timestamps(facts)
        kinds = {each.dtype for each in written_features(facts, choices.images)}
        if "video" in kinds:
            choices.encoding.check()
        if "image" in kinds:
            import_optional("imagecodecs", extra="images")

    @classmethod
    def encoded_columns(cls, facts: Facts, options: Mapping[str, str] | None = None) -> Sequence[str]:
        choices = Choices.of(dict(options or {}))
        if not choices.copies:
            return ()
        videos = [each for each in written_features(facts, choices.images) if each.dtype == "video"]
        copied = [each.column.source for each in videos if can_be_copied(each.column.column)]
        return copied if copied and can_copy() else ()

    @classmethod
    def notes(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Sequence[str]:
        choices = Choices.of(dict(options or {}))
        features = written_features(facts, choices.images)
        found = []
        copied = cls.encoded_columns(facts, options)
        if copied:
            found.append(
                f"{', '.join(copied)}: packets of AV1 are kept as they are where episodes begin with one."
            )
        videos = [
            each.name for each in features if each.dtype == "video" and each.column.source not in copied
        ]
        if videos:
            found.append(
                f"{', '.join(videos)}: frames are encoded as {choices.encoding.codec}, with loss; "
                f"--to-option images=png keeps them as they are."
            )
        pictures = [each.name for each in features if each.dtype == "image"]
        if pictures and choices.images == "video":
            found.append(f"{', '.join(pictures)}: grey, small or of odd sides, and so PNG files, not videos.")
        names = [each.name for each in features]
        if "action" not in names or not any(name.startswith("observation.") for name in names):
            found.append(
                "LeRobot's policies look for action and observation.*, which are not both there; --rename "
                "OLD=NEW gives columns and groups other names, such as actions=action and obs=observation."
            )
        if not knows_tasks(facts):
            found.append("Nothing says what the task is, so that it is the empty text; --task gives one.")
        return found

    @classmethod
    def open(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Self:
        """A writer of a folder."""
        return cls(place, facts, Choices.of(check_options(cls, options)))

    def write(self, chunk: Chunk) -> None:
        frames = np.arange(chunk.start, chunk.start + chunk.rows, dtype=np.int64)
        own: dict[str, NDArray[Any]] = {
            "timestamp": self._times(chunk, frames),
            "frame_index": frames,
            "episode_index": np.full(chunk.rows, chunk.episode, dtype=np.int64),
            "index": np.arange(self._row, self._row + chunk.rows, dtype=np.int64),
            "task_index": self._tasks.of_rows(chunk.episode, chunk.rows, chunk.columns),
        }
        cells: dict[str, pa.Array[Any]] = {}
        for feature in self._features:
            given = chunk.columns[feature.column.source]
            if isinstance(given, EncodedRows):
                self._take(feature, given)
                continue
            values = feature.column.checked(given, chunk.rows)
            _refuse_too_large(feature.name, values, chunk)
            if feature.dtype == "video":
                self._videos[feature.name].write(values)
            else:
                cells[feature.name] = _cells(feature, values)
            if feature.dtype != "string":
                self._statistics.add(feature.name, values)
        for name, values in own.items():
            cells[name] = pa.array(values)
            self._statistics.add(name, values)
        self._data.write(pa.table(cells, schema=self._schema))
        self._row += chunk.rows
        if chunk.ends_episode:
            self._end_episode(chunk.start + chunk.rows)

    def finish(self) -> None:
        self._data.close()
        for video in self._videos.values():
            video.finish()
        self._episodes.write(self._place / "meta/episodes")
        write_tasks(self._place / "meta/tasks.parquet", self._tasks.texts)
        write_json(self._place / "meta/stats.json", self._statistics.whole())
        write_json(self._place / "meta/info.json", self._info())

    def close(self) -> None:
        self._data.close()
        for video in self._videos.values():
            video.close()

    def _take(self, feature: WrittenFeature, rows: EncodedRows) -> None:
        """Frames as they are encoded, which are decoded for their statistics."""
        self._videos[feature.name].take(rows)
        for payload in payloads_of(rows):
            for frames in decoded(payload):
                self._statistics.add(feature.name, frames)

    def _end_episode(self, rows: int) -> None:
        self._episodes.append(
            rows,
            self._tasks.end_episode(),
            self._data.end_episode(),
            {name: video.end_episode() for name, video in self._videos.items()},
            self._fps,
            self._statistics.end_episode(),
        )

    def _times(self, chunk: Chunk, frames: NDArray[np.int64]) -> NDArray[np.float32]:
        """Seconds since the episode's first row, as many as there were frames."""
        times = (frames / self._fps).astype(np.float32)
        if self._timestamps is not None:
            given = self._timestamps.checked(chunk.columns[self._timestamps.source], chunk.rows)
            off = np.abs(given.astype(np.float64) - times) > _CLOSE
            if off.any():
                row = int(np.flatnonzero(off)[0])
                raise ConversionError(
                    f"{TITLE}: row {chunk.start + row} of episode {chunk.episode} has the timestamp "
                    f"{given[row]}, where {self._fps:g} rows a second make it {times[row]}. LeRobot takes no "
                    f"other times: keep these under another name (--rename timestamp=recorded_time), leave "
                    f"them out (--exclude timestamp), or say how many rows a second has (--to-option fps=N)"
                )
        return times

    def _info(self) -> dict[str, Any]:
        features = {each.name: each.to_json() for each in self._features}
        for name, video in self._videos.items():
            features[name]["info"] = video.to_json()
        own = {name: {"dtype": "float32" if name == "timestamp" else "int64"} for name in OWN}
        for name, entry in own.items():
            features[name] = {**entry, "shape": [1], "names": None}
        about = what_else(self._facts, self._features)
        return {
            **({ABOUT: about} if about else {}),
            "codebase_version": "v3.0",
            "robot_type": self._robot,
            "total_episodes": len(self._facts.lengths),
            "total_frames": self._row,
            "total_tasks": len(self._tasks.texts),
            "chunks_size": CHUNK_FILES,
            "data_files_size_in_mb": DATA_MB,
            "video_files_size_in_mb": VIDEO_MB,
            "fps": int(self._fps) if self._fps == int(self._fps) else self._fps,
            "splits": split_ranges(self._facts) or {},
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
            if self._videos
            else None,
            "features": features,
        }


def _timestamps(facts: Facts) -> PlainColumn | None:
    """The source's own times, which must be those that LeRobot gives."""
    columns = plain_columns(facts, TITLE)
    found = next((each for each in columns if each.name == "timestamp"), None)
    if found is not None and (
        found.dtype is None or found.dtype.kind not in "fiu" or found.shape not in ((), (1,))
    ):
        raise ConversionError(
            f"{TITLE}: timestamp holds {found.dtype or 'texts'} {list(found.shape)}, where seconds since the "
            f"episode's first row are expected; call it otherwise: --rename timestamp=NAME"
        )
    return found


def _refuse_too_large(name: str, values: NDArray[Any], chunk: Chunk) -> None:
    """PyTorch, and so LeRobot, takes no whole numbers beyond those of int64.

    Raises:
        ConversionError: there is one.
    """
    if values.dtype == np.uint64 and values.size and values.max() > np.iinfo(np.int64).max:
        raise ConversionError(
            f"{TITLE}: {name} has {values.max()} in rows {chunk.start} to {chunk.start + chunk.rows - 1} of "
            f"episode {chunk.episode}, and LeRobot reads no whole numbers beyond int64; leave it out: "
            f"--exclude '{name}'"
        )


def _schema(features: Sequence[WrittenFeature]) -> pa.Schema:
    fields: list[pa.Field[Any]] = []
    for each in features:
        if each.dtype == "image":
            fields.append(pa.field(each.name, IMAGE_TYPE))
        elif each.dtype != "video":
            fields.append(pa.field(each.name, _type_of(each.column)))
    for name in OWN:
        type_: Any = pa.float32() if name == "timestamp" else pa.int64()
        fields.append(pa.field(name, type_))
    return pa.schema(fields)


def _type_of(column: PlainColumn) -> Any:
    """Vectors are lists of fixed length, wider arrays lists of lists, as in LeRobot; (1,) is a number."""
    shape = () if column.shape == (1,) else column.shape
    return arrow_type(column.dtype, shape, fixed=len(shape) == 1)


def _cells(feature: WrittenFeature, values: NDArray[Any]) -> pa.Array[Any]:
    if feature.dtype == "image":
        return image_cells(values)
    shape = feature.column.shape
    return numbers(values.reshape(-1) if shape == (1,) else values, fixed=len(shape) == 1)
