"""A commit as a dataset of its own: encoded data copied as it is, under a new identity.

The copy has a uuid of its own, so that caches which are keyed by it never take one for the other; the tag
of every shard, which names the dataset, is written anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from unienv_data.errors import CorruptDataError
from unienv_data.schema.commit import BufferState, Commit, Tail
from unienv_data.store.array import StoredArray, groups_of, stored_arrays, write_shapes
from unienv_data.store.commits import CommitLog, utc_now
from unienv_data.store.objects import ObjectStore
from unienv_data.store.shard import TAG_BYTES, decode_tag, encode_tag, index_bytes

__all__ = ["copy_commit"]


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
    """
    target = root.below(commit.path) if commit.path else root
    uuid, writer = secrets.token_hex(16), secrets.token_hex(12)
    for name, metadata in groups_of(commit.group, commit.arrays):
        target.replace(name, metadata)
    for array in stored_arrays(commit).values():
        length = commit.logs[array.entry.log].length
        for shard in _shards(array, source, length):
            data = _retagged(array, shard, source, bytes.fromhex(uuid), bytes.fromhex(writer))
            target.write(array.shard_object(shard), data)
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


def _shards(array: StoredArray, source: ObjectStore, length: int) -> list[int]:
    """Shards that hold committed rows; there may be gaps between blocks."""
    folder = array.metadata_object.removesuffix("/zarr.json")
    numbers = [int(name.split(".")[1]) for name in source.list(folder) if name.startswith("c.")]
    return [number for number in sorted(numbers) if number * array.entry.shard_rows < length]


def _retagged(
    array: StoredArray, shard: int, source: ObjectStore, dataset: bytes, writer: bytes
) -> list[bytes | memoryview]:
    name = array.shard_object(shard)
    data = source.read(name)
    end = len(data) - index_bytes(array.chunks_per_shard)
    try:
        tag = decode_tag(data[end - TAG_BYTES : end])
    except ValueError as exc:
        raise CorruptDataError(f"{source.url}/{name}: {exc}; restore it from a copy") from exc
    view = memoryview(data)
    return [
        view[: end - TAG_BYTES],
        encode_tag(replace(tag, dataset=dataset, writer=writer)),
        view[end:],
    ]
