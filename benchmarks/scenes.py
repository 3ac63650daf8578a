"""Rows that compress like a robot's.

Frames have a smooth background, shapes that move, and a sensor's noise; numbers go on from one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Noise of two grey levels, as a table from a random byte to a deviation.
_NOISE = np.array(
    [round(NormalDist(0, 2).inv_cdf((byte + 0.5) / 256)) for byte in range(256)], dtype=np.int16
)


def render_episode(
    seed: tuple[int, ...], length: int, height: int, width: int | None = None, *, noisy: bool = True
) -> NDArray[np.uint8]:
    """An episode of frames (T, height, width, 3), the same for the same seed on every machine.

    Args:
        seed: chooses what moves, and how.
        length: number of frames.
        height: of a frame.
        width: of a frame; None for a square.
        noisy: as a camera's; without noise as a simulator's.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0 : width or height].astype(np.float32) / height
    tilt = rng.uniform(-40, 40, (2, 3)).astype(np.float32)
    background = rng.uniform(60, 190, 3).astype(np.float32) + x[..., None] * tilt[0] + y[..., None] * tilt[1]
    frames = np.repeat(background[None], length, axis=0)

    time = np.arange(length, dtype=np.float32)[:, None, None] / length
    for _ in range(4):
        colour = rng.uniform(0, 255, 3).astype(np.float32)
        radius, square = rng.uniform(0.06, 0.18), rng.random() < 0.5
        swing, phase = rng.uniform(0.1, 0.4, 2).tolist(), rng.uniform(0, 2 * np.pi, 2).tolist()
        turns = rng.integers(1, 4, 2).tolist()
        across = x - (0.5 + swing[0] * np.sin(2 * np.pi * turns[0] * time + phase[0]))
        down = y - (0.5 + swing[1] * np.sin(2 * np.pi * turns[1] * time + phase[1]))
        distance = np.maximum(abs(across), abs(down)) if square else np.hypot(across, down)
        cover = np.clip((radius - distance) * height + 0.5, 0, 1).astype(np.float32)[..., None]  # soft edges
        frames += cover * (colour - frames)

    if not noisy:
        return np.clip(frames + 0.5, 0, 255).astype(np.uint8)
    noise = _NOISE[rng.integers(0, 256, frames.shape, dtype=np.uint8)]
    return np.clip(frames.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def walks(seed: tuple[int, ...], length: int, columns: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    """Rows of numbers that go on from one another, (T, width) or (T,) by column."""
    rng = np.random.default_rng(seed)
    found: dict[str, NDArray[Any]] = {}
    for name, (width, dtype) in columns.items():
        shape = (length, width) if width else (length,)
        found[name] = np.cumsum(rng.normal(0, 0.02, shape), axis=0).astype(dtype)
    return found
