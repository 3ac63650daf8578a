"""TorchRL's LazyMemmapStorage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording
from benchmarks.recording import once


class LazyMemmapReader(Reader):
    """Uncompressed rows in files that are mapped."""

    name = "TorchRL LazyMemmapStorage"
    modules = ("torchrl", "tensordict")
    distribution = "torchrl"
    settings = "uncompressed"

    def setup(self, recording: Recording) -> None:
        self._storage = filled_storage(recording)

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        import torch

        found = self._storage.get(torch.from_numpy(rows))
        return {name: found[name].numpy() for name in found.keys()}  # noqa: SIM118  a TensorDict iterates rows


def filled_storage(recording: Recording) -> Any:
    """A storage with the rows, kept between runs."""
    from torchrl.data import LazyMemmapStorage

    kept = recording.folder / "torchrl-memmap"

    def write() -> None:
        storage = LazyMemmapStorage(len(recording), scratch_dir=kept, existsok=True)
        fill(storage, recording)
        storage.dumps(kept / "dumped")

    once(kept, write)
    storage = LazyMemmapStorage(len(recording))
    storage.loads(kept / "dumped")
    return storage


def fill(storage: Any, recording: Recording) -> None:
    """Put all rows into a storage."""
    import torch
    from tensordict import TensorDict

    raw = recording.all_raw()
    for start, stop in recording.blocks():
        rows = {name: torch.from_numpy(np.array(array[start:stop])) for name, array in raw.items()}
        storage.set(range(start, stop), TensorDict(rows, [stop - start]))
