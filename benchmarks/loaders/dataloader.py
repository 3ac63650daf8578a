"""PyTorch's DataLoader, over h5py and over this project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.loaders.base import Loaded, Loader, Work
from benchmarks.loaders.sampling import as_loaded
from benchmarks.readers.hdf5 import Hdf5Reader, read_rows
from unienv_data.batches import SliceStackedBatch

SETTINGS = "2 workers, batches as the dataset's items, persistent_workers"


class Hdf5Dataset:
    """Batches of rows or windows of a file; opened where it is read."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._reader: Hdf5Reader | None = None

    def __getitem__(self, asked: list[int]) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._reader is None:
            self._reader = Hdf5Reader()
            self._reader.setup(self._work.recording)
        rows = np.array(asked)
        value: dict[str, NDArray[Any]] = {}
        masks: dict[str, NDArray[np.bool_]] = {}
        for name, column in self._reader.columns.items():
            steps = (self._work.steps or {}).get(name)
            if steps is None:
                value[name] = read_rows(column, rows)
                continue
            places, masks[name] = self._work.places(rows, steps)
            needed, inverse = np.unique(places, return_inverse=True)
            value[name] = read_rows(column, needed)[inverse.reshape(places.shape)]
        return value, {"slice_valid_mask": masks}

    def __len__(self) -> int:
        return len(self._work.recording)


class OwnDataset:
    """Batches of rows or windows of the dataset as this project reads it; opened where it is read."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._data: Any = None

    def __getitem__(self, asked: list[int]) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._data is None:
            self._data = unienv_data.open(self._work.recording.store)
            if self._work.steps is not None:
                steps = {name: list(steps) for name, steps in self._work.steps.items()}
                self._data = SliceStackedBatch(self._data, steps)
        value, metadata = self._data.get_at_with_metadata(np.array(asked))
        return value, metadata or {}

    def __len__(self) -> int:
        return len(self._work.recording)


class Hdf5DataLoader(Loader):
    """DataLoader with one item a batch, its documented way for data that is fastest in batches."""

    name = "DataLoader over h5py"
    modules = ("torch", "h5py")
    distribution = "torch"
    settings = f"{SETTINGS}; {Hdf5Reader.settings}"
    dataset: type[Any] = Hdf5Dataset

    def setup(self, work: Work) -> None:
        self._work = work
        if self.dataset is Hdf5Dataset:  # written here, once, and not by every worker
            reader = Hdf5Reader()
            reader.setup(work.recording)
            reader.close()
        self._loader = shuffled_loader(self.dataset(work), work)

    def epoch(self) -> Iterator[Any]:
        return iter(self._loader)

    def loaded(self, batch: Any) -> Loaded:
        return as_loaded(self._work, batch)

    def close(self) -> None:
        del self._loader


class OwnDataLoader(Hdf5DataLoader):
    """The same over this project's dataset."""

    name = "DataLoader over ReplayBuffer"
    modules = ("torch",)
    settings = SETTINGS
    dataset = OwnDataset


def shuffled_loader(dataset: Any, work: Work) -> Any:
    """A DataLoader that gives the dataset a batch's rows at once."""
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler

    return DataLoader(
        dataset,
        sampler=BatchSampler(RandomSampler(dataset), work.batch, drop_last=False),
        batch_size=None,
        num_workers=work.workers,
        persistent_workers=True,
    )
