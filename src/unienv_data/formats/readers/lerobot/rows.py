"""The rows of episodes, from files that are opened once where episodes come in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.lerobot.columns import VideoColumn
from unienv_data.formats.readers.lerobot.episodes import Episode
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.parquet import ParquetRows

__all__ = ["DataFiles", "frame_numbers"]

LARGEST_BATCH = 16384


class DataFiles:
    """The Parquet files, of which one is open at a time.

    Args:
        source: the dataset.
        columns: what to read.
        rows_at_once: how many rows to decode at a time, at most.
        listing: where the dataset lists its episodes, for messages.
    """

    def __init__(self, source: Source, columns: Sequence[str], rows_at_once: int, listing: str) -> None:
        self._source = source
        self._listing = listing
        self._columns = columns
        self._batch_rows = min(rows_at_once, LARGEST_BATCH)
        self._file: ParquetRows | None = None
        self._runs: dict[int, list[tuple[int, int]]] = {}  # episode -> the row ranges where its rows stand

    def rows_of(self, episode: Episode, rows_at_once: int) -> Iterator[tuple[int, pa.Table]]:
        """The episode's rows: where they begin within it, and the columns asked.

        Raises:
            ConversionError: the file is missing or damaged, or has other rows than the metadata says.
        """
        if not episode.length:
            return
        file = self._open(episode.data_file)
        where = self._source.where(episode.data_file)
        runs = self._runs.get(episode.index, [])
        found = sum(stop - start for start, stop in runs)
        if found != episode.length:
            raise ConversionError(
                f"{where}: episode {episode.index} has {found} rows here, but {self._listing} gives "
                f"it {episode.length}"
            )
        if len(runs) != 1:
            raise ConversionError(f"{where}: the rows of episode {episode.index} do not stand together")
        first = runs[0][0]
        for start in range(0, episode.length, rows_at_once):
            stop = min(start + rows_at_once, episode.length)
            yield start, file.read(first + start, first + stop)

    def _open(self, name: str) -> ParquetRows:
        if self._file is None or self._file.name != name:
            self.close()
            self._file = ParquetRows(self._source, name, self._columns, self._batch_rows)
            owners = self._file.column("episode_index").to_numpy()
            if owners.dtype.kind not in "iu":
                raise ConversionError(
                    f"{self._source.where(name)}: episode_index is not an integer in every row"
                )
            self._runs = _runs_of(owners)
        return self._file

    def close(self) -> None:
        """Close the open file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _runs_of(owners: NDArray[Any]) -> dict[int, list[tuple[int, int]]]:
    """The ranges of rows that have one owner each."""
    edges = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(owners)]
    runs: dict[int, list[tuple[int, int]]] = {}
    for start, stop in pairwise(edges):
        if stop > start:
            runs.setdefault(int(owners[start]), []).append((start, stop))
    return runs


def frame_numbers(column: VideoColumn, episode: Episode, rows: pa.Table, where: str) -> NDArray[np.int64]:
    """The numbers (B,) of an episode's rows' frames within their video file, by their frame_index.

    Args:
        column: the camera's.
        episode: whose rows they are.
        rows: of the table.
        where: the table's address, for messages.

    Raises:
        ConversionError: the indexes are none, or leave the episode.
    """
    indexes = rows[column.needs].to_numpy()
    if indexes.dtype.kind not in "iu":
        raise ConversionError(
            f"{where}: frame_index of episode {episode.index} is not an integer in every row"
        )
    if indexes.min(initial=0) < 0 or indexes.max(initial=0) >= episode.length:
        raise ConversionError(
            f"{where}: frame_index of episode {episode.index} leaves the episode's {episode.length} rows"
        )
    return episode.clips[column.name].first + indexes.astype(np.int64)
