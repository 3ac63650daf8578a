"""TorchRL's CompressedListStorage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording
from benchmarks.readers.torchrl_memmap import fill


class CompressedListReader(Reader):
    """Each row compressed by itself, in memory."""

    name = "TorchRL CompressedListStorage"
    modules = ("torchrl", "tensordict")
    distribution = "torchrl"
    settings = "in memory; its default compression, whatever the suite's"

    def setup(self, recording: Recording) -> None:
        from torchrl.data.replay_buffers.storages import CompressedListStorage

        self._storage = CompressedListStorage(len(recording))
        fill(self._storage, recording)

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        import torch

        found = torch.stack(self._storage.get(torch.from_numpy(rows)))  # as its ReplayBuffer collates
        return {name: found[name].numpy() for name in found.keys()}  # noqa: SIM118  a TensorDict iterates rows

    def close(self) -> None:
        del self._storage
