"""Recordings made by hand, for writers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unienv_data.formats import Chunk, Facts, SourceColumn, Writer
from unienv_data.formats.naming import nested_paths
from unienv_data.formats.tabular.arrow import array_space, text_space

LENGTHS = (5, 1, 9, 4)


@dataclass(frozen=True)
class Made:
    """Facts, and the rows of all episodes one after another."""

    facts: Facts
    values: Mapping[str, NDArray[Any]]

    def chunks(self, rows: int = 3) -> Iterator[Chunk]:
        """The rows in chunks of at most so many."""
        first = 0
        for episode, length in enumerate(self.facts.lengths):
            for start in range(0, length, rows):
                stop = min(start + rows, length)
                columns = {name: array[first + start : first + stop] for name, array in self.values.items()}
                yield Chunk(episode, start, stop - start, columns, ends_episode=stop == length)
            first += length


def values_of_every_kind(rows: int) -> dict[str, NDArray[Any]]:
    """Numbers of all dtypes and some shapes, texts and frames."""
    rng = np.random.default_rng(0)
    found: dict[str, NDArray[Any]] = {}
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        info = np.iinfo(name)
        found[f"numbers.{name}"] = rng.integers(info.min, info.max, rows, dtype=name, endpoint=True)
    for name in ("float16", "float32", "float64"):
        found[f"numbers.{name}"] = rng.normal(size=(rows, 3)).astype(name)
    found["numbers.float32"][0] = [np.nan, -np.inf, -0.0]
    found["flag"] = rng.random(rows) < 0.5
    found["flags"] = rng.random((rows, 2)) < 0.5
    found["matrix"] = rng.normal(size=(rows, 2, 3))
    found["one"] = rng.normal(size=(rows, 1)).astype(np.float32)
    found["observation.image"] = smooth_frames(rng, rows, 3)
    found["observation.grey"] = smooth_frames(rng, rows, 1)
    found["action"] = rng.normal(size=(rows, 2)).astype(np.float32)
    found["task"] = np.array([("push", "wait – é🙂", "")[row // 4 % 3] for row in range(rows)], dtype=object)
    return found


def smooth_frames(rng: np.random.Generator, rows: int, channels: int) -> NDArray[np.uint8]:
    small = rng.integers(0, 256, (rows, 4, 6, channels), dtype=np.uint8)
    return small.repeat(12, axis=1).repeat(12, axis=2)


def make(
    values: Mapping[str, NDArray[Any]] | None = None,
    lengths: Sequence[int] = LENGTHS,
    episodes: Mapping[str, Sequence[Any]] | None = None,
    attributes: Mapping[str, Any] | None = None,
    about: Mapping[str, Mapping[str, Any]] | None = None,
) -> Made:
    """A recording of these columns.

    Args:
        values: name -> rows of all episodes; every kind, where it is None.
        lengths: of the episodes.
        episodes: more columns of the episode table.
        attributes: of the whole.
        about: attributes of columns.
    """
    values = values_of_every_kind(sum(lengths)) if values is None else values
    paths = nested_paths(values)
    columns = tuple(
        SourceColumn(
            name,
            paths[name],
            text_space() if array.dtype == object else array_space(array.dtype, array.shape[1:]),
            attributes=(about or {}).get(name, {}),
        )
        for name, array in values.items()
    )
    table = {"length": list(lengths), "source_episode": list(range(len(lengths))), **(episodes or {})}
    facts = Facts("made", "1", columns, pa.table(table), 1, attributes=attributes or {})
    return Made(facts, values)


def write(
    writer: type[Writer], place: Path, made: Made, options: Mapping[str, str] | None = None, rows: int = 3
) -> Path:
    """Write a recording as whoever exports does."""
    writer.check(made.facts, options)
    with writer.open(place, made.facts, options) as opened:
        for chunk in made.chunks(rows):
            opened.write(chunk)
        opened.finish()
    return place
