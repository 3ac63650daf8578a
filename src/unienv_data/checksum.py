"""The checksum of everything that is stored."""

from __future__ import annotations

import google_crc32c
import numpy as np
from numpy.typing import NDArray

__all__ = ["crc32c"]


def crc32c(data: bytes | NDArray[np.uint8]) -> int:
    """The CRC-32C (Castagnoli) of `data`, bytes or a read-only byte array."""
    return int(google_crc32c.value(data))
