"""Rows written anew in the order of their slots, without the gaps and leftovers of an append-only log."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace

from unienv_data.columns.data import ColumnData, ColumnSpec, EncodedRows
from unienv_data.schema.commit import Commit
from unienv_data.store.array import COLUMNS, groups_of, stored_arrays
from unienv_data.store.lendingwriter import LendingWriter
from unienv_data.store.objects import ObjectStore
from unienv_data.store.reader import CommitReader
from unienv_data.store.rowmap import SlotMap

__all__ = ["compacted"]

_COPIED_BYTES = 64 << 20  # decoded; what is held at once


def compacted(
    objects: ObjectStore,
    reader: CommitReader,
    slots: SlotMap,
    columns: Iterable[ColumnSpec],
    writer: str,
) -> tuple[LendingWriter, SlotMap]:
    """Copy the rows that slots show into a new group of arrays.

    Frames, which stand alone in their chunks or in groups of video, are copied as they are encoded.

    Args:
        objects: where the storage stands.
        reader: reads the commit, which holds every row.
        slots: its slot map.
        columns: what it stores.
        writer: token of the writer.

    Returns:
        The writer of the new group, sealed, and the slot map over its rows.
    """
    base = _emptied(reader.commit)
    for name, metadata in groups_of(base.group, base.arrays):
        objects.replace(name, metadata)
    fresh = LendingWriter(objects, base, writer, reader)
    fresh.begin()
    specs = tuple(columns)
    arrays = stored_arrays(reader.commit)
    row_bytes = sum(arrays[spec.name].row_bytes for spec in specs if spec.name in arrays)
    step = max(_COPIED_BYTES // max(row_bytes, 1024), 1)
    mapped = SlotMap(slots.length)
    try:
        for slot, row, count in slots.runs:
            for first in range(row, row + count, step):
                rows = range(first, min(first + step, row + count))
                copied = {spec.name: _copied(reader, spec, rows) for spec in specs}
                target = slot + first - row
                for start, length in fresh.append(copied, len(rows)):
                    mapped = mapped.assigned(target, start, length)
                    target += length
        fresh.seal()
    except BaseException:
        objects.below(base.group).delete_all()
        raise
    return fresh, mapped


def _emptied(commit: Commit) -> Commit:
    """The commit as if nothing had been written, in a group of its own."""
    return replace(
        commit,
        # The number tells pruning which groups may be of commits that are still being made.
        group=f"{COLUMNS}-{commit.number + 1:020d}{secrets.token_hex(6)}",
        runs=(),
        tail=None,
        logs={name: replace(log, length=0, start=0) for name, log in commit.logs.items()},
        arrays={name: replace(entry, stored_bytes=0, raw_bytes=0) for name, entry in commit.arrays.items()},
    )


def _copied(reader: CommitReader, spec: ColumnSpec, rows: range) -> ColumnData | EncodedRows:
    if spec.ragged_axes is None:
        array = stored_arrays(reader.commit)[spec.name]
        if array.gives_encoded_rows:
            return reader.encoded_rows(array, rows)
    return reader.read_column(spec, rows)
