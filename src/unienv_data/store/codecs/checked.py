"""Zarr's `crc32c` codec: bytes, and their checksum behind them."""

from __future__ import annotations

import struct

import numpy as np

from unienv_data.checksum import crc32c
from unienv_data.store.codecs.base import Encoded

__all__ = ["verified", "with_checksum"]

#: The checksum of anything followed by its own checksum is one constant.
_RESIDUE = crc32c(bytes(4))


def with_checksum(data: bytes) -> bytes:
    """`data` and its checksum."""
    return data + struct.pack("<I", crc32c(data))


def verified(data: Encoded) -> int:
    """The length of what stands before the checksum.

    Raises:
        ValueError: it is another's checksum.
    """
    # Only bytes and read-only arrays can be checksummed.
    if crc32c(np.frombuffer(data, np.uint8) if isinstance(data, memoryview) else data) != _RESIDUE:
        raise ValueError("checksum does not match")
    return len(data) - 4
