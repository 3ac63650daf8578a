"""robomimic's own recordings, and LIBERO's layout, against h5py and what robomimic says of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.formats.expecting import assert_as_expected, assert_refused
from tests.unienv_data.formats.hdf5_damage import (
    Damage,
    cut,
    delete,
    edit,
    empty,
    no_hdf5,
    replace,
    spoil_chunk,
)
from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, detect, open_reader
from unienv_data.opening import open as open_dataset

h5py = pytest.importorskip("h5py")

SAMPLE = Path(__file__).parents[3] / "data/robomimic_hdf5"
EXPECTED = json.loads((SAMPLE / "EXPECT.json").read_text(encoding="utf-8"))["files"]


@pytest.mark.parametrize("file", sorted(EXPECTED))
@pytest.mark.parametrize("target_bytes", [1 << 24, 200_000, 1])
def test_every_column_is_as_on_disk(file: str, target_bytes: int) -> None:
    expected = EXPECTED[file]
    facts, columns = read_all(SAMPLE / file, target_bytes=target_bytes)
    assert facts.lengths == tuple(expected["lengths"])
    assert facts.episodes["source_episode"].to_pylist() == expected["demos"]
    assert set(columns) == set(expected["columns_concat"])
    for name, values in columns.items():
        assert_as_expected(values, expected["columns_concat"][name])
    assert not any(column.has_final for column in facts.columns)


def test_what_has_no_row_goes_to_attributes_and_the_episode_table() -> None:
    facts, _ = read_all(SAMPLE / "image.hdf5")
    with h5py.File(SAMPLE / "image.hdf5") as file:
        assert facts.attributes == {"env_args": json.loads(file["data"].attrs["env_args"])}
        models = [file[f"data/demo_{number}"].attrs["model_file"] for number in range(1, 6)]
    assert facts.episodes["model_file"].to_pylist() == models
    assert "agentview" in json.loads(facts.episodes["camera_info"][0].as_py())
    train = EXPECTED["image.hdf5"]["mask"]["train"]
    assert facts.episodes["splits"].to_pylist() == [
        ["train"] if f"demo_{number}" in train else ["valid"] for number in range(1, 6)
    ]
    assert (facts.unreadable, facts.notes) == ({}, ())


def test_conversion(tmp_path: Path) -> None:
    expected = EXPECTED["image.hdf5"]
    plan = plan_conversion(str(SAMPLE / "image.hdf5"), str(tmp_path / "x.zarr"))
    run_conversion(plan)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        rows = buffer[:]
        for name, entry in expected["columns_concat"].items():
            value = rows
            for key in name.split("/"):
                value = value[key]
            assert_as_expected(value, entry)
        assert [end - start for start, end in buffer.get_segments()] == expected["lengths"]


def test_a_late_episode_alone() -> None:
    with open_reader(Source(str(SAMPLE / "image.hdf5"))) as reader:
        assert reader.name == "robomimic"
        columns = read_columns(reader, ["obs/agentview_image", "actions"], [4, 1])
    with h5py.File(SAMPLE / "image.hdf5") as file:
        for name, values in columns.items():
            np.testing.assert_array_equal(
                values, np.concatenate([file[f"data/demo_{number}/{name}"] for number in (5, 2)])
            )


def demo(data: Any, name: str, rows: int, **columns: Any) -> Any:
    group = data.create_group(name)
    group.attrs["num_samples"] = rows
    group["actions"] = np.arange(rows * 2, dtype=np.float64).reshape(rows, 2)
    for place, values in columns.items():
        group[place.replace("__", "/")] = values
    return group


def libero(path: Path, task: Any, state: int = 3, demos: tuple[int, ...] = (10, 2, 9)) -> None:
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["problem_info"] = json.dumps({"problem_name": "p", "language_instruction": task})
        data.attrs["macros_image_convention"] = "opengl"
        data.attrs["total"] = sum(number + 1 for number in demos)
        for number in demos:
            rows = number + 1
            demo(data, f"demo_{number}", rows, states=np.full((rows, state), number, np.float64))


def test_libero_a_folder_of_tasks(tmp_path: Path) -> None:
    folder = tmp_path / "libero"
    folder.mkdir()
    libero(folder / "a_demo.hdf5", "open the drawer")
    libero(folder / "b_demo.hdf5", list("close it"), state=4, demos=(0,))
    with open_reader(Source(str(folder))) as reader:
        facts = reader.facts()
        assert facts.lengths == (3, 10, 11, 1)
        assert facts.episodes["source_episode"].to_pylist() == [
            "a_demo.hdf5/demo_2",
            "a_demo.hdf5/demo_9",
            "a_demo.hdf5/demo_10",
            "b_demo.hdf5/demo_0",
        ]
        assert facts.episodes["task"].to_pylist() == ["open the drawer"] * 3 + ["close it"]
        assert facts.attributes == {"macros_image_convention": "opengl"}
        assert "language_instruction" in facts.episodes["problem_info"][0].as_py()
        assert "states is" in facts.unreadable["states"]
        assert "b_demo.hdf5" in facts.unreadable["states"]
        assert "upside down" in facts.notes[0]
        assert len(read_columns(reader, ["actions"], range(4))["actions"]) == 25
    assert_refused(folder, tmp_path, "states is", "--exclude 'states'")


def test_texts_byte_order_and_what_no_store_holds(tmp_path: Path) -> None:
    path = tmp_path / "x.hdf5"
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        group = demo(data, "demo_0", 3, big=np.arange(3, dtype=">f4"), flag=np.array([True, False, True]))
        group["words"] = np.array(["a", "ü", ""], dtype=h5py.string_dtype())
        group["codes"] = np.array([b"x", b"yz", b""])
        group["pair"] = np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])
        group["scalar"] = 3
        group["away"] = h5py.ExternalLink("/etc/passwd.h5", "/x")
        group.attrs["ep_meta"] = json.dumps({"lang": "pick it up", "layout": 3})
        demo(data, "demo_1", 0)
    with open_reader(Source(str(path))) as reader:
        facts = reader.facts()
        assert set(facts.unreadable) == {"pair", "scalar"}
        assert facts.episodes["task"].to_pylist() == ["pick it up", None]
        names = [column.name for column in facts.columns]
        assert names == ["actions", "big", "codes", "flag", "words"]
        columns = read_columns(reader, names, [0, 1])
    assert columns["big"].dtype == np.dtype("=f4")
    assert columns["big"].tolist() == [0, 1, 2]
    assert columns["words"].tolist() == ["a", "ü", ""]
    assert columns["codes"].tolist() == ["x", "yz", ""]
    assert columns["flag"].dtype == bool


damaged_chunk = spoil_chunk("data/demo_3/obs/agentview_image", 3)


def unknown_filter(file: Any) -> None:
    """As other programs compress: by a filter that h5py does not bring."""
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((52, 7))
    made.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, ())
    del file["data/demo_3/actions"]
    space = h5py.h5s.create_simple((52, 7))
    place = h5py.h5d.create(file["data/demo_3"].id, b"actions", h5py.h5t.NATIVE_DOUBLE, space, made)
    place.write_direct_chunk((0, 0), b"packed")


DAMAGES: dict[str, tuple[Damage, list[str]]] = {
    "cut": (cut, ["x.hdf5: damaged HDF5 file: it was cut off"]),
    "no HDF5": (no_hdf5, ["does not begin as HDF5 files do"]),
    "empty": (empty, ["x.hdf5: damaged HDF5 file: it is empty"]),
    "no demos": (delete("data"), ["no known format"]),
    "a dataset is missing": (
        delete("data/demo_3/rewards"),
        ["x.hdf5: data/demo_3/rewards: the dataset is missing"],
    ),
    "too few rows": (
        replace("data/demo_3/actions", np.zeros((50, 7))),
        ["data/demo_3/actions: it has 50 rows, where 52 are expected"],
    ),
    "another shape": (
        replace("data/demo_3/actions", np.zeros((52, 6))),
        ["data/demo_3/actions: it holds float64 (6,), elsewhere float64 (7,)"],
    ),
    "another dtype": (
        replace("data/demo_3/actions", np.zeros((52, 7), np.float32)),
        ["data/demo_3/actions: it holds float32 (7,), elsewhere float64 (7,)"],
    ),
    "a filter that is not here": (
        edit(unknown_filter),
        ["x.hdf5, data/demo_3/actions, rows", "a filter that is not here", "install hdf5plugin"],
    ),
    "a damaged chunk": (
        damaged_chunk,
        ["x.hdf5, data/demo_3/obs/agentview_image, rows", "damaged HDF5"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_nothing_is_left(tmp_path: Path, damage: str) -> None:
    act, said = DAMAGES[damage]
    path = tmp_path / "x.hdf5"
    shutil.copy(SAMPLE / "image.hdf5", path)
    act(path)
    assert_refused(path, tmp_path, str(path), *said)


def test_what_only_later_demos_have_is_not_lost_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "x.hdf5"
    shutil.copy(SAMPLE / "low_dim.hdf5", path)
    edit(lambda file: file["data/demo_1"].pop("next_obs"))(path)
    assert_refused(path, tmp_path, "next_obs/object is in x.hdf5, data/demo_3 and not in x.hdf5, data/demo_1")
    options = ConversionOptions(exclude=("next_obs/*",))
    assert run_conversion(plan_conversion(str(path), str(tmp_path / "x.zarr"), options)).rows == 181


def test_values_in_other_files_are_not_followed(tmp_path: Path) -> None:
    """A file that somebody sent must not have the values of files of this machine copied."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 3 * 8)
    folder = tmp_path / "source"
    folder.mkdir()
    with h5py.File(folder / "other.h5", "w") as other:
        other["x"] = np.arange(3.0)
    layout = h5py.VirtualLayout((3,), np.float64)
    layout[:] = h5py.VirtualSource(folder / "other.h5", "x", (3,))
    with h5py.File(folder / "x.hdf5", "w") as file:
        data = file.create_group("data")
        group = demo(data, "demo_0", 3)
        group.create_dataset("raw", (3,), np.float64, external=[(str(secret), 0, 24)])
        group.create_virtual_dataset("virtual", layout)
        group["linked"] = h5py.ExternalLink(str(folder / "other.h5"), "x")
        demo(data, "demo_1", 3, linked=np.zeros(3))
        file["more"] = 1
    with open_reader(Source(str(folder / "x.hdf5"))) as reader:
        facts = reader.facts()
        assert [column.name for column in facts.columns] == ["actions"]
        assert set(facts.unreadable) == {"raw", "virtual", "linked"}
        assert "lie in other files" in facts.unreadable["raw"]
        assert facts.notes == (f"{folder}/x.hdf5 also holds more, which the format does not know: left out.",)


@pytest.mark.parametrize(
    "damage",
    [
        damaged_chunk,
        delete("data/demo_3/rewards"),
        replace("data/demo_3/actions", np.zeros((50, 7))),
        replace("data/demo_3", np.zeros(3)),
        edit(lambda file: file["data/demo_3"].attrs.create("num_samples", b"many")),
    ],
)
def test_bad_demos_are_left_out_where_that_is_asked(tmp_path: Path, damage: Damage) -> None:
    path = tmp_path / "x.hdf5"
    shutil.copy(SAMPLE / "image.hdf5", path)
    damage(path)
    assert_refused(path, tmp_path, "demo_3")
    options = ConversionOptions(skip_bad=True)
    run_conversion(plan_conversion(str(path), str(tmp_path / "x.zarr"), options))
    with open_dataset(str(tmp_path / "x.zarr")) as buffer, h5py.File(path) as file:
        actions = [file[f"data/demo_{number}/actions"][()] for number in (1, 2, 4, 5)]
        np.testing.assert_array_equal(buffer[:]["actions"], np.concatenate(actions))


def test_all_before_a_damaged_episode_comes_and_all_after_it_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.hdf5"
    shutil.copy(SAMPLE / "image.hdf5", path)
    damaged_chunk(path)
    with open_reader(Source(str(path))) as reader:
        names = [column.name for column in reader.facts().columns]
        chunks = reader.chunks(names, range(5))
        assert [next(chunks).episode, next(chunks).episode] == [0, 1]
        with pytest.raises(ConversionError, match="demo_3"):
            next(chunks)
        assert len(read_columns(reader, names, [3, 4])["actions"]) == 28 + 44


def test_options_and_detection(tmp_path: Path) -> None:
    assert detect(Source(str(SAMPLE / "image.hdf5"))).name == "robomimic"
    assert_refused(SAMPLE / "image.hdf5", tmp_path, "no option rate", options=("--option", "rate=3"))
