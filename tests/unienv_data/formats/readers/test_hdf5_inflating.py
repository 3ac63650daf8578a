"""Gzip-compressed datasets whose chunks are inflated here are what HDF5 reads."""

from __future__ import annotations

import io
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unienv_data.formats.hdf5 import inflating
from unienv_data.formats.hdf5.inflating import inflate_rows

h5py = pytest.importorskip("h5py")


@pytest.fixture(autouse=True)
def small_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "_LEAST_BYTES", 1)
    monkeypatch.setattr(inflating, "_LEAST_CHUNK", 1)
    monkeypatch.setattr(inflating, "_CHUNKS_A_THREAD", 1)
    inflating._inflate.cache_clear()


def opened(values: Any, **options: Any) -> Any:
    file = h5py.File(io.BytesIO(), "w")
    return file.create_dataset("x", data=values, **options)


def shapes_and_chunks() -> Any:
    axis = st.integers(1, 9).flatmap(lambda length: st.tuples(st.just(length), st.integers(1, length)))
    return st.lists(axis, min_size=1, max_size=4)


@pytest.mark.parametrize("library", ["imagecodecs", "zlib"])
def test_any_chunks(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if library == "zlib":
        monkeypatch.setitem(sys.modules, "imagecodecs", None)
    else:
        pytest.importorskip("imagecodecs")

    @settings(max_examples=60)
    @given(
        axes=shapes_and_chunks(),
        dtype=st.sampled_from(["u1", "?", "i2", "f4", "f8"]),
        bounds=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    )
    def run(axes: list[tuple[int, int]], dtype: str, bounds: tuple[int, int]) -> None:
        shape, chunk = zip(*axes, strict=True)
        start, stop = (min(bound, shape[0]) for bound in sorted(bounds))
        values = np.random.default_rng(3).integers(0, 2 if dtype == "?" else 100, shape).astype(dtype)
        dataset = opened(values, chunks=chunk, compression="gzip")
        out = np.empty((stop - start, *shape[1:]), dtype)
        done = inflate_rows(dataset, start, stop, out)
        assert done == (stop > start and stop - start >= min(2 * chunk[0], shape[0]))
        if done:
            np.testing.assert_array_equal(out, values[start:stop])

    run()


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "lzf"},
        {"compression": "gzip", "shuffle": True},
        {"compression": "gzip", "fletcher32": True},
        {"chunks": (2, 3)},
        {},
    ],
)
def test_what_is_otherwise_compressed_is_left_to_hdf5(options: dict[str, Any]) -> None:
    values = np.arange(60.0).reshape(20, 3)
    assert not inflate_rows(opened(values, **options), 0, 20, np.empty((20, 3)))


def test_so_are_other_byte_orders_and_chunks_never_written() -> None:
    values = np.arange(60, dtype=">f8").reshape(20, 3)
    assert not inflate_rows(opened(values, compression="gzip"), 0, 20, np.empty((20, 3)))
    file = h5py.File(io.BytesIO(), "w")
    sparse = file.create_dataset("x", (20, 3), "f8", chunks=(2, 3), compression="gzip", fillvalue=7)
    sparse[:4] = 1
    assert not inflate_rows(sparse, 0, 20, np.empty((20, 3)))


def test_so_are_damaged_chunks_and_those_that_are_not_compressed() -> None:
    values = np.arange(60.0).reshape(20, 3)
    for packed, mask in ((b"nothing", 0), (values[:10].tobytes(), 1), (zlib.compress(b"short"), 0)):
        dataset = opened(values, chunks=(10, 3), compression="gzip")
        dataset.id.write_direct_chunk((0, 0), packed, mask)
        assert not inflate_rows(dataset, 0, 20, np.empty((20, 3)))
