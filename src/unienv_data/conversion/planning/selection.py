"""Which columns and episodes of a source are converted. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

import numpy as np

from unienv_data.columns import columns_of, matches
from unienv_data.errors import ConversionError
from unienv_data.formats import Facts, SourceColumn
from unienv_data.formats.base import space_of
from unienv_data.formats.naming import nested_paths, path_name

__all__ = [
    "FRAMES",
    "choose_by_pattern",
    "choose_columns",
    "choose_copied",
    "choose_episodes",
    "frame_codecs",
    "means",
    "stored_names",
]


def means(pattern: str, column: SourceColumn) -> bool:
    """Whether a pattern means a column, by its name (`observation.*`) or by its path (`observation/*`).

    In a path, `*` stands for characters within one part, `**` for any number of parts, and a group stands for
    all that is in it; in a source's name, `*` stands for any characters.
    """
    return fnmatchcase(column.name, pattern) or matches(pattern, path_name(column.path))


def choose_columns(
    facts: Facts, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> list[SourceColumn]:
    """The columns that any of `include` means (all, where it is empty) and none of `exclude` does.

    Raises:
        ConversionError: a pattern means no column; a column is meant that no store can hold; nothing is left.
    """
    known = facts.columns
    paths = nested_paths(facts.unreadable)
    unreadable = [SourceColumn(name, paths[name], known[0].space) for name in facts.unreadable if known]
    for pattern in (*include, *exclude):
        if not any(means(pattern, column) for column in (*known, *unreadable)):
            names = ", ".join(path_name(column.path) for column in known)
            raise ConversionError(f"no column matches {pattern!r}; the columns are {names}")

    def is_chosen(column: SourceColumn) -> bool:
        wanted = not include or any(means(pattern, column) for pattern in include)
        return wanted and not any(means(pattern, column) for pattern in exclude)

    lost = [column.name for column in unreadable if is_chosen(column)]
    if lost:
        reasons = "; ".join(facts.unreadable[name] for name in lost)
        leave_out = " ".join(f"--exclude {name!r}" for name in lost)
        raise ConversionError(f"{reasons}. To convert the rest, leave it out: {leave_out}")
    chosen = [column for column in known if is_chosen(column)]
    if not chosen:
        raise ConversionError("no column is left to convert")
    return chosen


def stored_names(columns: Sequence[SourceColumn]) -> dict[str, str]:
    """Source name -> how the store calls the column: its path, each part escaped where Zarr asks for it."""
    root = columns_of(space_of({column.path: column.space for column in columns}))
    names = {}
    for column in columns:
        node = root
        for key in column.path:
            node = node.child(key)
        names[column.name] = node.name
    return names


_RANGE = re.compile(r"\s*(-?\d+)?\s*(?:(:)\s*(-?\d+)?)?\s*")


def choose_episodes(spec: str | None, lengths: Sequence[int]) -> list[int]:
    """The episodes with rows in `A:B`, as Python slices count; a number alone is one episode, None is all.

    Raises:
        ConversionError: the text is no range, or no rows are in it.

    Example:
        >>> choose_episodes("1:", [5, 5, 0, 5]), choose_episodes("-1", [5, 5, 0, 5])
        ([1, 3], [3])
    """
    count = len(lengths)
    chosen: Iterable[int] = range(count)
    if spec is not None:
        match = _RANGE.fullmatch(spec)
        if match is None or not (match[1] or match[2]):
            raise ConversionError(
                f"episodes {spec!r}: a range such as 0:10, 5:, :-1 or a number was expected"
            )
        if match[2]:
            bounds = (int(text) if text else None for text in (match[1], match[3]))
            chosen = range(count)[slice(*bounds)]
        elif -count <= int(match[1]) < count:
            chosen = [int(match[1]) % count]
        else:
            raise ConversionError(f"episodes {spec!r}: the source has {count} episodes, 0 to {count - 1}")
    kept = [episode for episode in chosen if lengths[episode]]
    if not kept:
        which = "the source" if spec is None else f"episodes {spec!r} of {count}"
        raise ConversionError(f"there are no rows in {which}")
    return kept


COPY = "copy"
FRAMES: Mapping[str, str | None] = {
    COPY: None,
    "lossless": None,
    "high": "video:h264:crf=18",
    "small": "video:av1:crf=30",
}
"""What `--frames` takes, and how frames are then encoded anew; None is the store's own codec."""

_DEPTH = "video:ffv1"
_FRAME_BYTES = 4096


def choose_copied(columns: Sequence[SourceColumn], frames: str, chosen: Mapping[str, str]) -> list[str]:
    """The columns (by source name) that are stored as they are encoded in the source.

    Args:
        columns: what is converted.
        frames: one of FRAMES.
        chosen: the codecs that were chosen, by source name; where it is the one that the rows are in, they
            need not be encoded anew.

    Raises:
        ConversionError: there is no such choice for frames.
    """
    if frames not in FRAMES:
        raise ConversionError(f"frames {frames!r}: one of {', '.join(FRAMES)} was expected")
    if frames != COPY:
        return []
    return [c.name for c in columns if c.encoded and chosen.get(c.name, c.encoded.codec) == c.encoded.codec]


def frame_codecs(columns: Sequence[SourceColumn], frames: str) -> dict[str, str]:
    """The codec specification of each column (by source name) of frames that are encoded anew.

    Depth never loses.
    """
    spec = FRAMES[frames]
    if spec is None:
        return {}
    found = {}
    for column in columns:
        shape, dtype = column.space.shape, column.space.dtype
        if shape is None or len(shape) < 2 or dtype is None or np.dtype(dtype).kind != "u":
            continue
        width = np.dtype(dtype).itemsize
        if width > 2 or (int(np.prod(shape)) * width < _FRAME_BYTES and column.encoded is None):
            continue
        if len(shape) == 2 or shape[-1] in (1, 3) or shape[-3] in (1, 3):
            found[column.name] = spec if width == 1 else _DEPTH
    return found


T = TypeVar("T")


def choose_by_pattern(columns: Sequence[SourceColumn], choices: Mapping[str, T]) -> dict[str, T]:
    """What was chosen for each column (by source name) that a pattern means; the last one counts.

    Args:
        columns: what is converted.
        choices: pattern -> a codec specification, a number of rows.

    Raises:
        ConversionError: a pattern means no column that is converted.
    """
    chosen: dict[str, T] = {}
    for pattern, choice in choices.items():
        meant = [column.name for column in columns if means(pattern, column)]
        if not meant:
            names = ", ".join(path_name(column.path) for column in columns)
            raise ConversionError(
                f"no column matches {pattern!r}, to which {choice!r} was given; converted are {names}"
            )
        chosen.update(dict.fromkeys(meant, choice))
    return chosen
