"""How the columns of a new dataset are laid out: arrays, chunks, shards, blocks, codecs.

Frames, that is rows of 4 KiB and more, stand alone in an inner chunk, so that one is read without its
neighbours; smaller rows share chunks of about 16 KiB. A shard of the widest column is about 8 MiB once
compressed; frames of several cameras share that budget, because each array's part-filled shard is written
again with every commit. Everything else has shards of at most 1 MiB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unienv_data.columns.data import ColumnSpec
from unienv_data.columns.patterns import choose
from unienv_data.errors import CodecError, SpaceError
from unienv_data.schema.commit import ROWS_LOG, ArrayEntry, LogEntry
from unienv_data.store.codecs import (
    ChunkShape,
    CodecSpec,
    chain_of,
    chunk_rows_of,
    is_lossless,
    packing_of,
    try_codec,
)
from unienv_data.store.ragged import INDEX, VALUES

__all__ = ["LayoutOptions", "lay_out"]

_DEFAULT_CODEC = "zstd"
_FRAME_BYTES = 4096
_CHUNK_BYTES = 16 << 10
_FRAME_SHARD_BYTES = 16 << 20  # raw; about half of it stored
_LEAST_FRAME_SHARD_BYTES = 4 << 20
_WIDEST_SHARD_BYTES = 4 << 20
_SHARD_BYTES = 1 << 20
_MOST_ROWS = 1 << 30  # asked for by the user
_SHARDS_IN_BLOCK = 16  # of the array with the shortest shards
_VALUE_SHARDS_IN_BLOCK = 8


@dataclass(frozen=True)
class LayoutOptions:
    """What the user asked for, by column pattern.

    Attributes:
        codecs: codec specifications.
        chunks: rows in an inner chunk.
        shards: rows in a shard; rounded up to a power of two.
    """

    codecs: Mapping[str, CodecSpec] = field(default_factory=dict)
    chunks: Mapping[str, int] = field(default_factory=dict)
    shards: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Array:
    name: str
    column: str
    log: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    spec: CodecSpec

    @property
    def row_bytes(self) -> int:
        return max(int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize, 1)

    @property
    def is_frame(self) -> bool:
        return self.row_bytes >= _FRAME_BYTES

    @property
    def chunk_rows(self) -> int:
        return 1 if self.is_frame else _power_below(_CHUNK_BYTES // self.row_bytes)


def lay_out(
    columns: Sequence[ColumnSpec], options: LayoutOptions
) -> tuple[dict[str, ArrayEntry], dict[str, LogEntry]]:
    """Arrays and logs of a new dataset, by name.

    Raises:
        PathError: a pattern of the options means no column.
        CodecError: a codec cannot be understood.
        SpaceError: a number of rows is not one, or makes no sense.
    """
    names = [column.name for column in columns]
    codecs = choose(options.codecs, names)
    chunks = choose(options.chunks, names)
    shards = choose(options.shards, names)
    arrays = [
        array for column in columns for array in _arrays(column, codecs.get(column.name, _DEFAULT_CODEC))
    ]
    defaults = _default_shards(arrays)
    entries: dict[str, ArrayEntry] = {}
    for number, array in enumerate(arrays):
        spec = array.spec
        shard_rows = _power_above(_asked(shards, array) or defaults[array.name])
        # A chunk longer than the shards that were planned would make the blocks longer too.
        default_rows = chunk_rows_of(spec) or min(array.chunk_rows, shard_rows)
        chunk_rows = _power_above(_asked(chunks, array) or default_rows)
        shard_rows = max(shard_rows, chunk_rows)
        chain = _chain(spec, array, chunk_rows)
        entries[array.name] = ArrayEntry(
            id=number,
            log=array.log,
            dtype=array.dtype.name,
            shape=array.shape,
            chunk_rows=chunk_rows,
            shard_rows=shard_rows,
            codec=spec if isinstance(spec, str) else " > ".join(str(codec["name"]) for codec in spec),
            codecs=chain,
            lossy=not is_lossless(chain),
        )
    return entries, _logs(entries)


def _chain(spec: CodecSpec, array: _Array, chunk_rows: int) -> tuple[Mapping[str, Any], ...]:
    """The codec chain of an array, which is known to work."""
    chunk = ChunkShape(chunk_rows, array.dtype, array.shape)
    try:
        chain = chain_of(spec, chunk)
        try_codec(chain, chunk)
    except CodecError as exc:
        raise CodecError(f"{array.column}: {exc}") from exc
    return chain


def _arrays(column: ColumnSpec, spec: CodecSpec) -> list[_Array]:
    name = column.name
    if column.ragged_axes is None:
        return [_Array(name, name, ROWS_LOG, column.dtype, column.shape, spec)]
    index = (1 + column.ragged_axes,)
    return [
        _Array(name + INDEX, name, ROWS_LOG, np.dtype(np.int64), index, _DEFAULT_CODEC),
        _Array(name + VALUES, name, name + VALUES, column.dtype, (), spec),
    ]


def _logs(entries: Mapping[str, ArrayEntry]) -> dict[str, LogEntry]:
    rows = [entry.shard_rows for entry in entries.values() if entry.log == ROWS_LOG]
    logs = {ROWS_LOG: LogEntry(block_rows=max(rows, default=1))}
    for entry in entries.values():
        if entry.log != ROWS_LOG:
            logs[entry.log] = LogEntry(block_rows=entry.shard_rows * _VALUE_SHARDS_IN_BLOCK)
    return logs


def _default_shards(arrays: Sequence[_Array]) -> dict[str, int]:
    """Rows in a shard of each array, by its name."""
    rows = [array for array in arrays if array.log == ROWS_LOG]
    frames = sum(array.is_frame for array in rows)
    widest = max((array.row_bytes for array in rows), default=1)
    equally_wide = sum(array.row_bytes == widest for array in rows)
    widest_bytes = max(_WIDEST_SHARD_BYTES // max(equally_wide, 1), _SHARD_BYTES)
    frame_bytes = max(_FRAME_SHARD_BYTES // max(frames, 1), _LEAST_FRAME_SHARD_BYTES)
    shards: dict[str, int] = {}
    for array in arrays:
        if array in rows and array.is_frame:
            raw = frame_bytes * packing_of(array.spec)
        elif array in rows and array.row_bytes == widest:
            raw = widest_bytes
        else:
            raw = _SHARD_BYTES
        shards[array.name] = _power_below(raw // array.row_bytes)
    # A block holds whole shards of every array, and is what a writer copies after a crash.
    most = _SHARDS_IN_BLOCK * min((shards[array.name] for array in rows), default=1)
    return {**shards, **{array.name: min(shards[array.name], most) for array in rows}}


def _asked(rows: Mapping[str, Any], array: _Array) -> int | None:
    asked = rows.get(array.column)
    if asked is None or array.log != ROWS_LOG:
        return None
    if isinstance(asked, bool) or not isinstance(asked, int | np.integer) or not 1 <= asked <= _MOST_ROWS:
        raise SpaceError(
            f"{array.column}: a chunk or shard must have from one to {_MOST_ROWS:,} rows, got {asked!r}"
        )
    return int(asked)


def _power_below(value: int) -> int:
    return 1 << (max(value, 1).bit_length() - 1)


def _power_above(value: int) -> int:
    return 1 << (max(value, 1) - 1).bit_length()
