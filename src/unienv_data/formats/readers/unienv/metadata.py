"""What `metadata.json` says of a UniEnv replay buffer: where its rows lie, and which make an episode.

From what UniEnv 0.0.1b16 writes: `count` rows, the oldest of which stands at `offset` of a ring (`capacity`);
`physical_segments`, the first and the last row of each episode as they stand on disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source

__all__ = ["METADATA", "BufferMetadata", "buffer_document", "load_buffer_metadata"]

METADATA = "metadata.json"

_STORAGE = "storage_path_relative"
_CLASS = "storage_cls"


@dataclass(frozen=True)
class BufferMetadata:
    """Where the rows of a buffer lie.

    Args:
        storage: the kind of its storage, the last part of the class's name.
        place: where the storage lies within the source.
        episodes: the rows of each episode on disk, from and to before; two ranges where it goes over the end
            of the ring.
        has_segments: whether episodes were kept apart.
    """

    storage: str
    place: str
    episodes: tuple[tuple[tuple[int, int], ...], ...]
    has_segments: bool

    @property
    def lengths(self) -> list[int]:
        """Rows of each episode."""
        return [sum(stop - start for start, stop in ranges) for ranges in self.episodes]

    @property
    def rows(self) -> int:
        """How many rows the storage has to have."""
        return max((stop for ranges in self.episodes for _, stop in ranges), default=0)


def buffer_document(source: Source) -> Mapping[str, Any] | None:
    """What metadata.json holds, if it is that of a UniEnv replay buffer."""
    if METADATA not in source.files:
        return None
    try:
        document = json.loads(source.read(METADATA))
    except ValueError:
        return None
    return document if isinstance(document, dict) and {_STORAGE, _CLASS} <= document.keys() else None


def load_buffer_metadata(source: Source) -> BufferMetadata:
    """Read metadata.json.

    Raises:
        ConversionError: it is missing or damaged, or contradicts itself; every problem is told.
    """
    where = source.where(METADATA)
    document = buffer_document(source)
    if document is None:
        raise ConversionError(f"{where}: not the metadata of a UniEnv replay buffer ({_CLASS}, {_STORAGE})")
    count, offset, capacity = (document.get(key) for key in ("count", "offset", "capacity"))
    segments = document.get("physical_segments")
    problems = [
        f"{key} is {value!r}, not a number of rows"
        for key, value in (("count", count), ("offset", offset))
        if not _is_count(value)
    ]
    if capacity is not None and not _is_count(capacity):
        problems.append(f"capacity is {capacity!r}, neither null nor a number of rows")
    if segments is not None and not (
        isinstance(segments, list)
        and all(isinstance(pair, list) and len(pair) == 2 and all(map(_is_count, pair)) for pair in segments)
    ):
        problems.append("physical_segments is not a list of pairs of rows")
    if not isinstance(document[_STORAGE], str) or not isinstance(document[_CLASS], str):
        problems.append(f"{_STORAGE} or {_CLASS} is no text")
    if problems:
        raise ConversionError(f"{where}: {'; '.join(problems)}")
    size = int(count or 0) if capacity is None else int(capacity)
    if segments is not None:
        episodes = tuple(_ranges(first, last + 1, size) for first, last in segments)
    else:
        first = int(offset or 0)
        last = first + int(count or 0)
        episodes = (_ranges(first, last if last <= size else last - size, size),) if count else ()
    metadata = BufferMetadata(
        document[_CLASS].rsplit(".", 1)[-1], document[_STORAGE], episodes, segments is not None
    )
    if sum(metadata.lengths) != count or metadata.rows > size:
        raise ConversionError(
            f"{where}: count is {count}, but physical_segments have {sum(metadata.lengths)} rows of {size}"
        )
    return metadata


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _ranges(start: int, stop: int, size: int) -> tuple[tuple[int, int], ...]:
    """The rows of an episode; those of one that goes over the end of the ring in two ranges."""
    if start < stop:
        return ((start, stop),)
    return tuple(pair for pair in ((start, size), (0, stop)) if pair[0] < pair[1])
