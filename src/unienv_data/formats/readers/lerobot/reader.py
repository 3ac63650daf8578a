"""What the readers of all versions of LeRobot's datasets share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import cached_property, partial
from typing import Any, ClassVar, Self

import pyarrow as pa

from unienv_data.errors import ConversionError, MissingDependencyError
from unienv_data.formats.base import (
    DEFAULT_CHUNK_BYTES,
    Chunk,
    EncodedForm,
    Facts,
    Reader,
    SourceColumn,
    check_options,
    row_bytes,
)
from unienv_data.formats.media.cameras import Cameras
from unienv_data.formats.media.copied_form import can_copy, copied_form
from unienv_data.formats.media.image_cells import image_cells, is_image_type
from unienv_data.formats.media.video import probe_video
from unienv_data.formats.naming import nested_paths
from unienv_data.formats.readers.lerobot.columns import (
    Column,
    ImageColumn,
    TaskColumn,
    VideoColumn,
    table_column,
    video_column,
)
from unienv_data.formats.readers.lerobot.episodes import Episode, Listing, episode_table
from unienv_data.formats.readers.lerobot.info import ABOUT, INFO, VECTOR_OF_ONE, Info
from unienv_data.formats.readers.lerobot.rows import DataFiles, frame_numbers
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.about import About
from unienv_data.formats.tabular.parquet import ParquetRows, open_parquet

__all__ = ["LeRobotReader"]

TASK = "task"
MOST_PROBLEMS = 8
CHECKS_AT_ONCE = 8


class LeRobotReader(Reader):
    """Reads a LeRobot dataset: numbers, texts, images and videos as on disk, and each row's task as text.

    Numbers keep the dtype of the Parquet files (LeRobot's own reader makes float64 float32); frames are those
    of a plain decode. A version says what its metadata is called and how it lists episodes.
    """

    extra = "video"
    listing: ClassVar[str]
    """Where episodes are listed."""
    tasks_file: ClassVar[str]
    """Where the texts of tasks stand."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._forms: dict[str, EncodedForm | None] = {}

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the dataset; the format has no options."""
        check_options(cls, options)
        return cls(source)

    @abstractmethod
    def load_info(self) -> Info:
        """Read and check `meta/info.json`."""

    @abstractmethod
    def load_listing(self, info: Info) -> Listing:
        """The episodes, and where they lie."""

    @abstractmethod
    def load_tasks(self) -> Mapping[int, str]:
        """The text of each task index."""

    def facts(self) -> Facts:
        """What the dataset holds."""
        return self._facts

    @cached_property
    def _info(self) -> Info:
        return self.load_info()

    @cached_property
    def _listing(self) -> Listing:
        return self.load_listing(self._info)

    @property
    def _episodes(self) -> Sequence[Episode]:
        return self._listing.episodes

    @cached_property
    def _episodes_of(self) -> dict[str, list[Episode]]:
        """The episodes in each data file."""
        members: dict[str, list[Episode]] = {}
        for episode in self._episodes:
            members.setdefault(episode.data_file, []).append(episode)
        return members

    @cached_property
    def _facts(self) -> Facts:
        episodes = episode_table(self._listing.table, self._info)
        if not self._episodes:
            raise ConversionError(f"{self._source.where()}: the dataset holds no episodes")
        columns, unreadable = self._columns
        paths = nested_paths(columns)
        raw = self._info.raw
        return Facts(
            format=self.name,
            version=self._info.version,
            columns=tuple(
                SourceColumn(
                    name,
                    paths[name],
                    column.space,
                    column.lossy,
                    self._kept_of(name),
                    self._encoded_form(name),
                )
                for name, column in columns.items()
            ),
            unreadable=unreadable,
            episodes=episodes,
            source_bytes=sum(
                size for file, size in self._source.files.items() if not file.startswith(_LEFT_OVER)
            ),
            attributes={
                **self._about.attributes,
                **{key: raw[key] for key in _KEPT if raw.get(key) is not None},
            },
            notes=tuple(self._notes(columns)),
        )

    @cached_property
    def _columns(self) -> tuple[dict[str, Column], dict[str, str]]:
        """The columns in the order of the metadata, and why the others cannot be read."""
        columns: dict[str, Column] = {}
        unreadable: dict[str, str] = {}
        first = self._episodes[0]
        with open_parquet(self._source, first.data_file) as file:
            schema = file.schema_arrow.remove_metadata()
        lost = [
            name
            for name, feature in self._info.features.items()
            if feature.dtype != "video" and name not in schema.names
        ]
        if lost:
            raise ConversionError(
                f"{self._source.where(first.data_file)}: the columns {', '.join(lost)} are missing, which "
                f"{INFO} lists as features"
            )
        for name in dict.fromkeys([*self._info.features, *schema.names]):
            try:
                columns[name] = self._column(name, first, schema)
            except ConversionError as exc:
                unreadable[name] = str(exc)
        if "task_index" in columns and TASK not in columns and TASK not in unreadable:
            columns[TASK] = TaskColumn(self.load_tasks(), self.tasks_file)
        return columns, unreadable

    def _column(self, name: str, first: Episode, schema: pa.Schema) -> Column:
        feature = self._info.features.get(name)
        if feature is not None and feature.dtype == "video":
            return video_column(feature, self._header_or_none(first.clips[name].file))
        type_ = schema.field(name).type
        if is_image_type(type_):
            cells = self._first_row(first.data_file, name)[name]
            declared = feature.frame_shape if feature is not None else None
            return ImageColumn(image_cells(name, cells, self._source, declared))
        return table_column(feature, name, type_)

    def _encoded_form(self, name: str) -> EncodedForm | None:
        """How images, or a camera's packets, can be kept, by the first of them."""
        if name not in self._forms:
            column = self._columns[0][name]
            form = column.cells.encoded if isinstance(column, ImageColumn) else None
            if isinstance(column, VideoColumn):
                with suppress(ConversionError, MissingDependencyError):  # check() tells whoever converts it
                    form = copied_form(self._source, self._episodes[0].clips[name].file, column.format)
            self._forms[name] = form
        return self._forms[name]

    def _header_or_none(self, file: str) -> Any:
        try:
            return probe_video(self._source, file)
        except (ConversionError, MissingDependencyError):
            return None  # whoever converts the column is told by check()

    def _first_row(self, file: str, name: str) -> pa.Table:
        with closing(ParquetRows(self._source, file, [name], batch_rows=1)) as rows:
            return rows.read(0, min(1, len(rows)))

    def _kept_of(self, name: str) -> dict[str, Any]:
        feature = self._info.features.get(name)
        kept: dict[str, Any] = {"names": feature.names, "info": dict(feature.info)} if feature else {}
        kept.get("info", {}).pop(VECTOR_OF_ONE, None)
        said = self._about.columns.get(name, {})
        return {**said, **{key: value for key, value in kept.items() if value}}

    @cached_property
    def _about(self) -> About:
        """What our own writer says beside what LeRobot has a place for."""
        return About.of(self._info.raw.get(ABOUT))

    def _notes(self, columns: Mapping[str, Column]) -> Iterator[str]:
        for name, column in columns.items():
            if isinstance(column, VideoColumn) and self._info.features[name].is_depth_map:
                yield (
                    f"{name} keeps LeRobot's quantized depth, {column.format.dtype}; the attributes say how "
                    f"to turn it into metres."
                )
        has_videos = any(isinstance(column, VideoColumn) for column in columns.values())
        with suppress(MissingDependencyError):
            if has_videos and not can_copy():
                yield (
                    "The videos will be decoded and stored anew: keeping their packets as they are takes "
                    "PyAV 17 or later (pip install --upgrade 'unienv-data[video]')."
                )
        empty = [episode.index for episode in self._episodes if not episode.length]
        if empty:
            yield f"Episodes without rows are left out: {_ranges(empty)}."

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Find missing, damaged and too short files by their footers and headers."""
        known = self._columns[0]
        chosen = [self._episodes[position] for position in episodes]
        tasks: list[Callable[[], None]] = []
        for file in dict.fromkeys(episode.data_file for episode in chosen):
            tasks.append(partial(self._check_data, file, columns))
        for name in columns:
            column = known[name]
            if isinstance(column, VideoColumn):
                by_file: dict[str, list[Episode]] = {}
                for episode in chosen:
                    by_file.setdefault(episode.clips[name].file, []).append(episode)
                for file, members in by_file.items():
                    tasks.append(partial(self._check_video, column, file, members))
            elif isinstance(column, ImageColumn):
                tasks.extend(partial(self._check_image, column, episode.data_file) for episode in chosen[:1])
        with ThreadPoolExecutor(CHECKS_AT_ONCE) as pool:
            problems = [text for text in pool.map(_problem_of, tasks) if text]
        if problems:
            more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
            raise ConversionError("; ".join(problems[:MOST_PROBLEMS]) + more)

    def _check_data(self, file: str, columns: Sequence[str]) -> None:
        known = self._columns[0]
        where = self._source.where(file)
        with open_parquet(self._source, file) as opened:
            rows, schema = opened.metadata.num_rows, opened.schema_arrow
        for name in _needs(known, columns):
            if name not in schema.names:
                raise ConversionError(f"{where}: the column {name} is missing")
        for name in columns:
            column = known[name]
            if not isinstance(column, (VideoColumn, TaskColumn, ImageColumn)):
                other = table_column(self._info.features.get(name), name, schema.field(name).type)
                if other != column:
                    raise ConversionError(
                        f"{where}: the column {name} is {other.arrow}, elsewhere {column.arrow}"
                    )
        members = self._episodes_of[file]
        promised = sum(episode.length for episode in members)
        if rows != promised:
            raise ConversionError(
                f"{where}: it has {rows} rows, but {self.listing} lists {promised} for the episodes "
                f"{_ranges(episode.index for episode in members)} that should be in it"
            )

    def _check_image(self, column: ImageColumn, file: str) -> None:
        """Decode one image, so that a missing decoder is told before anything is written."""
        column.from_table(self._first_row(file, column.needs), self._source, self._source.where(file))

    def _check_video(self, column: VideoColumn, file: str, members: Sequence[Episode]) -> None:
        header = probe_video(self._source, file)
        where = self._source.where(file)
        if (header.height, header.width) != column.shape[:2]:
            raise ConversionError(
                f"{where}: its frames are {header.height} x {header.width}, those of the first file "
                f"{column.shape[0]} x {column.shape[1]}"
            )
        needed = max(episode.clips[column.name].first + episode.length for episode in members)
        if header.frames is not None and header.frames < needed:
            raise ConversionError(
                f"{where}: it has {header.frames} frames, but the episodes "
                f"{_ranges(episode.index for episode in members)} need {needed}"
            )

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes; each file is read once where the episodes are in order."""
        known = {name: self._columns[0][name] for name in columns}
        weight = row_bytes([column.space for name, column in known.items() if name not in encoded])
        weight += _PACKET_BYTES * len(encoded)
        rows_at_once = max(1, target_bytes // max(1, weight))
        with (
            closing(DataFiles(self._source, _needs(known, columns), rows_at_once, self.listing)) as data,
            closing(Cameras(self._source)) as cameras,
        ):
            for position in episodes:
                episode = self._episodes[position]
                for start, table in data.rows_of(episode, rows_at_once):
                    where = f"{self._source.where(episode.data_file)}, episode {episode.index}"
                    values: dict[str, Any] = {}
                    for name, column in known.items():
                        if isinstance(column, VideoColumn):
                            numbers = frame_numbers(column, episode, table, where)
                            read = cameras.packets_of if name in encoded else cameras.frames_of
                            file = episode.clips[name].file
                            values[name] = read(name, file, numbers, column.format, column.shape)
                        elif isinstance(column, ImageColumn) and name in encoded:
                            values[name] = column.cells.kept(table[column.needs], self._source, where)
                        else:
                            values[name] = column.from_table(table, self._source, where)
                    end = start + table.num_rows
                    yield Chunk(position, start, table.num_rows, values, ends_episode=end == episode.length)

    def close(self) -> None:
        """Nothing stays open between calls."""


_KEPT = ("robot_type", "fps", "splits")
"""What of info.json the store keeps as it is; the rest describes LeRobot's own files."""


_LEFT_OVER = "images/"
"""Where LeRobot keeps frames until it has encoded them; what is still there belongs to no recording."""

_PACKET_BYTES = 8192
"""What a frame is taken to weigh in the form in which it is encoded."""


def _needs(known: Mapping[str, Column], columns: Iterable[str]) -> list[str]:
    """The Parquet columns that these columns are made from."""
    return list(dict.fromkeys(["episode_index", *(known[name].needs for name in columns)]))


def _problem_of(task: Callable[[], None]) -> str | None:
    try:
        task()
    except ConversionError as exc:
        return str(exc)
    return None


def _ranges(indexes: Iterable[int]) -> str:
    """Rising numbers written short: `0-3, 7`."""
    runs: list[list[int]] = []
    for index in indexes:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
