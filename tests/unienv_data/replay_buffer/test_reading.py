"""What reading costs, and what flattened reads give."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import InexactValueError
from unienv_interface.backends import NumpyComputeBackend, load_backend
from unienv_interface.space import BoxSpace, DictSpace

LIMITS: dict[str, tuple[Any, Any]] = {
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 255),
    "uint64": (0, 2**64 - 1),
    "float32": (-np.inf, np.inf),
}


@pytest.fixture(params=["numpy", "pytorch"])
def backend(request: pytest.FixtureRequest) -> Any:
    if request.param == "pytorch":
        pytest.importorskip("torch")
    return load_backend(request.param)


def buffer_of(backend: Any, **columns: str) -> Any:
    parts = {
        name: BoxSpace(backend, *LIMITS[dtype], backend.dtype_from_name(dtype), shape=(2,))
        for name, dtype in columns.items()
    }
    return ReplayBuffer.create(ZarrStorage, DictSpace(backend, parts))


def row(backend: Any, **columns: Any) -> dict[str, Any]:
    return {name: backend.from_numpy(np.array(values)) for name, values in columns.items()}


# Flattening: fault 1 of the first implementation


@pytest.mark.parametrize(
    ("first", "second", "promoted"),
    [("int64", "float32", "float64"), ("uint8", "float32", "float32"), ("uint8", "int64", "int64")],
)
def test_types_promote_as_in_numpy(backend: Any, first: str, second: str, promoted: str) -> None:
    buffer = buffer_of(backend, a=first, b=second)
    buffer.append(row(backend, a=np.array([3, 4], first), b=np.array([5, 6], second)))
    for flat in (buffer.get_flattened_at(0), buffer.get_flattened_at([0])[0]):
        assert backend.dtype_name(flat.dtype) == promoted
        assert flat.tolist() == [3, 4, 5, 6]


def test_a_nanosecond_timestamp_does_not_move(backend: Any) -> None:
    moment = 1_700_000_000_123_456_789
    buffer = buffer_of(backend, time=("int64"), state="float32")
    buffer.append(row(backend, time=np.array([moment, 0]), state=np.zeros(2, np.float32)))
    for index in (0, [0], slice(None)):
        with pytest.raises(InexactValueError, match="time"):
            buffer.get_flattened_at(index)
    assert buffer[0]["time"].tolist() == [moment, 0]
    exact = 2**53
    buffer[0] = row(backend, time=np.array([exact, -exact]), state=np.zeros(2, np.float32))
    assert buffer.get_flattened_at(0).tolist() == [0, 0, exact, -exact]


def test_integers_alone_stay_exact_to_their_limits(backend: Any) -> None:
    buffer = buffer_of(backend, a="int64")
    limits = list(LIMITS["int64"])
    buffer.append(row(backend, a=np.array(limits)))
    assert buffer.get_flattened_at(0).tolist() == limits
    buffer.append_flattened(buffer.get_flattened_at(0))
    assert buffer[1]["a"].tolist() == limits


def test_writing_flat_arrays_changes_no_value(backend: Any) -> None:
    buffer = buffer_of(backend, a="uint8", b="float32")
    good = backend.from_numpy(np.array([[1, 2, 0.5, 0.25]], dtype=np.float32))
    buffer.extend_flattened(good)
    for bad in (
        [[1.5, 2, 0, 0]],
        [[-1, 0, 0, 0]],
        [[256, 0, 0, 0]],
        [[1, 2, 3]],
        [1, 2, 3, 4],
        [[np.nan] * 4],
    ):
        array = backend.from_numpy(np.array(bad, dtype=np.float32))
        for write in (buffer.extend_flattened, lambda value: buffer.set_flattened_at([0], value)):
            with pytest.raises(ValueError, match=r"expected"):
                write(array)
    assert len(buffer) == 1
    assert buffer[0]["a"].tolist() == [1, 2]


# Cost


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Any:
    space = BoxSpace(NumpyComputeBackend, 0, 255, NumpyComputeBackend.uint8, shape=())
    path = tmp_path_factory.mktemp("million") / "d.zarr"
    with ReplayBuffer.create(ZarrStorage, space, cache_path=path) as buffer:
        buffer.extend((np.arange(1_000_000) % 251).astype(np.uint8))
    return path


def peak_of(action: Any) -> int:
    action()  # what is imported and cached on first use does not count
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("index", [slice(None), ..., range(1_000_000)], ids=str)
def test_a_range_of_a_million_rows_stays_a_range(million: Path, index: Any) -> None:
    with ReplayBuffer.load_from(million) as buffer:
        peak = peak_of(lambda: buffer[index])
        assert buffer[index].shape == (1_000_000,)
    assert peak < 4_000_000  # 1 MB of rows; an index array alone would be 8 MB


def test_a_row_of_a_million_costs_a_chunk(million: Path) -> None:
    with ReplayBuffer.load_from(million) as buffer:
        assert peak_of(lambda: buffer[777_777]) < 200_000
        assert buffer[777_777] == 777_777 % 251


def test_rows_come_one_after_another_without_the_rest(million: Path) -> None:
    with ReplayBuffer.load_from(million) as buffer:

        def first_rows() -> list[int]:
            rows = iter(buffer)
            return [int(next(rows)) for _ in range(100)]

        assert first_rows() == list(range(100))
        assert peak_of(first_rows) < 300_000
