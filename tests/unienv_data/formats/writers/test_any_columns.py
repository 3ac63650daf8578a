"""Any columns and lengths of episodes come back from every format, in whatever chunks they came."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from tests.conftest import requires_h5py
from tests.unienv_data.formats.writing import Made, make, write
from unienv_data.formats import writer_class

Rows = Mapping[str, NDArray[Any]]

NAMES = st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}){0,2}", fullmatch=True)
DTYPES = st.sampled_from(["bool", "int8", "uint16", "int64", "uint64", "float16", "float32", "float64"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@st.composite
def recordings(draw: st.DrawFn) -> Made:
    lengths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    rows = sum(lengths)
    values: dict[str, NDArray[Any]] = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        shape = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
        values[name] = draw(npst.arrays(draw(DTYPES), (rows, *shape)))
    if draw(st.booleans()):
        texts = np.empty(rows, object)
        texts[:] = draw(st.lists(TEXTS, min_size=rows, max_size=rows))
        values["zzzz"] = texts
    return make(values, lengths)


def from_npz(place: Path, made: Made) -> Rows:
    with np.load(place) as arrays:
        return {name: arrays[name] for name in made.values}


def from_parquet(place: Path, made: Made) -> Rows:
    table = pq.read_table(place)
    return {
        name: np.array(table[name].to_pylist(), values.dtype).reshape(values.shape)
        for name, values in made.values.items()
    }


def from_zarr(place: Path, made: Made) -> Rows:
    group = zarr.open_group(str(place), mode="r", zarr_format=2)
    return {name: np.asarray(group["data"][name]) for name in made.values}


def from_hdf5(place: Path, made: Made) -> Rows:
    import h5py

    found = {}
    with h5py.File(place) as file:
        demos = [file["data"][f"demo_{number}"] for number in range(len(made.facts.lengths))]
        for column in made.facts.columns:
            parts = [demo["/".join(column.path)] for demo in demos]
            texts = made.values[column.name].dtype == object
            found[column.name] = np.concatenate([part.asstr()[()] if texts else part[()] for part in parts])
    return found


FORMATS: dict[str, tuple[str, Callable[[Path, Made], Rows]]] = {
    "npz": ("x.npz", from_npz),
    "parquet": ("x.parquet", from_parquet),
    "diffusion_policy": ("x.zarr", from_zarr),
    "robomimic": ("x.hdf5", from_hdf5),
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=requires_h5py if n == "robomimic" else ()) for n in FORMATS]
)
@settings(max_examples=30)
@given(data=st.data())
def test_any_columns(name: str, data: st.DataObject) -> None:
    made = data.draw(recordings())
    file, read = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        place = write(writer_class(name), Path(folder) / file, made, rows=data.draw(st.integers(1, 9)))
        found = read(place, made)
    for column, values in made.values.items():
        if values.dtype == object:
            assert found[column].tolist() == values.tolist()
        else:
            np.testing.assert_array_equal(found[column], values)
            assert found[column].dtype == values.dtype
            assert found[column].shape == values.shape
