"""A source as somebody wants it: a Reader around another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa

from unienv_data.conversion.shaping.changes import Change, Place
from unienv_data.conversion.shaping.columns import MASK, NEXT, ShapedColumn, shape_columns
from unienv_data.conversion.shaping.finals import COLUMN, NONE, PADDING, ROW, blank_row, rows_between
from unienv_data.conversion.shaping.instructions import fill_episodes
from unienv_data.conversion.shaping.rules import ShapingRules
from unienv_data.errors import ConversionError
from unienv_data.formats import (
    DEFAULT_CHUNK_BYTES,
    Chunk,
    Facts,
    Reader,
    Source,
    SourceColumn,
    detect,
    open_reader,
)
from unienv_data.formats.base import row_bytes
from unienv_data.formats.naming import path_name

__all__ = ["Shaped"]


class Shaped(Reader):
    """What another reader reads, in the shape that rules give it.

    No column of it has a value after an episode's last row: the rules give it a place.

    Args:
        inner: reads the source; closed with this one.
        shown: the source's address, for messages.
        rules: what becomes of its columns.
    """

    name = "shaped"
    title = "a recording of any format, in another shape"
    layout = "a recording of any format"

    def __init__(self, inner: Reader, shown: str, rules: ShapingRules) -> None:
        self._inner = inner
        self._shown = shown
        self._rules = rules

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether the source is of a known format."""
        return bool(detect(source))

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """The source as rules shape it that say nothing; the options are its format's."""
        return cls(open_reader(source, None, options), source.where(), ShapingRules())

    def facts(self) -> Facts:
        """What the source holds once it is shaped."""
        return self._facts

    @cached_property
    def _columns(self) -> dict[str, ShapedColumn]:
        return shape_columns(self._inner.facts().columns, self._rules)

    @cached_property
    def _finals(self) -> list[str]:
        """The columns whose episodes have a value after their last row."""
        return [path_name(column.path) for column in self._inner.facts().columns if column.has_final]

    @property
    def _adds_row(self) -> bool:
        return bool(self._finals) and self._rules.next_observation == ROW

    @cached_property
    def _facts(self) -> Facts:
        facts = self._inner.facts()
        episodes = facts.episodes
        if self._adds_row:
            place = episodes.column_names.index("length")
            longer = [length + 1 if length else 0 for length in facts.lengths]
            episodes = episodes.set_column(place, "length", pa.array(longer, pa.int64()))
        if self._rules.task is not None:
            episodes = fill_episodes(episodes, self._rules.task)
        attributes = dict(facts.attributes)
        notes = list(facts.notes)
        if self._finals:
            attributes["next_observation"] = self._rules.next_observation
            notes.append(_note(self._finals, self._rules.next_observation))
        return replace(
            facts,
            columns=tuple(item.column for item in self._columns.values()),
            episodes=episodes,
            attributes=attributes,
            notes=tuple(notes),
        )

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Find what would make `chunks` fail, as far as the source's reader does."""
        self._inner.check(self._needed(columns), episodes)

    def _needed(self, columns: Sequence[str]) -> list[str]:
        origins = [self._columns[name].origin for name in columns]
        return list(dict.fromkeys(origin.name for origin in origins if origin is not None))

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes, shaped."""
        needed = self._needed(columns)
        if not needed:
            yield from self._made(columns, episodes, target_bytes)
            return
        kept = self._kept(columns, encoded)
        options: dict[str, Any] = {"encoded": kept} if kept else {}
        target = self._inner_target(columns, kept, target_bytes)
        for chunk in self._inner.chunks(needed, episodes, target_bytes=target, **options):
            values = {name: self._changed(name, rows, chunk) for name, rows in chunk.columns.items()}
            rows = {name: self._rows(self._columns[name], values, chunk.rows) for name in columns}
            ends = chunk.ends_episode and not self._adds_row
            yield replace(chunk, columns=rows, ends_episode=ends)
            if chunk.ends_episode and self._adds_row:
                last = {name: self._last_row(self._columns[name], values, chunk.rows) for name in columns}
                yield Chunk(chunk.episode, chunk.start + chunk.rows, 1, last, ends_episode=True)

    def _kept(self, columns: Sequence[str], encoded: Collection[str]) -> list[str]:
        """The source's columns that are wanted as they are encoded."""
        kept: dict[str, bool] = {}
        for name in columns:
            origin = self._columns[name].origin
            if origin is not None and kept.setdefault(origin.name, name in encoded) != (name in encoded):
                raise ConversionError(
                    f"{origin.name} and what follows each of its rows have the same frames: both are kept as "
                    f"they are encoded, or both are encoded anew; give the same --codec to both"
                )
        return [name for name, is_kept in kept.items() if is_kept]

    def _inner_target(self, columns: Sequence[str], kept: Collection[str], target_bytes: int) -> int:
        """How large the source's chunks may be, so that what is made of them is as large as was asked."""
        items = [self._columns[name] for name in columns]
        decoded = [item for item in items if item.origin is None or item.origin.name not in kept]
        origins = {item.origin.name: item.origin.space for item in decoded if item.origin is not None}
        before = row_bytes(list(origins.values()))
        after = row_bytes([item.column.space for item in decoded])
        return max(1, target_bytes * before // max(before, after, 1)) if before else target_bytes

    @cached_property
    def _changes(self) -> dict[str, tuple[SourceColumn, tuple[Change, ...]]]:
        """What is done to the values of each of the source's columns."""
        items = self._columns.values()
        return {item.origin.name: (item.origin, item.changes) for item in items if item.origin is not None}

    def _changed(self, name: str, values: Any, chunk: Chunk) -> Any:
        origin, changes = self._changes[name]
        episode = self._inner.facts().episodes["source_episode"][chunk.episode].as_py()
        for change in changes:
            values = change(values, Place(self._shown, origin.name, str(episode), chunk.start))
        return values

    def _rows(self, item: ShapedColumn, values: Mapping[str, Any], count: int) -> Any:
        """What a column has in the rows of a chunk."""
        if item.origin is None:
            return self._without_origin(item, count)
        given = values[item.origin.name]
        if not item.origin.has_final:
            return given
        first = 1 if item.role == NEXT else 0
        return rows_between(item.column.space, given, first, first + count)

    def _last_row(self, item: ShapedColumn, values: Mapping[str, Any], count: int) -> Any:
        """What a column has in the row that is added to an episode."""
        if item.role == MASK:
            return np.ones(1, np.bool_)
        if item.origin is None:
            return self._without_origin(item, 1)
        if item.origin.has_final:
            return rows_between(item.column.space, values[item.origin.name], count, count + 1)
        return blank_row(item.column.space)

    def _without_origin(self, item: ShapedColumn, count: int) -> Any:
        if item.role == MASK:
            return np.zeros(count, np.bool_)
        return np.full(count, self._rules.task, dtype=object)

    def _made(self, columns: Sequence[str], episodes: Sequence[int], target_bytes: int) -> Iterator[Chunk]:
        """The rows where nothing of the source is asked for."""
        weight = row_bytes([self._columns[name].column.space for name in columns])
        at_once = max(1, target_bytes // max(1, weight))
        for episode in episodes:
            length = self._inner.facts().lengths[episode]
            for start in range(0, length, at_once):
                count = min(at_once, length - start)
                ends = start + count == length
                rows = {name: self._rows(self._columns[name], {}, count) for name in columns}
                yield Chunk(episode, start, count, rows, ends and not self._adds_row)
                if ends and self._adds_row:
                    last = {name: self._last_row(self._columns[name], {}, count) for name in columns}
                    yield Chunk(episode, length, 1, last, True)

    def close(self) -> None:
        """Close the source's reader."""
        self._inner.close()


def _note(finals: Sequence[str], choice: str) -> str:
    names = f"{', '.join(finals[:4])}{' ...' if len(finals) > 4 else ''}"
    kept = {
        COLUMN: "next_... has what was observed after each row",
        ROW: f"a row more has it, where {PADDING} is true",
        NONE: "it is left out",
    }[choice]
    return f"Episodes have a last value after their last row of {names}: {kept} (--next-observation)."
