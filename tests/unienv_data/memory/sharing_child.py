"""What the processes of test_sharing do; a module of its own, so that spawned ones can import it."""

from __future__ import annotations

from typing import Any

import torch


def record(memory: Any, writer: int, count: int, first: int = 0) -> None:
    """Record samples of this writer one by one."""
    for number in range(1000 * writer + first, 1000 * writer + first + count):
        memory.add_samples(number=torch.tensor([number]), twice=torch.tensor([2.0 * number]))
