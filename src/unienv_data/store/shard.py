"""The bytes of a shard: chunks, a tag, an index. Pure functions on bytes.

A shard is what Zarr's `sharding_indexed` codec writes with its index at the end:

    chunk 0 | chunk 1 | ... | tag (48 bytes) | index: (offset, length) as <u8 a chunk | crc32c of the index

Zarr addresses the index from the end and the chunks by their offsets, so that other readers never look
at the tag. It names the dataset, array, shard and writer, and tells a shard that stands in another's
place. A region of a tail object has the same form without the tag.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.checksum import crc32c

__all__ = [
    "MISSING",
    "TAG_BYTES",
    "ShardTag",
    "decode_index",
    "decode_tag",
    "encode_index",
    "encode_shard",
    "index_bytes",
]

TAG_BYTES = 48
MISSING = 2**64 - 1
"""What both fields of an index entry hold where there is no chunk."""

_TAG = struct.Struct("<16sIQ12sI")  # and 4 bytes of crc32c


@dataclass(frozen=True)
class ShardTag:
    """Whose shard this is.

    Attributes:
        dataset: the dataset's uuid, 16 bytes.
        array: the array's id within the dataset.
        shard: the shard's number within the array.
        writer: the token of the writer, 12 bytes.
        rows: how many of the shard's rows hold data.
    """

    dataset: bytes
    array: int
    shard: int
    writer: bytes
    rows: int


def index_bytes(n_chunks: int) -> int:
    """How long the index of `n_chunks` chunks is, its checksum included."""
    return 16 * n_chunks + 4


def encode_index(lengths: Sequence[int], n_chunks: int) -> bytes:
    """The index of chunks of `lengths` bytes that stand one after another from offset 0.

    Args:
        lengths: length of every chunk present, in order.
        n_chunks: how many entries the index has; those beyond `lengths` are missing.
    """
    entries = np.full((n_chunks, 2), MISSING, dtype="<u8")
    count = len(lengths)
    entries[:count, 1] = lengths
    entries[:count, 0] = np.cumsum(entries[:count, 1], dtype="<u8") - entries[:count, 1]
    body = entries.tobytes()
    return body + struct.pack("<I", crc32c(body))


def decode_index(data: bytes, n_chunks: int) -> NDArray[np.int64]:
    """The entries of an index.

    Returns:
        (n_chunks, 2) int64: offset and length; both -1 where there is no chunk.

    Raises:
        ValueError: the length or the checksum is wrong.
    """
    if len(data) != index_bytes(n_chunks):
        raise ValueError(f"index of {len(data)} bytes, expected {index_bytes(n_chunks)}")
    if crc32c(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        raise ValueError("checksum of the index does not match")
    # MISSING is -1 as a signed integer; no offset reaches 2**63.
    return np.frombuffer(data, dtype="<i8", count=2 * n_chunks).reshape(n_chunks, 2)


def encode_tag(tag: ShardTag) -> bytes:
    """The 48 bytes of `tag`."""
    body = _TAG.pack(tag.dataset, tag.array, tag.shard, tag.writer, tag.rows)
    return body + struct.pack("<I", crc32c(body))


def decode_tag(data: bytes) -> ShardTag:
    """The tag that `data` holds.

    Raises:
        ValueError: it is no tag, or a damaged one.
    """
    if len(data) != TAG_BYTES or crc32c(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        raise ValueError("checksum of the tag does not match")
    fields: tuple[Any, ...] = _TAG.unpack(data[:-4])
    return ShardTag(*fields)


def encode_shard(chunks: Sequence[bytes], n_chunks: int, tag: ShardTag | None) -> list[bytes]:
    """The parts of a shard, to be written one after another.

    Args:
        chunks: encoded chunks, in order, without gaps.
        n_chunks: how many chunks a full shard has.
        tag: whose shard it is; None for a region of a tail.
    """
    parts = list(chunks)
    if tag is not None:
        parts.append(encode_tag(tag))
    parts.append(encode_index([len(chunk) for chunk in chunks], n_chunks))
    return parts
