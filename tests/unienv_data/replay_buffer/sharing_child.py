"""What the processes of test_sharing do; a module of its own, so that spawned ones can import it."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np

from unienv_data import ReplayBuffer


def rows(writer: int, step: int) -> dict[str, Any]:
    """A batch that tells who wrote it: 1 to 5 rows."""
    count = 1 + (step * (writer + 1)) % 5
    texts = np.array([f"writer {writer} step {step}"] * count, dtype=object)
    return {"number": np.full(count, 1000 * writer + step, dtype=np.int64), "text": texts}


def extend_often(buffer: ReplayBuffer[Any, Any, Any, Any, Any], writer: int, steps: int) -> None:
    """Append `steps` segments."""
    for step in range(steps):
        buffer.extend(rows(writer, step), {"writer": writer})
    buffer.close()


def die_with_open_segment(buffer: ReplayBuffer[Any, Any, Any, Any, Any]) -> None:
    """Append a row to a segment that nobody ends."""
    buffer.append({"number": np.int64(7), "text": "last words"})
    os.kill(os.getpid(), signal.SIGKILL)
