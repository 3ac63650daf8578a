"""Small buffers of numbered rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from unienv_data import ReplayBuffer
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace

SPACE = BoxSpace(B, 0, 255, B.uint8, shape=(2,))


def rows(*numbers: int) -> Any:
    return np.repeat(np.array(numbers, dtype=np.uint8)[:, None], 2, axis=1)


def contents(buffer: Any) -> list[int]:
    return [int(row[0]) for row in buffer[:]]


def writer_of(place: Any, **options: Any) -> Any:
    return ReplayBuffer.load_from(place, read_only=False, commit_interval=float("inf"), **options)
