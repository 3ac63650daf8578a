"""Whether the numbers of a commit's document agree with one another. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

__all__ = ["inconsistencies"]


def inconsistencies(document: Mapping[str, Any]) -> list[str]:
    """Every disagreement, each with its place.

    Args:
        document: a commit's, in which each member by itself is as the schema says.
    """
    return [*_of_logs(document), *_of_arrays(document), *_of_runs(document)]


def _of_logs(document: Mapping[str, Any]) -> Iterator[str]:
    for name, log in document["logs"].items():
        if log["start"] > log["length"]:
            yield f"$.logs[{name!r}]: the block begins at {log['start']}, beyond the length {log['length']}"
    if document["runs_object"] is not None and document["runs"]:
        yield f"$.runs: expected none beside {document['runs_object']}"


def _of_arrays(document: Mapping[str, Any]) -> Iterator[str]:
    arrays, logs = document["arrays"], document["logs"]
    parts = document["tail"]["parts"] if document["tail"] else {}
    ids = [entry["id"] for entry in arrays.values()]
    if len({*ids}) < len(ids):
        yield f"$.arrays: expected a number of its own for each, got {ids}"
    for name in parts:
        if name not in arrays:
            yield f"$.tail.parts[{name!r}]: there is no such array"
    for name, entry in arrays.items():
        place = f"$.arrays[{name!r}]"
        chunk_rows, shard_rows = entry["chunk_rows"], entry["shard_rows"]
        log = logs.get(entry["log"])
        if log is None:
            yield f"{place}.log: there is no log {entry['log']!r}"
        elif shard_rows % chunk_rows or log["block_rows"] % shard_rows:
            yield (
                f"{place}: expected chunks that fill shards, and shards that fill blocks, got {chunk_rows}, "
                f"{shard_rows} and {log['block_rows']} rows"
            )
        elif name in parts:
            yield from _of_tail(name, parts[name], -(-(log["length"] % shard_rows) // chunk_rows))


def _of_tail(name: str, part: Mapping[str, int], chunks: int) -> Iterator[str]:
    place = f"$.tail.parts[{name!r}]"
    if part["chunks"] != chunks:
        yield f"{place}.chunks: expected {chunks}, got {part['chunks']}"
    if part["length"] < 16 * part["chunks"] + 4:
        yield f"{place}.length: {part['length']} bytes cannot hold the index of {part['chunks']} chunks"


def _of_runs(document: Mapping[str, Any]) -> Iterator[str]:
    slots, rows = document["length"], document["logs"]["rows"]["length"]
    for number, (slot, row, count) in enumerate(document["runs"]):
        if slot + count > slots or row + count > rows:
            yield (
                f"$.runs[{number}]: {count} slots from {slot} on show rows from {row} on, beyond the "
                f"{slots} slots or the {rows} rows"
            )
    for number, ((slot, _, count), (after, _, _)) in enumerate(pairwise(document["runs"]), 1):
        if slot + count > after:
            yield f"$.runs[{number}]: expected a slot from {slot + count} on, got {after}"
