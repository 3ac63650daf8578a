"""What plain zarr-python and TensorStore make of a store, whose metadata is written here by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from tests.conftest import requires_tensorstore
from tests.unienv_data.store import rowmodel
from tests.unienv_data.store.rowmodel import append, check, close, commit, create, kill, newest, reopen
from unienv_data.columns.data import Ragged
from unienv_data.schema.commit import Commit
from unienv_data.store.layout import LayoutOptions
from unienv_data.store.objects.local import LocalObjects

tiny_values: Any = rowmodel.tiny_values
pytestmark = pytest.mark.usefixtures("tiny_values")

Reader = Callable[[Path], NDArray[Any]]


def by_zarr(path: Path) -> NDArray[Any]:
    return np.asarray(zarr.open_array(path, mode="r")[...])


def by_tensorstore(path: Path) -> NDArray[Any]:
    import tensorstore

    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/"}}
    return np.asarray(tensorstore.open(spec, read=True).result().read().result())


readers = pytest.mark.parametrize(
    "read",
    [by_zarr, pytest.param(by_tensorstore, marks=requires_tensorstore)],
    ids=["zarr-python", "TensorStore"],
)


def arrays(root: Path, found: Commit, read: Reader) -> dict[str, NDArray[Any]]:
    group = root / rowmodel.PATH / found.group
    return {name: read(group / name) for name in found.arrays}


def columns_from(found: dict[str, NDArray[Any]], rows: NDArray[np.int64]) -> dict[str, Any]:
    """Rows of the log as columns, from whole arrays."""
    columns: dict[str, Any] = {}
    for spec in rowmodel.COLUMNS:
        if spec.ragged_axes is None:
            columns[spec.name] = found[spec.name][rows]
        else:
            index = found[f"{spec.name}/index"][rows]
            columns[spec.name] = Ragged(found[f"{spec.name}/values"], index[:, 0], index[:, 1:])
    return columns


@readers
@pytest.mark.parametrize("count", [1, 8, 61, 64])
def test_a_sealed_store_is_read_in_order(tmp_path: Path, read: Reader, count: int) -> None:
    store = create(LocalObjects(tmp_path))
    append(store, range(count // 2))
    commit(store)
    append(store, range(count // 2, count))
    sealed = store.seal(store.commit_read.buffer)
    assert sealed.is_in_order
    found = arrays(tmp_path, sealed, read)
    assert found["frame"].shape == (count, 2, 3)
    assert found["nothing"].shape == (count, 0, 2)
    rowmodel.check_rows(columns_from(found, np.arange(count)), range(count))
    store.abandon()


@readers
@pytest.mark.parametrize("spec", ["raw", "zstd", "lz4:9:bitshuffle", "gzip:1", "blosclz", "lz4hc", "zlib"])
def test_every_codec(tmp_path: Path, read: Reader, spec: str) -> None:
    options = LayoutOptions({"**": spec}, rowmodel.TINY.chunks, rowmodel.TINY.shards)
    store = create(LocalObjects(tmp_path), options=options)
    append(store, range(41))
    sealed = store.seal(store.commit_read.buffer)
    rowmodel.check_rows(columns_from(arrays(tmp_path, sealed, read), np.arange(41)), range(41))
    store.abandon()


@readers
def test_what_has_been_cut_and_taken_over_is_read_by_the_runs_and_after_compaction_in_order(
    tmp_path: Path, read: Reader
) -> None:
    store = create(LocalObjects(tmp_path))
    append(store, range(30))
    commit(store)
    append(store, [999] * 20)
    kill(store)
    store = reopen(LocalObjects(tmp_path), writable=True)
    append(store, range(30, 70))
    store.keep([(4, 33), (40, 70)])
    numbers = [*range(4, 33), *range(40, 70)]
    sealed = store.seal(store.commit_read.buffer)
    rows = np.concatenate([np.arange(row, row + count) for _, row, count in sealed.runs])
    rowmodel.check_rows(columns_from(arrays(tmp_path, sealed, read), rows), numbers)
    compacted = store.compact(sealed.buffer)
    found = arrays(tmp_path, compacted, read)
    assert len(found["frame"]) == len(numbers)
    rowmodel.check_rows(columns_from(found, np.arange(len(numbers))), numbers)
    store.abandon()


@readers
@pytest.mark.parametrize("how", [close, kill], ids=["closed", "killed"])
def test_of_an_unsealed_store_they_see_whole_shards_and_no_zeros(
    tmp_path: Path, read: Reader, how: Callable[[Any], None]
) -> None:
    store = create(LocalObjects(tmp_path))
    append(store, range(29))
    commit(store)
    how(store)
    found = arrays(tmp_path, newest(LocalObjects(tmp_path)), read)
    for name, shard_rows in (("group/number", 4), ("frame", 8), ("flag", 4)):
        seen = found[name]
        assert len(seen) == (29 - 29 % shard_rows if how is close else 0)
        np.testing.assert_array_equal(seen, rowmodel.rows(range(len(seen)))[name])


def test_the_whole_is_a_group_that_lists_its_members(tmp_path: Path) -> None:
    store = create(LocalObjects(tmp_path))
    append(store, range(9))
    sealed = store.seal(store.commit_read.buffer)
    group = zarr.open_group(tmp_path / rowmodel.PATH / sealed.group, mode="r")
    assert set(group.keys()) == {"group", "frame", "flag", "nothing", "text", "ragged"}
    assert set(group["text"].keys()) == {"index", "values"}  # type: ignore[union-attr]
    np.testing.assert_array_equal(group["group/number"][4:6], rowmodel.rows([4, 5])["group/number"])  # type: ignore[index]
    store.abandon()


def test_a_shard_written_by_zarr_python_is_refused_for_want_of_a_tag(tmp_path: Path) -> None:
    """What others write into the arrays is not mistaken for data that a commit counts."""
    store = create(LocalObjects(tmp_path))
    append(store, range(16))
    close(store)
    check(reopen(LocalObjects(tmp_path), writable=False), range(16))
    array = zarr.open_array(tmp_path / rowmodel.PATH / "columns" / "frame", mode="r+")
    array[0:8] = np.asarray(array[0:8]) + 1
    with pytest.raises(OSError, match=r"c\.0\.0\.0.*tag"):
        reopen(LocalObjects(tmp_path), writable=False).get(range(8), ["frame"])
