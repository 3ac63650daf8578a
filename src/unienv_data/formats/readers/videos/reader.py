"""The reader of videos with tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

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
from unienv_data.formats.media.copied_form import copied_form
from unienv_data.formats.media.video import RGB, VideoFile, VideoHeader, probe_video
from unienv_data.formats.naming import nested_paths
from unienv_data.formats.readers.videos.layout import Choices, Episode, episodes_of, with_alike_rows
from unienv_data.formats.readers.videos.tables import TABLES, VIDEOS, is_table, is_video
from unienv_data.formats.source import Source
from unienv_data.formats.tables.columns import TableColumn, leaf_fields, table_column
from unienv_data.formats.tabular.arrow import array_space
from unienv_data.formats.tabular.episode_columns import episode_table
from unienv_interface.space.space import AnySpace

__all__ = ["VideosReader"]

TABLE, EPISODE_COLUMN, FRAME_COLUMN, NULLS = "table", "episode_column", "frame_column", "nulls"
_OTHERS = ("metadata.json", "state.json", "dataset_dict.json")
_OTHER_FOLDERS = ("storage/", "meta/")  # of a dataset of ours; of LeRobot's, what describes it missing or not
_OTHER_ENDINGS = (".h5", ".hdf5", ".mcap", ".db3", ".vla", ".npz")


@dataclass(frozen=True)
class _Camera:
    """A camera: its frames' shape (H, W, 3), and how they can be stored as they are."""

    shape: tuple[int, int, int]
    encoded: EncodedForm | None

    @property
    def space(self) -> AnySpace:
        return array_space(np.dtype(np.uint8), self.shape)


class VideosReader(Reader):
    """Reads videos, and tables with a row for each of their frames, or for each of them."""

    name = "videos"
    title = "videos with a table"
    layout = f"a folder with videos ({', '.join(VIDEOS)}) and tables ({', '.join(TABLES)})"
    extra = "video"
    option_help: ClassVar[Mapping[str, str]] = {
        TABLE: "the table that says what happened, where there are several that are not called like videos",
        EPISODE_COLUMN: "the column that tells episodes apart (--episode-column)",
        FRAME_COLUMN: "the column with the number, from 0, of each row's frame within its video; without it, "
        "and without a column called frame_index or frame, rows are frames one after the other",
        NULLS: "`nan`: floats that are missing become NaN; refused without it",
    }

    def __init__(self, source: Source, choices: Choices, nulls_are_nan: bool) -> None:
        self._source = source
        self._nulls_are_nan = nulls_are_nan
        self._choices = choices

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there are videos and tables, and nothing that makes them another format's."""
        names = source.files
        if source.is_file or any(name in names for name in _OTHERS):
            return False
        if any(name.lower().endswith(_OTHER_ENDINGS) or name.startswith(_OTHER_FOLDERS) for name in names):
            return False
        return any(map(is_video, names)) and any(map(is_table, names))

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the folder."""
        given = check_options(cls, options)
        nulls = given.get(NULLS)
        if nulls not in (None, "nan"):
            raise ConversionError(f"option {NULLS}: `nan` was expected, not {nulls!r}")
        choices = Choices(given.get(TABLE), given.get(EPISODE_COLUMN), given.get(FRAME_COLUMN))
        return cls(source, choices, nulls is not None)

    def facts(self) -> Facts:
        """What the folder holds."""
        return self._facts

    @cached_property
    def _episodes(self) -> list[Episode]:
        episodes = episodes_of(self._source, self._choices)
        first = episodes[0]
        for episode in episodes:
            if episode.videos.keys() != first.videos.keys():
                raise ConversionError(
                    f"{self._source.where(episode.table)}: episode {episode.name!r} has videos of the "
                    f"cameras {', '.join(episode.videos)}, episode {first.name!r} of "
                    f"{', '.join(first.videos)}"
                )
        return with_alike_rows(self._source, episodes)

    @cached_property
    def _lengths(self) -> list[int]:
        """Rows of each episode: of its table, or the frames of its videos."""
        lengths = []
        for episode in self._episodes:
            if episode.rows is not None:
                lengths.append(episode.rows.num_rows)
                continue
            counts = {file: self._count(file) for file in episode.videos.values()}
            if len(set(counts.values())) > 1:
                told = ", ".join(f"{file} has {count} frames" for file, count in counts.items())
                raise ConversionError(f"{self._source.where()}: the videos of one episode differ: {told}")
            lengths.append(next(iter(counts.values())))
        return lengths

    def _header(self, file: str) -> VideoHeader:
        """What a video says of itself. Tables may name files that are not there, or not here."""
        if file not in self._source.files:
            raise ConversionError(f"{self._source.where(file)}: the file is missing")
        return probe_video(self._source, file)

    def _count(self, file: str) -> int:
        header = self._header(file)
        if header.frames is not None:
            return header.frames
        with closing(VideoFile(self._source, file)) as video:
            return video.count()

    @cached_property
    def _cameras(self) -> dict[str, _Camera]:
        cameras = {}
        for camera, file in self._episodes[0].videos.items():
            header = self._header(file)
            form = None
            with suppress(ConversionError, MissingDependencyError):  # check() tells whoever converts it
                form = copied_form(self._source, file, RGB)
            cameras[camera] = _Camera((header.height, header.width, 3), form)
        return cameras

    @cached_property
    def _columns(self) -> tuple[dict[str, TableColumn], dict[str, str]]:
        """The table's columns, and why others cannot be read."""
        known: dict[str, TableColumn] = {}
        unreadable: dict[str, str] = {}
        rows = self._episodes[0].rows
        if rows is None:
            return known, unreadable
        for place, field in leaf_fields(rows.schema):
            name = ".".join(place)
            try:
                known[name] = table_column(place, field, rows.slice(0, 1), self._source)
            except ConversionError as exc:
                unreadable[name] = str(exc)
        shared = sorted({*known, *unreadable} & self._cameras.keys())
        if shared:
            raise ConversionError(
                f"{self._source.where(self._episodes[0].table)}: the columns {', '.join(shared)} are called "
                f"like cameras; rename one of them"
            )
        return known, unreadable

    @cached_property
    def _facts(self) -> Facts:
        columns, unreadable = self._columns
        paths = nested_paths([*self._cameras, *columns])
        names = [episode.name for episode in self._episodes]
        alike = len({type(name) for name in names}) == 1
        return Facts(
            format=self.name,
            version="",
            columns=(
                *(
                    SourceColumn(name, paths[name], camera.space, "video", {}, camera.encoded)
                    for name, camera in self._cameras.items()
                ),
                *(
                    SourceColumn(name, paths[name], column.space, column.lossy, column.attributes)
                    for name, column in columns.items()
                ),
            ),
            episodes=episode_table(
                self._lengths,
                names if alike else [str(name) for name in names],  # type: ignore[arg-type]  # all of one kind
                [dict(episode.about) for episode in self._episodes],
            ),
            source_bytes=self._source.total_bytes,
            unreadable=unreadable,
            notes=tuple(self._notes()),
        )

    def _notes(self) -> Iterator[str]:
        more = 0
        for episode in self._episodes:
            if episode.rows is None or episode.frames is None:
                continue
            with suppress(ConversionError, MissingDependencyError):  # check() tells whoever converts it
                counts = [self._header(file).frames for file in episode.videos.values()]
                last = int(episode.frames.max(initial=-1))
                more += any(count is not None and count > last + 1 for count in counts)
        if more:
            yield f"The videos of {more} episodes have more frames than there are rows; these are left out."

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Find missing, damaged and too short videos by their headers."""
        cameras = [name for name in columns if name in self._cameras]
        problems = []
        for position in episodes:
            episode = self._episodes[position]
            needed = (
                self._lengths[position] if episode.frames is None else int(episode.frames.max(initial=-1)) + 1
            )
            for camera in cameras:
                try:
                    self._check_video(camera, episode, needed)
                except ConversionError as exc:
                    problems.append(str(exc))
        if problems:
            more = f"; and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
            raise ConversionError("; ".join(problems[:_MOST_PROBLEMS]) + more)

    def _check_video(self, camera: str, episode: Episode, needed: int) -> None:
        file, shape = episode.videos[camera], self._cameras[camera].shape
        header = self._header(file)
        if (header.height, header.width) != shape[:2]:
            raise ConversionError(
                f"{self._source.where(file)}: its frames are {header.height} x {header.width}, those of the "
                f"first video {shape[0]} x {shape[1]}"
            )
        if header.frames is not None and header.frames < needed:
            raise ConversionError(
                f"{self._source.where(file)}: it has {header.frames} frames, but episode {episode.name!r} "
                f"needs {needed} (by {episode.table}; --option {FRAME_COLUMN}=NAME says which)"
            )

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes; each video is read once where the episodes are in order."""
        spaces = {column.name: column.space for column in self._facts.columns}
        weight = row_bytes([spaces[name] for name in columns if name not in encoded])
        forms = [self._cameras[name].encoded for name in encoded if name in self._cameras]
        weight += sum(form.row_bytes for form in forms if form is not None)
        rows_at_once = max(1, target_bytes // max(1, weight))
        with closing(Cameras(self._source)) as cameras:
            for position in episodes:
                length = self._lengths[position]
                for start in range(0, length, rows_at_once):
                    stop = min(start + rows_at_once, length)
                    values = {
                        name: self._read(
                            name, cameras, self._episodes[position], start, stop, name in encoded
                        )
                        for name in columns
                    }
                    yield Chunk(position, start, stop - start, values, ends_episode=stop == length)

    def _read(
        self, name: str, cameras: Cameras, episode: Episode, start: int, stop: int, as_encoded: bool
    ) -> Any:
        if name in self._cameras:
            read = cameras.packets_of if as_encoded else cameras.frames_of
            numbers = np.arange(start, stop, dtype=np.int64)
            if episode.frames is not None:
                numbers = episode.frames[start:stop]
            file = episode.videos[name]
            if file not in self._source.files:
                raise ConversionError(f"{self._source.where(file)}: the file is missing")
            return read(name, file, numbers, RGB, self._cameras[name].shape)
        where = f"{self._source.where(episode.table)}, episode {episode.name!r}"
        column = self._columns[0][name]
        if episode.rows is None:
            raise ConversionError(f"{where}: the column {name} is missing")
        rows = episode.rows.slice(start, stop - start)
        return column.read(rows, self._source, where, as_encoded=False, nulls_are_nan=self._nulls_are_nan)

    def close(self) -> None:
        """Nothing stays open between calls."""


_MOST_PROBLEMS = 8
