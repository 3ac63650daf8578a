"""Replay buffers that UniEnv wrote, against what UniEnv reads from them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.unienv_data.formats.expecting import assert_as_expected, assert_refused
from tests.unienv_data.formats.hdf5_damage import cut, no_hdf5, replace
from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.conversion import plan_conversion, run_conversion
from unienv_data.formats import Source, open_reader
from unienv_data.opening import open as open_dataset

h5py = pytest.importorskip("h5py")

SAMPLES = Path(__file__).parents[3] / "data/unienv"
NAMES = sorted(path.name for path in SAMPLES.iterdir())
HDF5, PARQUET = SAMPLES / "hdf5", SAMPLES / "parquet"


def expected_of(name: str) -> Any:
    return json.loads((SAMPLES / name / "EXPECT.json").read_text(encoding="utf-8"))


def assert_columns(columns: dict[str, Any], expected: Any) -> None:
    assert set(columns) == set(expected["columns"])
    for name, values in columns.items():
        entry = expected["columns"][name]
        if "texts" in entry:
            assert values.tolist() == entry["texts"]
        else:
            assert_as_expected(values, entry)


@pytest.mark.parametrize("target_bytes", [1 << 24, 300, 1])
@pytest.mark.parametrize("name", NAMES)
def test_rows_are_as_unienv_reads_them(name: str, target_bytes: int) -> None:
    facts, columns = read_all(SAMPLES / name, target_bytes=target_bytes)
    expected = expected_of(name)
    assert facts.format == "unienv"
    assert facts.lengths == tuple(expected["lengths"])
    assert_columns(columns, expected)


@pytest.mark.parametrize("name", ["hdf5_ring", "parquet_ring"])
def test_conversion(name: str, tmp_path: Path) -> None:
    run_conversion(plan_conversion(str(SAMPLES / name), str(tmp_path / "x.zarr")))
    expected = expected_of(name)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert [end - start for start, end in buffer.get_segments()] == expected["lengths"]
        rows = buffer[:]
    for column, entry in expected["columns"].items():
        value = rows
        for key in column.split("/"):
            value = value[key]
        if "texts" not in entry:
            assert_as_expected(value, entry)


@pytest.mark.parametrize("name", NAMES)
def test_some_episodes(name: str) -> None:
    lengths = expected_of(name)["lengths"]
    _, whole = read_all(SAMPLES / name)
    starts = np.cumsum([0, *lengths])
    chosen = [position for position in range(len(lengths)) if position != 1]
    with open_reader(Source(str(SAMPLES / name))) as reader:
        for column, values in read_columns(reader, list(whole), chosen, 200).items():
            parts = [whole[column][starts[n] : starts[n + 1]] for n in chosen]
            np.testing.assert_array_equal(values, np.concatenate(parts))


def metadata(**changes: Any) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        document = json.loads((root / "metadata.json").read_text())
        (root / "metadata.json").write_text(json.dumps({**document, **changes}))

    return damage


def within(name: str, act: Callable[[Path], None]) -> Callable[[Path], None]:
    return lambda root: act(root / name)


PIECE = "storage/part-000001.parquet"


def rewrite(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    return within(PIECE, lambda path: pq.write_table(change(pq.read_table(path)), path))


DAMAGES: dict[str, tuple[Path, Callable[[Path], None], list[str]]] = {
    "HDF5 cut": (HDF5, within("storage.hdf5", cut), ["storage.hdf5: damaged HDF5 file: it was cut off"]),
    "no HDF5": (HDF5, within("storage.hdf5", no_hdf5), ["storage.hdf5: damaged HDF5 file"]),
    "no storage": (HDF5, within("storage.hdf5", Path.unlink), ["storage.hdf5: the file is missing"]),
    "too few rows": (
        HDF5,
        within("storage.hdf5", replace("reward", np.zeros(17, np.float32))),
        ["storage.hdf5: reward has 17 rows, where 18 are expected"],
    ),
    "a count of none": (HDF5, metadata(count=-1, offset="x"), ["count is -1", "offset is 'x'"]),
    "bad segments": (HDF5, metadata(physical_segments=[[1]]), ["physical_segments is not a list of pairs"]),
    "segments of other rows": (
        HDF5,
        metadata(physical_segments=[[0, 4]]),
        ["count is 18, but physical_segments have 5 rows"],
    ),
    "another storage": (
        HDF5,
        metadata(storage_cls="unienv_data.storages.video_storage.VideoStorage"),
        ["the storage is a VideoStorage; HDF5Storage and ParquetStorage can be read"],
    ),
    "code": (HDF5, metadata(storage_cls="os.system"), ["the storage is a system"]),
    "a piece cut": (PARQUET, within(PIECE, cut), [PIECE, "no footer"]),
    "a piece missing": (PARQUET, within(PIECE, Path.unlink), [PIECE + ": the file is missing"]),
    "a short piece": (
        PARQUET,
        rewrite(lambda table: table.slice(1)),
        [PIECE + ": it has 7 rows, where 8 are"],
    ),
    "a column missing": (
        PARQUET,
        rewrite(lambda table: table.drop_columns(["text"])),
        [PIECE + ": the column text is missing"],
    ),
    "another type": (
        PARQUET,
        rewrite(lambda table: table.set_column(2, "reward", table["reward"].cast("double"))),
        [PIECE + ": the column reward is double"],
    ),
    "no table of pieces": (
        PARQUET,
        within("storage/_metadata.json", cut),
        ["storage/_metadata.json: damaged"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_nothing_is_left(tmp_path: Path, damage: str) -> None:
    sample, act, said = DAMAGES[damage]
    shutil.copytree(sample, tmp_path / "x")
    act(tmp_path / "x")
    assert_refused(tmp_path / "x", tmp_path, str(tmp_path / "x"), *said)
