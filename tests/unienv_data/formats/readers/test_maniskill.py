"""ManiSkill's layout against h5py: observations have one value more than there are actions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unienv_data.formats.expecting import assert_as_expected, assert_refused
from tests.unienv_data.formats.hdf5_damage import cut, delete, empty, no_hdf5, replace, spoil_chunk
from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.conversion import plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, open_reader
from unienv_data.opening import open as open_dataset

h5py = pytest.importorskip("h5py")

SAMPLE = Path(__file__).parents[3] / "data/maniskill_h5"
FILE = next(SAMPLE.glob("*.h5"))
EXPECTED = json.loads((SAMPLE / "EXPECT.json").read_text(encoding="utf-8"))
RGB = "obs/sensor_data/base_camera/rgb"


@pytest.mark.parametrize("target_bytes", [1 << 24, 300_000, 1])
@pytest.mark.parametrize("source", [SAMPLE, FILE])
def test_every_column_is_as_on_disk(source: Path, target_bytes: int) -> None:
    facts, columns = read_all(source, target_bytes=target_bytes)
    assert facts.format == "maniskill"
    assert facts.lengths == tuple(EXPECTED["lengths"])
    assert set(columns) == set(EXPECTED["columns_concat"])
    for name, values in columns.items():
        assert_as_expected(values, EXPECTED["columns_concat"][name])
    with_final = [column.name for column in facts.columns if column.has_final]
    assert with_final == [name for name in columns if name.startswith(("obs/", "env_states/"))]


def test_what_the_json_says() -> None:
    document = json.loads(FILE.with_suffix(".json").read_text())
    facts, _ = read_all(FILE)
    assert facts.attributes["env_info"] == document["env_info"]
    assert facts.attributes["source_type"] == "motionplanning"
    assert facts.episodes["episode_seed"].to_pylist() == [0, 1, 2, 3]
    assert facts.episodes["success"].to_pylist() == [False] * 4
    assert json.loads(facts.episodes["reset_kwargs"][2].as_py()) == {"options": {}, "seed": 2}


def test_a_late_episode_and_the_order_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    shutil.copy(FILE, path)
    with h5py.File(path, "r+") as file:
        file.move("traj_0", "traj_10")
    with open_reader(Source(str(path))) as reader:
        facts = reader.facts()
        assert facts.episodes["source_episode"].to_pylist() == ["traj_1", "traj_2", "traj_3", "traj_10"]
        assert "no JSON file" in facts.notes[0]
        columns = read_columns(reader, [RGB, "actions"], [3])
    with h5py.File(path) as file:
        np.testing.assert_array_equal(columns[RGB], file["traj_10"][RGB])
        np.testing.assert_array_equal(columns["actions"], file["traj_10/actions"])


def test_conversion(tmp_path: Path) -> None:
    run_conversion(plan_conversion(str(FILE), str(tmp_path / "x.zarr")))
    with open_dataset(str(tmp_path / "x.zarr")) as buffer, h5py.File(FILE) as file:
        assert [end - start for start, end in buffer.get_segments()] == EXPECTED["lengths"]
        rows = buffer[:]
        for name, group in ((RGB, "obs"), ("env_states/actors/cube", "env_states")):
            episodes = [file[f"traj_{number}/{name}"] for number in range(4)]
            keys = name.split("/")[1:]
            before, after = rows[group], rows[f"next_{group}"]
            for key in keys:
                before, after = before[key], after[key]
            np.testing.assert_array_equal(before, np.concatenate([values[:-1] for values in episodes]))
            np.testing.assert_array_equal(after, np.concatenate([values[1:] for values in episodes]))
        assert_as_expected(rows["actions"], EXPECTED["columns_concat"]["actions"])


def test_files_of_other_columns_are_converted_one_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copy(FILE, folder / "a.h5")
    shutil.copy(FILE, folder / "b.h5")
    facts, columns = read_all(folder)
    assert facts.episodes["source_episode"].to_pylist()[3:5] == ["a.h5/traj_3", "b.h5/traj_0"]
    assert len(columns["actions"]) == 2 * 142
    for number in range(4):
        delete(f"traj_{number}/rewards")(folder / "b.h5")
    assert_refused(folder, tmp_path, "a.h5 and b.h5 have different columns")


DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "cut": (cut, ["x.h5: damaged HDF5 file: it was cut off"]),
    "no HDF5": (no_hdf5, ["x.h5: damaged HDF5 file: it does not begin"]),
    "empty": (empty, ["x.h5: damaged HDF5 file: it is empty"]),
    "no actions": (delete("traj_2/actions"), ["x.h5: /traj_2 has no actions"]),
    "a dataset is missing": (delete(f"traj_2/{RGB}"), [f"traj_2/{RGB}: the dataset is missing"]),
    "no final value": (
        replace(f"traj_2/{RGB}", np.zeros((50, 96, 128, 3), np.uint8)),
        [f"x.h5: traj_2/{RGB}: it has 50 rows, where 51 are expected"],
    ),
    "a damaged chunk": (spoil_chunk(f"traj_2/{RGB}", 2), [f"x.h5, traj_2/{RGB}, rows", "damaged HDF5"]),
    "JSON cut": (lambda path: path.with_suffix(".json").write_text('{"a'), ["x.json: damaged JSON"]),
    "JSON of another kind": (lambda path: path.with_suffix(".json").write_text("[]"), ["x.json: an object"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("single", [True, False])
def test_damage_is_named_and_nothing_is_left(tmp_path: Path, damage: str, single: bool) -> None:
    act, said = DAMAGES[damage]
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copy(FILE, folder / "x.h5")
    shutil.copy(FILE.with_suffix(".json"), folder / "x.json")
    act(folder / "x.h5")
    source = folder / "x.h5" if single else folder
    with pytest.raises(ConversionError) as caught:
        read_all(source)
    for part in said:
        assert part in str(caught.value)
    if "chunk" not in damage:
        assert_refused(source, tmp_path, *said)
