"""The statistics of rows that are kept: read once, in order, and images by a sample of them.

What a conversion has seen already is not read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unienv_data.base.paths import Path
from unienv_data.indexing import RowIndex
from unienv_data.progress import NO_PROGRESS, Progress, Task
from unienv_data.statistics import DatasetAccumulator, paths_of, series_of, spaces_of
from unienv_data.store import pool
from unienv_interface.space.space import AnySpace

__all__ = ["RowReader", "gathered_statistics", "sampled_rows"]

READ_BYTES = 16 << 20
"""Decoded bytes that are read at once."""

SAMPLE_BYTES, SAMPLE_ROWS = 16 << 20, 64
"""What is looked at of images: so many decoded bytes, or rows where these are more; of video, whose
frames need others to be decoded, so many rows."""


class RowReader(Protocol):
    """What rows are read from."""

    single_space: AnySpace

    def __len__(self) -> int: ...

    def _read_parts(self, rows: RowIndex, paths: Sequence[Path]) -> tuple[tuple[Any, ...], Any]: ...


def sampled_rows(
    count: int, row_bytes: int, *, every: bool = False, is_video: bool = False
) -> NDArray[np.int64]:
    """The rows of a column of images that are looked at, evenly spread.

    Args:
        count: rows that there are.
        row_bytes: of one, decoded.
        every: look at all of them.
        is_video: whether they are stored as video.
    """
    most = SAMPLE_ROWS if is_video else max(SAMPLE_ROWS, SAMPLE_BYTES // max(1, row_bytes))
    taken = count if every else min(count, most)
    return (np.arange(taken, dtype=np.int64) * count) // max(1, taken)


def gathered_statistics(
    batch: RowReader,
    segments: Sequence[tuple[int, int]],
    *,
    collected: DatasetAccumulator | None = None,
    every_frame: bool = False,
    videos: Collection[str] = (),
    progress: Progress = NO_PROGRESS,
) -> DatasetAccumulator:
    """The statistics of all rows, and of each segment.

    Args:
        batch: the rows.
        segments: half-open (start, stop) ranges of rows, ascending and apart.
        collected: what is known already, of these very rows and segments.
        every_frame: look at every frame of images, and not at a sample.
        videos: paths of the columns that are stored as video.
        progress: told the rows that are read.
    """
    space = batch.single_space
    spaces, paths = spaces_of(space), paths_of(space)
    known = set() if collected is None else set(collected.series)
    images = {
        path: series
        for path, part in spaces.items()
        if path not in known and (series := series_of(part)) is not None and series.is_image
    }
    rest = {path: spaces[path] for path in spaces if path not in known | set(images)}
    others = DatasetAccumulator(rest, each=pool.map_threaded)
    count = len(batch)
    samples = {
        path: sampled_rows(count, series.row_bytes, every=every_frame, is_video=path in videos)
        for path, series in images.items()
    }
    read = [path for path, series in others.series.items() if series is not None]
    total = (count if read else 0) + sum(map(len, samples.values()))
    with progress.task("statistics", total=total, unit="row") as task:
        width = sum(series.row_bytes for series in others.series.values() if series is not None)
        rows = np.arange(count, dtype=np.int64)
        _take(batch, others, {path: paths[path] for path in read}, rows, width, segments, task)
        found = others if collected is None else collected.beside(others)
        for path, series in images.items():
            mine = DatasetAccumulator({path: spaces[path]})
            _take(batch, mine, {path: paths[path]}, samples[path], series.row_bytes, segments, task)
            found = found.beside(mine)
    return found


def _take(
    batch: RowReader,
    into: DatasetAccumulator,
    paths: dict[str, Path],
    rows: NDArray[np.int64],
    row_bytes: int,
    segments: Sequence[tuple[int, int]],
    task: Task,
) -> None:
    """Have rows of some columns counted, segment by segment."""
    step = max(1, READ_BYTES // max(1, row_bytes))
    blocks = _blocks(batch, list(paths.values()), rows, step) if paths else iter(())
    held: tuple[NDArray[np.int64], tuple[Any, ...]] | None = None
    for start, stop, is_segment in _spans(segments, len(batch)):
        first, last = np.searchsorted(rows, [start, stop])
        into.tally(stop - start)
        while paths and first < last:
            if held is None or held[0][-1] < rows[first]:
                held = next(blocks)
                task.advance(len(held[0]))
            begin = int(np.searchsorted(held[0], rows[first]))
            end = int(np.searchsorted(held[0], rows[last - 1], side="right"))
            parts = zip(paths, held[1], strict=True)
            into.add({path: values[begin:end] for path, values in parts})
            first += end - begin
        if is_segment:
            into.end_episode(stop - start)
        else:
            into.end_rows()


def _blocks(
    batch: RowReader, paths: Sequence[Path], rows: NDArray[np.int64], step: int
) -> Iterator[tuple[NDArray[np.int64], tuple[Any, ...]]]:
    for start in range(0, len(rows), step):
        wanted = rows[start : start + step]
        is_run = int(wanted[-1] - wanted[0]) + 1 == len(wanted)
        index: Any = range(int(wanted[0]), int(wanted[-1]) + 1) if is_run else wanted
        values, _ = batch._read_parts(index, paths)
        yield wanted, tuple(np.asarray(part) for part in values)


def _spans(segments: Sequence[tuple[int, int]], count: int) -> Iterator[tuple[int, int, bool]]:
    """The segments and what lies between them, in order: (start, stop, whether it is a segment)."""
    done = 0
    for start, stop in segments:
        if start > done:
            yield done, start, False
        yield start, stop, True
        done = stop
    if done < count:
        yield done, count, False
