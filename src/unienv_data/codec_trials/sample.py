"""A sample of the frames of a dataset, ours or in any format that is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unienv_data.base import BatchBase
from unienv_data.columns import choose
from unienv_data.conversion.planning.selection import choose_columns
from unienv_data.errors import ConversionError, EmptyDataError
from unienv_data.formats import Source, open_reader
from unienv_data.formats.naming import Path, path_name
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.store.objects import shown_url
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace
from unienv_interface.space.space import AnySpace

__all__ = ["SampledColumn", "sample_columns"]

T = TypeVar("T")

MOST_RUNS = 4
"""Episodes that are looked into, evenly spread."""
MOST_BYTES = 128 << 20
"""Of a column's sample, decoded."""
_LEAST_SIDE = 8


@dataclass(frozen=True, eq=False)
class SampledColumn:
    """Rows of one column.

    Attributes:
        name: the column's path, `observation/images/top`.
        space: of a row, on the NumPy backend.
        runs: rows that follow one another, (N_i, *shape) each.
        lossy: what has already changed the recorded values in the source, or None.
    """

    name: str
    space: AnySpace
    runs: tuple[NDArray[Any], ...]
    lossy: str | None = None

    @property
    def rows(self) -> int:
        """Rows of all runs together."""
        return sum(map(len, self.runs))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a row."""
        return self.runs[0].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return self.runs[0].shape[1:]


def sample_columns(
    source: str,
    *,
    columns: Sequence[str] = (),
    rows: int = 128,
    format: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> list[SampledColumn]:
    """Rows of the columns that hold frames: runs from the beginnings of some episodes, evenly spread.

    Args:
        source: a dataset of ours, or a recording in any known format: a path or a URL.
        columns: patterns of the columns to take, of frames or not; all that hold frames where empty.
        rows: about how many of each column, at least one.
        format: the format of a recording; None has it detected.
        storage_options: handed to the fsspec filesystem.

    Raises:
        ConversionError: the source cannot be read; no column holds frames, or is meant by a pattern.
        PathError: a pattern means no column of a dataset.
        EmptyDataError: there are no rows.
        MissingDependencyError: a column needs a package that is not installed.
    """
    options, rows = dict(storage_options or {}), max(rows, 1)
    if format is None and ReplayBuffer.is_loadable_from(source, storage_options=options):
        return _of_dataset(source, columns, rows, options)
    return _of_recording(Source(source, options), format, columns, rows)


def _of_dataset(
    url: str, patterns: Sequence[str], rows: int, options: Mapping[str, Any]
) -> list[SampledColumn]:
    with open_dataset(url, storage_options=options) as buffer:
        leaves = {path_name(path) or "value": (path, space) for path, space in _leaves(buffer.single_space)}
        chosen = choose(dict.fromkeys(patterns, True), leaves) if patterns else leaves
        wanted = {name: leaf for name, leaf in leaves.items() if name in chosen}
        wanted = _only_frames(url, {name: leaf[1] for name, leaf in wanted.items()}, bool(patterns), wanted)
        if not len(buffer):
            raise EmptyDataError(f"{shown_url(url)}: the dataset has no rows to try codecs on")
        segments = buffer.get_segments() or [(0, len(buffer))]
        about = buffer.attributes.get("columns", {})
        found = []
        for name, (path, space) in wanted.items():
            view: BatchBase[Any, Any, Any, Any, Any] = buffer.get_column(path) if path else buffer
            runs = [
                np.asarray(view.get_at(range(start, start + count)))
                for start, count in _spans(segments, min(rows, _most_rows(space)))
            ]
            found.append(SampledColumn(name, space, tuple(runs), about.get(name, {}).get("lossy")))
    return found


def _of_recording(
    source: Source, format: str | None, patterns: Sequence[str], rows: int
) -> list[SampledColumn]:
    with open_reader(source, format) as reader:
        facts = reader.facts()
        columns = {path_name(each.path): each for each in choose_columns(facts, patterns)}
        spaces = {name: column.space for name, column in columns.items()}
        columns = _only_frames(source.uri, spaces, bool(patterns), columns)
        bounds = np.concatenate([[0], np.cumsum(facts.lengths)]).tolist()
        episodes = [episode for episode, length in enumerate(facts.lengths) if length]
        if not episodes:
            raise EmptyDataError(f"{source.shown}: the recording has no rows to try codecs on")
        found = []
        for name, column in columns.items():
            reader.check([column.name], episodes[:1])
            most = min(rows, _most_rows(column.space))
            segments = [(bounds[episode], bounds[episode + 1]) for episode in episodes]
            runs = []
            for start, count in _spans(segments, most):
                episode = int(np.searchsorted(bounds, start, side="right")) - 1
                runs.append(_beginning(reader.chunks([column.name], [episode]), column.name, count))
            found.append(SampledColumn(name, column.space, tuple(runs), column.lossy))
    return found


def _beginning(chunks: Iterator[Any], name: str, count: int) -> NDArray[Any]:
    """The first rows of an episode."""
    parts: list[NDArray[Any]] = []
    while count > 0:
        chunk = next(chunks, None)
        if chunk is None:
            break
        parts.append(np.asarray(chunk.columns[name])[:count])
        count -= len(parts[-1])
    return np.concatenate(parts)


def _only_frames(
    source: str, spaces: Mapping[str, AnySpace], named: bool, columns: Mapping[str, T]
) -> dict[str, T]:
    """The columns whose codec is worth a thought: those that were named, or those of frames."""
    wrong = [name for name, space in spaces.items() if not isinstance(space, BoxSpace | BinarySpace)]
    if named and wrong:
        raise ConversionError(
            f"{shown_url(source)}: {', '.join(wrong)}: codecs are tried on arrays of one shape only"
        )
    found = {name: columns[name] for name, space in spaces.items() if named or _is_frame(space)}
    if not found:
        raise ConversionError(
            f"{shown_url(source)}: no column holds frames; name those to try codecs on with --columns, of "
            f"{', '.join(spaces)}"
        )
    return found


def _is_frame(space: AnySpace) -> bool:
    if not isinstance(space, BoxSpace) or str(np.dtype(space.dtype)) not in ("uint8", "uint16"):
        return False
    return len([length for length in space.shape if length >= _LEAST_SIDE]) >= 2


def _leaves(space: AnySpace, path: Path = ()) -> Iterator[tuple[Path, AnySpace]]:
    if isinstance(space, DictSpace):
        for key, member in space.spaces.items():
            yield from _leaves(member, (*path, key))
    else:
        yield path, space


def _most_rows(space: AnySpace) -> int:
    row = int(np.prod(space.shape or (), dtype=np.int64)) * int(np.dtype(space.dtype).itemsize)
    return max(MOST_BYTES // max(row, 1), 1)


def _spans(segments: Sequence[tuple[int, int]], rows: int) -> list[tuple[int, int]]:
    """(start, count) of the beginnings of some segments, evenly spread, with at most so many rows."""
    wanted = min(MOST_RUNS, len(segments), rows)
    places = [round(number * (len(segments) - 1) / max(1, wanted - 1)) for number in range(wanted)]
    chosen = [segments[place] for place in dict.fromkeys(places)]
    spans, left = [], rows
    for number, (start, stop) in enumerate(chosen):
        count = min(stop - start, -(-left // (len(chosen) - number)))
        spans.append((start, count))
        left -= count
    return [span for span in spans if span[1]]
