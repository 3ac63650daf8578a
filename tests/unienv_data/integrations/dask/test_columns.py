"""Columns as Dask arrays: what the batch gives, read chunk by chunk, here and elsewhere."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import fsspec
import numpy as np
import pytest

from tests.conftest import requires_distributed, requires_torch
from unienv_data.errors import PathError
from unienv_data.integrations.dask import to_dask
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend as Numpy
from unienv_interface.space import BoxSpace, DictSpace, DynamicBoxSpace, TextSpace

ROWS = 1500
SPACE = DictSpace(
    Numpy,
    {
        "image": BoxSpace(Numpy, 0, 255, np.uint8, shape=(40, 40, 3)),
        "arm": DictSpace(Numpy, {"state": BoxSpace(Numpy, -np.inf, np.inf, np.float32, shape=(3,))}),
        "reward": BoxSpace(Numpy, -np.inf, np.inf, np.float64, shape=()),
        "task": TextSpace(Numpy, max_length=40),
        "points": DynamicBoxSpace(Numpy, -np.inf, np.inf, (0, 2), (9, 2), np.float32),
    },
)


def rows() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    tasks, points = np.empty(ROWS, dtype=object), np.empty(ROWS, dtype=object)
    tasks[:] = [f"task {row % 7}" for row in range(ROWS)]
    for row in range(ROWS):
        points[row] = rng.normal(size=(row % 9, 2)).astype(np.float32)
    return {
        "image": rng.integers(0, 256, (ROWS, 40, 40, 3), dtype=np.uint8),
        "arm": {"state": rng.normal(size=(ROWS, 3)).astype(np.float32)},
        "reward": rng.normal(size=ROWS),
        "task": tasks,
        "points": points,
    }


VALUES = rows()


def write(place: str) -> None:
    with ReplayBuffer.create(
        ZarrStorage, SPACE, cache_path=place, capacity=None, shards={"image": 128, "arm/state": 512}
    ) as buffer:
        buffer.extend(VALUES)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = str(tmp_path_factory.mktemp("dask") / "x.zarr")
    write(place)
    return place


@pytest.fixture
def buffer(dataset: str) -> Iterator[Any]:
    with open_dataset(dataset) as opened:
        yield opened


def test_columns(buffer: Any) -> None:
    arrays = to_dask(buffer)
    assert set(arrays) == {"image", "arm/state", "reward", "task", "points"}
    image = arrays["image"]
    assert (image.shape, image.dtype) == ((ROWS, 40, 40, 3), np.dtype(np.uint8))
    assert image.chunks[0] == (*[128] * 11, 92)
    assert arrays["arm/state"].chunks[0] == (512, 512, 476)
    np.testing.assert_array_equal(image.compute(), VALUES["image"])
    np.testing.assert_array_equal(arrays["arm/state"].compute(), VALUES["arm"]["state"])
    np.testing.assert_array_equal(arrays["reward"].compute(), VALUES["reward"])
    assert arrays["task"].dtype == np.dtype(object)
    assert arrays["task"].compute().tolist() == VALUES["task"].tolist()
    found = arrays["points"].compute()
    assert all(np.array_equal(a, b) for a, b in zip(found, VALUES["points"], strict=True))


def test_slices_and_reductions(buffer: Any) -> None:
    arrays = to_dask(buffer, ["image", "arm"])
    assert list(arrays) == ["image", "arm/state"]
    np.testing.assert_array_equal(
        arrays["image"][300:700:7, 3:5, :, 1].compute(), VALUES["image"][300:700:7, 3:5, :, 1]
    )
    mean = arrays["image"].mean(axis=(0, 1, 2)).compute(scheduler="threads")
    np.testing.assert_allclose(mean, VALUES["image"].mean(axis=(0, 1, 2)))
    std = arrays["arm/state"].astype(np.float64).std(axis=0).compute(scheduler="synchronous")
    np.testing.assert_allclose(std, VALUES["arm"]["state"].astype(np.float64).std(axis=0))


def test_nothing_is_read_before(buffer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    whole = ZarrStorage.get_parts

    def watching(self: Any, index: Any, paths: Any) -> Any:
        read.append((index, paths))
        return whole(self, index, paths)

    monkeypatch.setattr(ZarrStorage, "get_parts", watching)
    image = to_dask(buffer)["image"]
    assert not read
    image[130:140].compute(scheduler="synchronous")
    assert [list(paths) for _, paths in read] == [[("image",)]]
    assert len(range(ROWS)[read[0][0]] if isinstance(read[0][0], slice) else read[0][0]) <= 128


def test_views(buffer: Any) -> None:
    view = buffer.get_slice(slice(200, 900, 3))
    np.testing.assert_array_equal(to_dask(view, ["reward"])["reward"].compute(), VALUES["reward"][200:900:3])
    column = to_dask(buffer.get_column("arm/state"))
    assert list(column) == [""]
    np.testing.assert_array_equal(column[""].compute(), VALUES["arm"]["state"])
    assert to_dask(buffer.get_slice(slice(0, 0)), ["image"])["image"].compute().shape == (0, 40, 40, 3)
    with pytest.raises(PathError):
        to_dask(buffer, ["other"])


def test_rows_that_were_moved(tmp_path: Path) -> None:
    """Chunks are of the rows as they lie, though many shards have been cut."""
    with ReplayBuffer.create(
        ZarrStorage, SPACE, cache_path=str(tmp_path / "x"), capacity=None, shards={"image": 64}
    ) as buffer:
        buffer.extend(VALUES)
        gone = np.arange(0, ROWS, 13)
        buffer.remove_at(gone)
    with open_dataset(str(tmp_path / "x")) as opened:
        image = to_dask(opened, ["image"])["image"]
        assert len(image.chunks[0]) <= ROWS
        np.testing.assert_array_equal(image.compute(), np.delete(VALUES["image"], gone, axis=0))


def test_arrays_pickle(buffer: Any, dataset: str) -> None:
    arrays: dict[str, da.Array] = pickle.loads(pickle.dumps(to_dask(buffer)))
    np.testing.assert_array_equal(arrays["reward"].compute(), VALUES["reward"])


def test_from_an_object_store() -> None:
    place = "memory://dask/x.zarr"
    try:
        write(place)
        with open_dataset(place) as buffer:
            state = to_dask(buffer, ["arm/state"])["arm/state"]
            np.testing.assert_array_equal(state.compute(), VALUES["arm"]["state"])
    finally:
        fsspec.filesystem("memory").rm("/dask", recursive=True)


@requires_distributed
def test_a_cluster_computes_them(buffer: Any) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit=0
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        total = client.compute(to_dask(buffer, ["image"])["image"].sum(dtype=np.int64)).result()
    assert total == VALUES["image"].sum(dtype=np.int64)


@requires_torch
def test_other_backends(dataset: str) -> None:
    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    with ReplayBuffer.load_from(dataset, backend=PyTorchComputeBackend) as buffer:
        state = to_dask(buffer, ["arm/state"])["arm/state"].compute()
    assert isinstance(state, np.ndarray)
    np.testing.assert_array_equal(state, VALUES["arm"]["state"])
