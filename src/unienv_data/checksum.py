"""The checksum of everything that is stored."""

from __future__ import annotations

from collections.abc import Callable

import google_crc32c
import numpy as np
from numpy.typing import NDArray

__all__ = ["crc32c"]


crc32c: Callable[[bytes | NDArray[np.uint8]], int] = google_crc32c.value
"""The CRC-32C (Castagnoli) of bytes, or of a read-only byte array."""
