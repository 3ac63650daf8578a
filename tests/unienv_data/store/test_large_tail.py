"""Rows that a reader finds in a tail, however large its object is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data import open as open_dataset
from unienv_interface import BoxSpace, DictSpace, NumpyComputeBackend


@pytest.mark.parametrize("rows", [1, 100, 4000])
def test_committed_rows_are_read_before_they_stand_in_shards(tmp_path: Path, rows: int) -> None:
    backend = NumpyComputeBackend
    frame = BoxSpace(backend, 0, 255, np.uint8, shape=(16, 24, 3))
    space = DictSpace(backend, {"frame": frame, "number": BoxSpace(backend, -1, 1e9, np.float64, shape=())})
    frames = np.random.default_rng(0).integers(0, 256, (rows, 16, 24, 3), dtype=np.uint8)
    path = str(tmp_path / "a.zarr")
    shards = {"frame": 4096, "number": 4096}
    with ReplayBuffer.create(ZarrStorage, space, cache_path=path, shards=shards) as buffer:
        buffer.extend({"frame": frames, "number": np.arange(rows, dtype=np.float64)})
        buffer.commit()
        (tail,) = (tmp_path / "a.zarr" / "storage" / "tails").iterdir()
        assert tail.stat().st_size >= frames.nbytes
        with open_dataset(path) as reader:
            np.testing.assert_array_equal(reader[:]["frame"], frames)
            np.testing.assert_array_equal(reader[::-1]["number"], np.arange(rows)[::-1])
