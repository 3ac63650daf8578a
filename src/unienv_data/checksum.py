"""The checksum of everything that is stored."""

from __future__ import annotations

from collections.abc import Callable

import google_crc32c
import numpy as np
from numpy.typing import NDArray

__all__ = ["crc32c", "extended_crc32c"]


crc32c: Callable[[bytes | NDArray[np.uint8]], int] = google_crc32c.value
"""The CRC-32C (Castagnoli) of bytes, or of a read-only byte array."""

extended_crc32c: Callable[[int, bytes], int] = google_crc32c.extend
"""The checksum of some bytes followed by others, from that of the former."""
