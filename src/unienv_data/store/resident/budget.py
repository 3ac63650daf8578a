"""Which arrays may be resident. Pure, but for what the environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping

from unienv_data.store import platform

__all__ = ["BYTES_VARIABLE", "FOLDER_VARIABLE", "budget_bytes", "smallest_within"]

BYTES_VARIABLE = "UNIENV_DATA_RESIDENT_BYTES"
"""Environment variable: bytes that may be resident on this machine; 0 for none."""

FOLDER_VARIABLE = "UNIENV_DATA_RESIDENT_DIR"
"""Environment variable: where the files stand, on a disk of this machine."""

_SHARE_OF_MEMORY = 4


def budget_bytes() -> int:
    """Bytes that may be resident on this machine: a quarter of its memory, unless somebody says otherwise.

    Raises:
        ValueError: what the environment says is not a number of bytes.
    """
    said = os.environ.get(BYTES_VARIABLE)
    if said is None:
        return platform.memory_bytes() // _SHARE_OF_MEMORY
    if not said.isdecimal():
        raise ValueError(f"{BYTES_VARIABLE}: expected a number of bytes, got {said!r}")
    return int(said)


def smallest_within(sizes: Mapping[str, int], budget: int) -> frozenset[str]:
    """The arrays, smallest first, that fit a budget together.

    Args:
        sizes: bytes of each array, by name.
        budget: bytes.
    """
    chosen: set[str] = set()
    for number, size in sorted(sizes.items(), key=lambda item: (item[1], item[0])):
        budget -= size
        if budget < 0:
            break
        chosen.add(number)
    return frozenset(chosen)
