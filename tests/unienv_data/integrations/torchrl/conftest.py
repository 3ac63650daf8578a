"""TorchRL's priorities, where its compiled trees do not load: the same in a few lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


class Tree:
    """Numbers by position, and what they make together."""

    start: float
    together: Any

    def __init__(self, size: int) -> None:
        self.values = np.full(size, self.start)

    def __getitem__(self, index: Any) -> Any:
        return self.values[np.asarray(index)]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.values[np.asarray(index)] = np.asarray(value)

    def query(self, start: int, stop: int) -> float:
        return float(self.together(self.values[start:stop]))

    def scan_lower_bound(self, mass: Any) -> Any:
        return np.searchsorted(np.cumsum(self.values), np.asarray(mass), side="left")


class Sums(Tree):
    start, together = 0.0, staticmethod(np.sum)


class Least(Tree):
    start, together = np.inf, staticmethod(np.min)


@pytest.fixture(autouse=True)
def _trees(monkeypatch: pytest.MonkeyPatch) -> None:
    if pytest.importorskip("torchrl") is None:
        return
    from torchrl.data.replay_buffers.samplers import prioritized

    for name, tree in (("SumSegmentTree", Sums), ("MinSegmentTree", Least)):
        for kind in ("Fp32", "Fp64"):
            if getattr(prioritized, name + kind) is None:
                monkeypatch.setattr(prioritized, name + kind, tree)
