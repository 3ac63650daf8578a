"""Appending rows one by one."""

from __future__ import annotations

import shutil
import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import unienv_data
from benchmarks.contender import Contender
from benchmarks.measure import in_turns
from benchmarks.report import Result
from unienv_data.storages.zarr import ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import BoxSpace, DictSpace

Row = dict[str, Any]


def row_space() -> DictSpace[Any, Any, Any]:
    """Three leaves, one of which has bounds that every value is held against."""
    return DictSpace(
        NumpyComputeBackend,
        {
            "action": BoxSpace(NumpyComputeBackend, -1.0, 1.0, np.float32, shape=(7,)),
            "reward": BoxSpace(NumpyComputeBackend, -np.inf, np.inf, np.float32, shape=()),
            "state": BoxSpace(NumpyComputeBackend, -np.inf, np.inf, np.float32, shape=(25,)),
        },
    )


def make_rows(count: int) -> list[Row]:
    """Rows of that space."""
    rng = np.random.default_rng(0)
    return [
        {
            "action": rng.uniform(-1, 1, 7).astype(np.float32),
            "reward": np.float32(rng.random()),
            "state": rng.normal(0, 1, 25).astype(np.float32),
        }
        for _ in range(count)
    ]


class Appender(Contender):
    """Takes rows one by one."""

    distribution = "unienv-data"

    @abstractmethod
    def setup(self, folder: Path) -> None:
        """Make something to append to."""

    @abstractmethod
    def append(self, rows: Sequence[Row]) -> None:
        """Append the rows. Timed."""

    def settle(self) -> None:
        """What ends an episode. Not timed."""
        return


class MemoryAppender(Appender):
    """A buffer in memory."""

    name = "append, in memory"
    settings = "cache_path=None"

    def setup(self, folder: Path) -> None:
        self._buffer = unienv_data.ReplayBuffer.create(ZarrStorage, row_space(), capacity=None)

    def append(self, rows: Sequence[Row]) -> None:
        append = self._buffer.append
        for row in rows:
            append(row)

    def settle(self) -> None:
        self._buffer.mark_segment_end()

    def close(self) -> None:
        self._buffer.close()


class LocalAppender(MemoryAppender):
    """A dataset on the disk."""

    name = "append, local"
    settings = "committed when the episode ends, which is not timed"

    def setup(self, folder: Path) -> None:
        path = str(folder / "dataset.zarr")
        self._buffer = unienv_data.ReplayBuffer.create(
            ZarrStorage, row_space(), capacity=None, cache_path=path, overwrite=True
        )


class TorchRLAppender(Appender):
    """TorchRL's replay buffer of tensors in memory; nothing is checked."""

    name = "TorchRL ReplayBuffer.add"
    modules = ("torchrl", "tensordict")
    distribution = "torchrl"
    settings = "LazyTensorStorage of a fixed size"

    def setup(self, folder: Path) -> None:
        from torchrl.data import LazyTensorStorage, TensorDictReplayBuffer

        self._buffer = TensorDictReplayBuffer(storage=LazyTensorStorage(100_000), batch_size=1)

    def append(self, rows: Sequence[Row]) -> None:
        import torch
        from tensordict import TensorDict

        for row in rows:
            self._buffer.add(TensorDict({name: torch.as_tensor(value) for name, value in row.items()}))


APPENDERS: tuple[type[Appender], ...] = (MemoryAppender, LocalAppender, TorchRLAppender)


@dataclass(frozen=True)
class AppendSuite:
    """One row of three leaves of numbers at a time.

    Attributes:
        rows: appended a turn; a figure is of one.
    """

    rows: int = 2000

    def __call__(
        self, folder: Path, rounds: int, appenders: tuple[type[Appender], ...] = APPENDERS
    ) -> Result:
        """Time the appenders on the same rows."""
        rows = make_rows(self.rows)
        taking_part = [appender() for appender in appenders if appender.is_available()]
        here = folder / "appending"
        ready: list[Appender] = []

        def turn(appender: Appender, _: int) -> float:
            start = time.perf_counter()
            appender.append(rows)
            seconds = time.perf_counter() - start
            appender.settle()
            return seconds / len(rows)

        try:
            for appender in taking_part:
                appender.setup(here)
                ready.append(appender)
                turn(appender, 0)
            timings = in_turns(taking_part, rounds, turn)
        finally:
            for appender in ready:
                appender.close()
            shutil.rmtree(here, ignore_errors=True)
        return Result(
            title="appending one row of 25, 7 and 1 float32",
            amount=1,
            unit="rows",
            timings=tuple(timings),
            missing=tuple(appender.name for appender in appenders if not appender.is_available()),
        )
