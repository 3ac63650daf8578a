"""The bytes of a shard: what is written comes back, and no damage passes for data."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.store.shard import (
    MISSING,
    TAG_BYTES,
    ShardTag,
    crc32c,
    decode_index,
    decode_tag,
    encode_index,
    encode_shard,
    encode_tag,
    index_bytes,
)

tags = st.builds(
    ShardTag,
    dataset=st.binary(min_size=16, max_size=16),
    array=st.integers(0, 2**32 - 1),
    shard=st.integers(0, 2**64 - 1),
    writer=st.binary(min_size=12, max_size=12),
    rows=st.integers(0, 2**32 - 1),
)
chunks = st.lists(st.binary(max_size=40), max_size=9)


@given(chunks, st.integers(0, 4), st.one_of(st.none(), tags))
def test_chunks_index_and_tag_come_back(parts: list[bytes], spare: int, tag: ShardTag | None) -> None:
    n_chunks = len(parts) + spare
    shard = b"".join(encode_shard(parts, n_chunks, tag))
    end = index_bytes(n_chunks)
    index = decode_index(shard[-end:], n_chunks)
    assert index.dtype == np.int64
    assert [shard[start : start + length] for start, length in index[: len(parts)]] == parts
    assert (index[len(parts) :] == -1).all()
    assert len(shard) == sum(map(len, parts)) + (TAG_BYTES if tag else 0) + end
    if tag is not None:
        assert decode_tag(shard[-end - TAG_BYTES : -end]) == tag


def test_the_index_is_that_of_zarrs_specification() -> None:
    data = encode_index([3, 0, 5], 4)
    assert struct.unpack("<8Q", data[:-4]) == (0, 3, 3, 0, 3, 5, MISSING, MISSING)
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert struct.unpack("<I", data[-4:])[0] == crc32c(data[:-4])


@pytest.mark.parametrize("lengths", [[7], [1, 2, 3], []])
def test_every_flipped_bit_of_an_index_is_seen(lengths: list[int]) -> None:
    data = encode_index(lengths, 3)
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="checksum of the index"):
            decode_index(bytes(damaged), 3)


def test_every_flipped_bit_of_a_tag_is_seen() -> None:
    data = encode_tag(ShardTag(bytes(range(16)), 3, 2**40, bytes(range(12)), 17))
    assert len(data) == TAG_BYTES
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="checksum of the tag"):
            decode_tag(bytes(damaged))


@given(st.data())
def test_other_lengths_are_seen(data: st.DataObject) -> None:
    n_chunks = data.draw(st.integers(0, 5))
    index = encode_index([1] * n_chunks, n_chunks)
    tag = encode_tag(ShardTag(bytes(16), 0, 0, bytes(12), 0))
    cut = data.draw(st.integers(0, len(index) - 1))
    with pytest.raises(ValueError, match=f"index of {cut} bytes"):
        decode_index(index[:cut], n_chunks)
    with pytest.raises(ValueError, match="bytes"):
        decode_index(index, n_chunks + 1)
    for wrong in (tag[: data.draw(st.integers(0, TAG_BYTES - 1))], tag + b"\0"):
        with pytest.raises(ValueError, match="tag"):
            decode_tag(wrong)


@given(st.binary(max_size=120), st.integers(0, 7))
def test_random_bytes_are_neither(data: bytes, n_chunks: int) -> None:
    for decode in (lambda: decode_index(data, n_chunks), lambda: decode_tag(data)):
        with pytest.raises(ValueError, match=r"index|tag"):
            decode()
