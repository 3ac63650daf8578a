"""Pictures to encode, and how far apart two are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SPECS = (
    "jpeg",
    "jpeg:80:444",
    "png",
    "png:1",
    "webp",
    "webp:80",
    "jpegxl",
    "jpegxl:90",
    "avif",
    "avif:80",
    "qoi",
)
#: Of a smooth RGB picture of 48 x 64 pixels, in dB: what each spec states to keep at least.
LEAST_PSNR = {"jpeg": 36.0, "jpeg:80:444": 34.0, "webp:80": 34.0, "jpegxl:90": 36.0, "avif:80": 36.0}
#: Shapes of rows that every spec's data types and channels are looked up for.
ROWS = (
    (1, 1),
    (7, 5),
    (7, 5, 1),
    (7, 5, 2),
    (7, 5, 3),
    (7, 5, 4),
    (1, 1, 3),
    (1, 7, 3),
    (7, 1, 3),
    (3, 7, 5),
    (2, 7, 5, 3),
    (2, 3, 7, 5),
    (4, 16, 16),
    (48, 64, 3),
)


def smooth(shape: tuple[int, ...], dtype: str = "uint8", seed: int = 0) -> NDArray[np.unsignedinteger]:
    """Slow waves over the last two axes of (..., H, W), or those before the channels of (..., H, W, C)."""
    random = np.random.default_rng(seed)
    places = np.indices(shape).astype(np.float64)
    waves = sum(np.sin(place * random.uniform(0.05, 0.15) + random.uniform(0, 6)) for place in places)
    top = np.iinfo(dtype).max
    return np.round((waves / (2 * len(shape)) + 0.5) * top).astype(dtype)


def psnr(one: NDArray[np.unsignedinteger], other: NDArray[np.unsignedinteger]) -> float:
    error = float(((one.astype(np.float64) - other.astype(np.float64)) ** 2).mean())
    return float(10 * np.log10(float(np.iinfo(one.dtype).max) ** 2 / error)) if error else float("inf")
