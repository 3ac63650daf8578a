"""Who gives epochs: one small file a library."""

from __future__ import annotations

from benchmarks.loaders.base import INDEX, Loader, Work
from benchmarks.loaders.dataloader import Hdf5DataLoader, OwnDataLoader
from benchmarks.loaders.lerobot import LeRobotImagesLoader, LeRobotVideoLoader
from benchmarks.loaders.sampling import OneProcessLoader, WorkersLoader
from benchmarks.loaders.torchrl import TorchRLLoader
from benchmarks.loaders.two_processes import TwoProcessesLoader

__all__ = ["INDEX", "OF_ROWS", "OF_WINDOWS", "Loader", "Work"]

#: Loaders of single rows, this project's first: ratios are to it.
OF_ROWS: tuple[type[Loader], ...] = (
    WorkersLoader,
    OneProcessLoader,
    TwoProcessesLoader,
    OwnDataLoader,
    Hdf5DataLoader,
    TorchRLLoader,
)

#: Loaders of windows.
OF_WINDOWS: tuple[type[Loader], ...] = (
    WorkersLoader,
    OwnDataLoader,
    Hdf5DataLoader,
    LeRobotImagesLoader,
    LeRobotVideoLoader,
)
