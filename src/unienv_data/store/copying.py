"""A commit as a dataset of its own: encoded data copied as it is, under a new identity.

The copy has a uuid of its own, so that caches which are keyed by it never take one for the other; the tag
of every shard, which names the dataset, is written anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from unienv_data.errors import CorruptDataError
from unienv_data.indexing import chunked
from unienv_data.schema.commit import ROWS_LOG, BufferState, Commit, Tail
from unienv_data.store.array import StoredArray, groups_of, stored_arrays, write_shapes
from unienv_data.store.commits import CommitLog, utc_now
from unienv_data.store.gather import Gather, check_tag
from unienv_data.store.objects import ObjectStore
from unienv_data.store.ragged import INDEX, VALUES
from unienv_data.store.reader import CommitReader
from unienv_data.store.shard import TAG_BYTES, ShardTag, decode_tag, encode_tag, index_bytes

__all__ = ["copy_commit"]

_ROWS_READ = 1 << 20


def copy_commit(
    commit: Commit,
    source: ObjectStore,
    root: ObjectStore,
    buffer: BufferState,
    attributes: Mapping[str, Any],
) -> Commit:
    """Copy what `commit` refers to.

    Args:
        commit: the commit.
        source: where its storage stands.
        root: where the copy is to stand.
        buffer: what the copy's commit says of the buffer.
        attributes: what it says of the data.

    Returns:
        The first commit of the copy.

    Raises:
        CorruptDataError: something that the commit refers to is missing, damaged or another's.
    """
    target = root.below(commit.path) if commit.path else root
    uuid, writer = secrets.token_hex(16), secrets.token_hex(12)
    for name, metadata in groups_of(commit.group, commit.arrays):
        target.replace(name, metadata)
    arrays = stored_arrays(commit)
    dataset = bytes.fromhex(commit.uuid)
    reader = CommitReader(commit, Gather(source, dataset))
    for array in arrays.values():
        for shard in _shards(array, arrays, reader):
            tag = ShardTag(bytes.fromhex(uuid), array.entry.id, shard, bytes.fromhex(writer), 0)
            target.write(array.shard_object(shard), _retagged(array, shard, source, dataset, tag))
    write_shapes(target, commit)
    tail = None
    if commit.tail is not None:
        tail = Tail(f"tails/{0:020d}-{writer}", commit.tail.parts)
        target.write(tail.object, [source.read(commit.tail.object)])
    target.sync()
    copied = replace(
        commit,
        uuid=uuid,
        number=0,
        writer=writer,
        time=utc_now().isoformat(),
        tail=tail,
        released=False,  # its blocks are nobody's: the next writer begins one of its own
        buffer=buffer,
        attributes=attributes,
    )
    CommitLog(root, target).publish(copied)
    return copied


def _shards(array: StoredArray, arrays: Mapping[str, StoredArray], reader: CommitReader) -> list[int]:
    """The shards that hold rows which the commit shows; others may stand between them, of whatever writer."""
    commit, size = reader.commit, array.entry.shard_rows
    if not array.row_bytes:
        return []
    spans = [(row, row + count) for _, row, count in commit.runs]
    if array.name.endswith(VALUES) and array.entry.log != ROWS_LOG:
        index = arrays[array.name.removesuffix(VALUES) + INDEX]
        spans = [span for start, stop in spans for span in _spans(index, range(start, stop), reader)]
    # Whoever writes to the copy begins with the whole of the unfinished block.
    log = commit.logs[array.entry.log]
    if commit.tail is not None:
        spans.append((log.start, log.length))
    shards = {shard for start, stop in spans for shard in range(start // size, -(-stop // size))}
    if commit.tail is not None and array.name in commit.tail.parts:
        shards = {shard for shard in shards if shard < log.length // size}
    return sorted(shards)


def _spans(index: StoredArray, rows: range, reader: CommitReader) -> Iterator[tuple[int, int]]:
    """Spans of values that hold those of the rows: not much more, and few."""
    for part in chunked(rows, _ROWS_READ):
        found = reader.read_array(index, part)
        stops = found[:, 0] + found[:, 1:].prod(axis=1)
        # Values follow one another but where a block has ended.
        order = np.argsort(found[:, 0], kind="stable")
        starts, stops = found[order, 0], np.maximum.accumulate(stops[order])
        breaks = np.flatnonzero(starts[1:] > stops[:-1]) + 1
        firsts, lasts = np.concatenate(([0], breaks)), np.append(breaks, len(starts)) - 1
        yield from zip(starts[firsts].tolist(), stops[lasts].tolist(), strict=True)


def _retagged(
    array: StoredArray, shard: int, source: ObjectStore, dataset: bytes, copy: ShardTag
) -> list[bytes | memoryview]:
    """A shard of the dataset, under the tag of the copy."""
    name = array.shard_object(shard)
    try:
        data = source.read(name)
    except FileNotFoundError as exc:
        raise CorruptDataError(
            f"{source.url}/{name}: missing, but the commit refers to it; restore it from a copy"
        ) from exc
    end = len(data) - index_bytes(array.chunks_per_shard)
    try:
        tag = decode_tag(data[max(end - TAG_BYTES, 0) : max(end, 0)])
    except ValueError as exc:
        raise CorruptDataError(f"{source.url}/{name}: {exc}; restore it from a copy") from exc
    check_tag(tag, dataset, array, shard, f"{source.url}/{name}")
    view = memoryview(data)
    return [
        view[: end - TAG_BYTES],
        encode_tag(replace(tag, dataset=copy.dataset, writer=copy.writer)),
        view[end:],
    ]
