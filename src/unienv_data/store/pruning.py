"""Shards that no kept commit shows any row of: what a ring has overwritten, and what compaction replaced."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from unienv_data.schema.commit import ROWS_LOG, Commit
from unienv_data.store.array import COLUMNS, StoredArray, stored_arrays
from unienv_data.store.objects import ObjectStore
from unienv_data.store.ragged import INDEX, VALUES
from unienv_data.store.reader import CommitReader

__all__ = ["PRUNED_EVERY", "drop_dead_shards"]

PRUNED_EVERY = 100
"""Commits between two looks for shards that can go."""

_RUNS_READ = 64


def drop_dead_shards(objects: ObjectStore, newest: Commit, reader: CommitReader) -> None:
    """Remove shards of rows older than any that a kept commit shows, and groups that none names.

    Only the oldest end is looked at, which is where a ring leaves its rows; what edits leave elsewhere goes
    with compaction.

    Args:
        objects: where the storage stands.
        newest: the newest commit; those that are kept have been pruned already.
        reader: reads it.
    """
    kept = list(_kept(objects))
    groups = {newest.group, *(commit["group"] for commit in kept)}
    for name in objects.list(""):
        if name not in groups and _group_number(name) <= newest.number:
            objects.below(name).delete_all()
            objects.below(f"claims/{name}").delete_all()
    same = [commit for commit in kept if commit["group"] == newest.group]
    if any(commit["runs_object"] is not None for commit in same):
        return  # rows in many places: nothing can be said of the oldest end
    runs = {(row, count) for _, row, count in newest.runs}
    runs |= {(row, count) for commit in same for _, row, count in commit["runs"]}
    if not runs:
        return
    floor = min(row for row, _ in runs)
    arrays = stored_arrays(newest)
    for name, array in arrays.items():
        first = floor
        if array.entry.log != ROWS_LOG and array.row_bytes:
            first = _values_floor(reader, arrays[name.removesuffix(VALUES) + INDEX], runs, floor)
        # The unfinished block is copied as a whole by whoever takes over.
        _drop(objects, array, min(first, newest.logs[array.entry.log].start))


def _group_number(name: str) -> int:
    """The commit that a group of arrays was begun for; of anything else, one that never comes."""
    if name == COLUMNS:
        return 0
    found = re.match(rf"{COLUMNS}-(\d{{20}})", name)
    return int(found[1]) if found else sys.maxsize


def _kept(objects: ObjectStore) -> Iterator[dict[str, Any]]:
    """The commits that are there, as they are written: they have been validated when they were made."""
    for name in objects.list("commits"):
        try:
            commit = json.loads(objects.read(f"commits/{name}"))
        except FileNotFoundError:
            continue
        yield commit


def _values_floor(reader: CommitReader, index: StoredArray, runs: set[tuple[int, int]], floor: int) -> int:
    """A position before which no shown row has values.

    Values follow one another from block to block; within a block rows may share earlier ones.

    Args:
        reader: reads the rows.
        index: the array that says where each row's values begin.
        runs: (first row, count) of the shown rows.
        floor: the first shown row.
    """
    size = reader.commit.logs[ROWS_LOG].block_rows
    end = floor - floor % size + size
    shown = [range(row, min(row + count, end)) for row, count in runs if row < end]
    if len(shown) > _RUNS_READ:
        return 0
    return min(int(reader.read_array(index, rows)[:, 0].min()) for rows in shown)


def _drop(objects: ObjectStore, array: StoredArray, floor: int) -> None:
    folder = array.metadata_object.removesuffix("/zarr.json")
    dead = floor // array.entry.shard_rows
    if not dead:
        return
    names = [name for name in objects.list(folder) if name.startswith("c.")]
    objects.delete(f"{folder}/{name}" for name in names if int(name.split(".")[1]) < dead)
