"""Minari's Arrow form: a folder an episode, `<n>/part-0.arrow`, whose columns are structs.

All columns have T + 1 rows; those after the T steps mean something in `observations` and `infos` alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unienv_data.errors import ConversionError
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
from unienv_data.formats.hdf5.attributes import json_value
from unienv_data.formats.media.jpeg_frames import decoded_frames, frame_shape, jpeg_form, kept_frames
from unienv_data.formats.readers.minari.metadata import (
    METADATA,
    Metadata,
    base_of,
    load_metadata,
)
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.arrow import ArrowColumn, array_space
from unienv_data.formats.tabular.episode_columns import episode_table
from unienv_data.formats.tabular.json_objects import read_object
from unienv_interface.space.space import AnySpace

__all__ = ["MinariArrow"]

_PART = re.compile(r"(\d+)/part-(\d+)\.arrow")
_WITH_FINAL = ("observations", "infos")
_OWN = ("id", "total_steps")
_SHAPE = b"shape"


@dataclass(frozen=True)
class _Leaf:
    """One leaf of the structs.

    Args:
        path: the names of the structs' fields.
        arrow: how numbers and texts are read; None for JPEG files.
        shape: of a frame, where it is one.
        file_bytes: what a JPEG file weighs, about.
    """

    path: tuple[str, ...]
    arrow: ArrowColumn | None
    shape: tuple[int, ...] = ()
    file_bytes: int = 0

    @property
    def name(self) -> str:
        return "/".join(self.path)

    @property
    def has_final(self) -> bool:
        return self.path[0] in _WITH_FINAL

    @property
    def space(self) -> AnySpace:
        return array_space(np.dtype(np.uint8), self.shape) if self.arrow is None else self.arrow.space

    @property
    def form(self) -> EncodedForm | None:
        return jpeg_form(self.file_bytes) if self.arrow is None else None

    def described(self) -> SourceColumn:
        lossy = "jpeg" if self.arrow is None else None
        return SourceColumn(
            self.name, self.path, self.space, lossy, encoded=self.form, has_final=self.has_final
        )

    def read(self, table: pa.Table, rows: int, where: str, first: int, keep: bool) -> Any:
        """The first rows of a table, and one more where the leaf has a final value."""
        column: Any = table.column(self.path[0]).slice(0, rows + self.has_final)
        if len(self.path) > 1:
            column = pc.struct_field(column, list(self.path[1:]))
        if self.arrow is not None:
            return self.arrow.to_numpy(column, where)
        cells = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

        def file(row: int) -> bytes:
            data = cells[row].as_py()
            if data is None:
                raise ConversionError(f"{where}, row {first + row}: {self.name} has no image")
            return bytes(data)

        where = f"{where}, {self.name}"
        if keep:
            return kept_frames(file, len(cells), self.shape, where)
        return decoded_frames(file, len(cells), self.shape, where, first)


class MinariArrow(Reader):
    """Reads the Arrow form.

    Args:
        source: the dataset.
    """

    name = "minari"
    title = "Minari"
    layout = "a folder with 0/part-0.arrow"

    def __init__(self, source: Source) -> None:
        self._source = source

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there is such a file."""
        base = base_of(source)
        return base is not None and any(_PART.fullmatch(name.removeprefix(base)) for name in source.files)

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the dataset; the format has no options."""
        check_options(cls, options)
        return cls(source)

    @cached_property
    def _base(self) -> str:
        return base_of(self._source) or ""

    @cached_property
    def _metadata(self) -> Metadata:
        return load_metadata(self._source, self._base)

    @cached_property
    def _parts(self) -> dict[int, list[str]]:
        """The files of each episode, in order."""
        found: dict[int, list[tuple[int, str]]] = {}
        for name in self._source.files:
            match = _PART.fullmatch(name.removeprefix(self._base))
            if match and name.startswith(self._base):
                found.setdefault(int(match[1]), []).append((int(match[2]), name))
        return {number: [name for _, name in sorted(found[number])] for number in sorted(found)}

    @cached_property
    def _about(self) -> dict[int, dict[str, Any]]:
        return {
            number: read_object(self._source, f"{self._base}{number}/{METADATA}") for number in self._parts
        }

    @cached_property
    def _lengths(self) -> list[int]:
        lengths = []
        for number, about in self._about.items():
            steps = about.get("total_steps")
            if not isinstance(steps, int) or steps < 0:
                where = self._source.where(f"{self._base}{number}/{METADATA}")
                raise ConversionError(f"{where}: total_steps is {steps!r}, not a number of rows")
            lengths.append(steps)
        return lengths

    @cached_property
    def _leaves(self) -> dict[str, _Leaf | str]:
        """Every leaf by its name; a text says why it cannot be read."""
        position = next((place for place, length in enumerate(self._lengths) if length), 0)
        name = self._files(position)[0]
        with _arrow_file(self._source, name) as reader, _reading(self._source, name):
            first = pa.Table.from_batches([reader.get_batch(0).slice(0, 1)])
        found: dict[str, _Leaf | str] = {}
        for field in first.schema:
            for path, leaf in _flat(field):
                try:
                    found["/".join(path)] = self._leaf(path, leaf, first, self._source.where(name))
                except ConversionError as exc:
                    found["/".join(path)] = str(exc)
        return found

    def _leaf(self, path: tuple[str, ...], field: pa.Field[Any], first: pa.Table, where: str) -> _Leaf:
        name, shape = "/".join(path), self._metadata.shape_of(path)
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            cell: Any = first.column(path[0])[0].as_py()
            for key in path[1:]:
                cell = cell[key]
            height, width, channels = frame_shape(bytes(cell or b""), f"{where}, {name}, row 0")
            flat = channels == 1 and len(shape or ()) == 2
            return _Leaf(path, None, (height, width) if flat else (height, width, channels), len(cell))
        if shape is None and field.metadata and _SHAPE in field.metadata:
            shape = tuple(int(digits) for digits in re.findall(r"\d+", field.metadata[_SHAPE].decode()))
        if not pa.types.is_nested(field.type):
            shape = None
        return _Leaf(path, ArrowColumn.of(name, field.type, shape))

    @cached_property
    def _facts(self) -> Facts:
        self._metadata.check_count(len(self._parts))
        leaves = self._leaves
        about = [
            {key: json_value(value) for key, value in each.items() if key not in _OWN}
            for each in self._about.values()
        ]
        return Facts(
            format=self.name,
            version=self._metadata.version,
            columns=tuple(leaf.described() for leaf in leaves.values() if isinstance(leaf, _Leaf)),
            episodes=episode_table(self._lengths, list(self._parts), about),
            source_bytes=self._source.total_bytes,
            unreadable={name: leaf for name, leaf in leaves.items() if isinstance(leaf, str)},
            attributes=self._metadata.attributes,
        )

    def facts(self) -> Facts:
        """What the dataset holds."""
        return self._facts

    def _known(self, columns: Sequence[str]) -> list[_Leaf]:
        leaves = (self._leaves[name] for name in columns)
        return [leaf for leaf in leaves if isinstance(leaf, _Leaf)]

    def _files(self, position: int) -> list[str]:
        return list(self._parts.values())[position]

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Find files that cannot be opened or have other columns; try one image of each column."""
        problems: list[str] = []
        leaves = self._known(columns)
        tried = False
        for position in episodes:
            for name in self._files(position):
                try:
                    with _arrow_file(self._source, name) as reader, _reading(self._source, name):
                        self._check_schema(name, reader.schema, leaves)
                        if not tried and reader.num_record_batches:
                            tried = True
                            table = pa.Table.from_batches([reader.get_batch(0).slice(0, 2)])
                            for leaf in leaves:
                                if leaf.arrow is None:
                                    leaf.read(table, 1, self._source.where(name), 0, keep=False)
                except ConversionError as exc:
                    problems.append(str(exc))
        if problems:
            more = f"; and {len(problems) - 8} more" if len(problems) > 8 else ""
            raise ConversionError("; ".join(problems[:8]) + more)

    def _check_schema(self, name: str, schema: pa.Schema, leaves: Sequence[_Leaf]) -> None:
        found = {path: field for top in schema for path, field in _flat(top)}
        for leaf in leaves:
            where = f"{self._source.where(name)}: {leaf.name}"
            if leaf.path not in found:
                raise ConversionError(f"{where} is missing")
            type_ = found[leaf.path].type
            if leaf.arrow is None:
                if not (pa.types.is_binary(type_) or pa.types.is_large_binary(type_)):
                    raise ConversionError(f"{where} holds {type_}, elsewhere JPEG files")
            elif ArrowColumn.of(leaf.name, type_, leaf.arrow.shape) != leaf.arrow:
                raise ConversionError(f"{where} holds {type_}, elsewhere {leaf.arrow}")

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes, each read from its own files."""
        leaves = self._known(columns)
        weight = 0
        for leaf in leaves:
            form = leaf.form if leaf.name in encoded else None
            weight += row_bytes([leaf.space]) if form is None else form.row_bytes
        rows_at_once = max(1, target_bytes // max(1, weight))
        for position in episodes:
            length = self._lengths[position]
            where = self._source.where(f"{self._base}{list(self._parts)[position]}")
            for start, table in self._tables(position, length, rows_at_once):
                rows = table.num_rows - 1
                values = {
                    leaf.name: leaf.read(table, rows, where, start, leaf.name in encoded) for leaf in leaves
                }
                yield Chunk(position, start, rows, values, ends_episode=start + rows == length)

    def _tables(self, position: int, length: int, most: int) -> Iterator[tuple[int, pa.Table]]:
        """The rows of an episode in tables of one row more, which begins the next."""
        start, held = 0, None
        for batch in self._batches(position):
            table = pa.Table.from_batches([batch])
            held = table if held is None else pa.concat_tables([held, table])
            while held.num_rows > most and start + most < length:
                yield start, held.slice(0, most + 1)
                start, held = start + most, held.slice(most)
        rows = held.num_rows - 1 if held is not None else 0
        if start + rows != length:
            found = start + rows + (held is not None)
            raise ConversionError(
                f"{self._source.where(self._files(position)[0])}: it has {found} rows, where {length + 1} "
                f"are expected"
            )
        if held is not None and rows:
            yield start, held

    def _batches(self, position: int) -> Iterator[pa.RecordBatch]:
        for name in self._files(position):
            with _arrow_file(self._source, name) as reader:
                for number in range(reader.num_record_batches):
                    with _reading(self._source, name):
                        batch = reader.get_batch(number)
                        batch.validate()
                    yield batch

    def close(self) -> None:
        """Nothing stays open between calls."""


def _flat(field: pa.Field[Any]) -> Iterator[tuple[tuple[str, ...], pa.Field[Any]]]:
    """The leaves of nested structs, with their paths."""
    if not pa.types.is_struct(field.type):
        yield (field.name,), field
        return
    for place in range(field.type.num_fields):
        for path, leaf in _flat(field.type.field(place)):
            yield (field.name, *path), leaf


@contextmanager
def _arrow_file(source: Source, name: str) -> Iterator[pa.ipc.RecordBatchFileReader]:
    handle = source.handle(name)
    opened: Any = None
    try:
        with _reading(source, name):
            opened = pa.memory_map(handle) if isinstance(handle, str) else handle
            reader = pa.ipc.open_file(opened)
        yield reader
    finally:
        _close(opened if opened is not None else handle)


def _close(handle: str | IO[bytes] | Any) -> None:
    if not isinstance(handle, str):
        handle.close()


@contextmanager
def _reading(source: Source, name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, EOFError) as exc:
        lines = str(exc).strip().splitlines() or [type(exc).__name__]
        raise ConversionError(f"{source.where(name)}: damaged Arrow file: {lines[0]}") from exc
