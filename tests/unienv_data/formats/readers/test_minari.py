"""Minari's datasets, HDF5 and Arrow, against what Minari's own reader says of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.unienv_data.formats.expecting import assert_as_expected, assert_refused
from tests.unienv_data.formats.hdf5_damage import cut, delete, edit, empty, no_hdf5, replace
from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.columns import EncodedRows
from unienv_data.conversion import plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, open_reader
from unienv_data.formats.naming import path_name
from unienv_data.opening import open as open_dataset

h5py = pytest.importorskip("h5py")
pytest.importorskip("imagecodecs")

SAMPLES = Path(__file__).parents[3] / "data/minari"
HOPPER = SAMPLES / "hopper"
TOYS = [SAMPLES / name for name in ("toy_hdf5", "toy_arrow", "toy_arrow_raw")]
CAMERA = "observations/camera"


def expected_of(sample: Path) -> Any:
    return json.loads((sample / "EXPECT.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("target_bytes", [1 << 24, 2000])
@pytest.mark.parametrize("source", [HOPPER, HOPPER / "data"])
def test_hopper_is_as_minari_reads_it(source: Path, target_bytes: int) -> None:
    expected = expected_of(HOPPER)
    facts, columns = read_all(source, target_bytes=target_bytes)
    assert (facts.format, facts.version) == ("minari", "0.5.4")
    assert facts.lengths == tuple(expected["lengths"])
    assert facts.episodes["source_episode"].to_pylist() == expected["ids"]
    assert set(columns) == set(expected["columns_concat_over_episodes"])
    for name, values in columns.items():
        assert_as_expected(values, expected["columns_concat_over_episodes"][name])
    assert facts.attributes["env_spec"]["id"] == "Hopper-v5"
    assert facts.attributes["observation_space"]["shape"] == [11]
    assert facts.episodes["seed"].to_pylist() == list(range(12))


@pytest.mark.parametrize("target_bytes", [1 << 24, 1])
@pytest.mark.parametrize("sample", TOYS, ids=lambda path: path.name)
def test_spaces_of_every_kind_are_as_minari_reads_them(sample: Path, target_bytes: int) -> None:
    expected = expected_of(sample)
    facts, columns = read_all(sample, target_bytes=target_bytes)
    assert facts.lengths == tuple(expected["lengths"])
    assert facts.unreadable == {}
    paths = {column.name: path_name(column.path) for column in facts.columns}
    assert set(paths.values()) == set(expected["columns"])
    for name, values in columns.items():
        entry = expected["columns"][paths[name]]
        if "texts" in entry:
            assert values.tolist() == entry["texts"]
        else:
            assert_as_expected(values, entry)
    final = {paths[column.name] for column in facts.columns if column.has_final}
    assert final == {path for path in paths.values() if path.startswith(("observations", "infos"))}
    lossy = {paths[column.name] for column in facts.columns if column.lossy == "jpeg"}
    assert lossy == (set() if sample.name == "toy_arrow_raw" else {CAMERA, "observations/grey"})
    assert "observation_space" not in facts.attributes, "bounds for each pixel"
    assert facts.episodes["seed"].to_pylist() == [0, 1, 2]


@pytest.mark.parametrize("sample", TOYS[:2], ids=lambda path: path.name)
def test_jpeg_files_are_kept_as_they_came(sample: Path) -> None:
    with open_reader(Source(str(sample))) as reader:
        column = next(column for column in reader.facts().columns if column.name == CAMERA)
        assert column.encoded is not None
        chunk = next(iter(reader.chunks([CAMERA], [1], encoded=[CAMERA])))
    kept = chunk.columns[CAMERA]
    assert isinstance(kept, EncodedRows)
    assert (chunk.rows, len(kept)) == (3, 4)
    if sample.name == "toy_hdf5":
        with h5py.File(sample / "data/main_data.hdf5") as file:
            files = [row.tobytes() for row in file[f"episode_1/{CAMERA}"][()]]
    else:
        with pa.ipc.open_file(sample / "data/1/part-0.arrow") as file:
            files = [row["camera"] for row in file.read_all()["observations"].to_pylist()]
    assert [bytes(piece)[:-4] for piece in kept.pieces] == files, "a checksum follows each"


@pytest.mark.parametrize("sample", TOYS, ids=lambda path: path.name)
def test_conversion(sample: Path, tmp_path: Path) -> None:
    plan = plan_conversion(str(sample), str(tmp_path / "x.zarr"))
    run_conversion(plan)
    copied = {path_name(column.column.path) for column in plan.columns if column.is_copied}
    assert (f"next_{CAMERA}" in copied) == (CAMERA in copied) == (sample.name != "toy_arrow_raw")
    facts, columns = read_all(sample)
    bounds = np.cumsum([0, *(length + 1 for length in facts.lengths)])
    lasts = bounds[1:] - 1
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        rows = buffer[:]
    for column in facts.columns:
        value, after = rows, rows
        for place, key in enumerate(column.path):
            value = value[key]
            after = after[f"next_{key}" if place == 0 and column.has_final else key]
        values = columns[column.name]
        if column.has_final:
            np.testing.assert_array_equal(value, np.delete(values, lasts, axis=0))
            np.testing.assert_array_equal(after, np.delete(values, bounds[:-1], axis=0))
        else:
            np.testing.assert_array_equal(value, values)


def test_a_long_episode_in_several_batches_and_files(tmp_path: Path) -> None:
    root = tmp_path / "x"
    shutil.copytree(TOYS[1], root)
    part = root / "data/2/part-0.arrow"
    whole = pa.ipc.open_file(part.read_bytes()).read_all()
    for number, (first, rows, most) in enumerate([(0, 4, 2), (4, 3, 1)]):
        with pa.ipc.new_file(root / f"data/2/part-{number}.arrow", whole.schema) as file:
            file.write_table(whole.slice(first, rows), max_chunksize=most)
    _, expected = read_all(TOYS[1])
    for target_bytes in (1 << 24, 9000, 1):
        _, columns = read_all(root, target_bytes=target_bytes)
        for name, values in columns.items():
            np.testing.assert_array_equal(values, expected[name])


def test_before_metadata_stood_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(HOPPER / "data/main_data.hdf5", tmp_path / "data")
    metadata = json.loads((HOPPER / "data/metadata.json").read_text())
    with h5py.File(tmp_path / "data/main_data.hdf5", "r+") as file:
        file.attrs["env_spec"] = metadata["env_spec"]
        file.attrs["total_episodes"] = 12
    for source in (tmp_path, tmp_path / "data/main_data.hdf5"):
        facts, columns = read_all(source)
        assert facts.attributes["env_spec"]["id"] == "Hopper-v5"
        assert len(columns["actions"]) == 348


def rewrite(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def damage(part: Path) -> None:
        table = change(pa.ipc.open_file(part.read_bytes()).read_all())
        with pa.ipc.new_file(part, table.schema) as file:
            file.write_table(table)

    return damage


def no_image(table: pa.Table) -> pa.Table:
    observations = table["observations"].to_pylist()
    observations[2]["camera"] = b"\xff\xd8 nothing"
    column = pa.array(observations, table.schema.field("observations").type)
    return table.set_column(0, table.schema.field("observations"), column)


ARROW_DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "cut": (cut, ["data/1/part-0.arrow: damaged Arrow file"]),
    "no Arrow": (no_hdf5, ["data/1/part-0.arrow: damaged Arrow file"]),
    "empty": (empty, ["data/1/part-0.arrow: damaged Arrow file"]),
    "too few rows": (rewrite(lambda table: table.slice(1)), ["part-0.arrow: it has 3 rows, where 4 are exp"]),
    "a column is missing": (
        rewrite(lambda table: table.drop_columns(["rewards"])),
        ["part-0.arrow: rewards is missing"],
    ),
    "another type": (
        rewrite(lambda table: table.set_column(2, "rewards", table["rewards"].cast(pa.float32()))),
        ["rewards holds float"],
    ),
    "a damaged image": (rewrite(no_image), ["data/1, observations/camera", "a damaged JPEG image"]),
    "no steps": (
        lambda part: (part.parent / "metadata.json").write_text('{"total_steps": "3"}'),
        ["data/1/metadata.json: total_steps is '3'"],
    ),
    "steps no JSON": (
        lambda part: (part.parent / "metadata.json").write_text("{"),
        ["data/1/metadata.json: not JSON"],
    ),
    "an episode is missing": (lambda part: shutil.rmtree(part.parent), ["counts 3 episodes, of which 2"]),
}


@pytest.mark.parametrize("damage", ARROW_DAMAGES)
def test_damaged_arrow(tmp_path: Path, damage: str) -> None:
    act, said = ARROW_DAMAGES[damage]
    shutil.copytree(TOYS[1], tmp_path / "x")
    act(tmp_path / "x/data/1/part-0.arrow")
    assert_refused(tmp_path / "x", tmp_path, str(tmp_path / "x"), *said)


def test_all_around_a_damaged_episode_can_be_read(tmp_path: Path) -> None:
    shutil.copytree(TOYS[1], tmp_path / "x")
    rewrite(no_image)(tmp_path / "x/data/1/part-0.arrow")
    with open_reader(Source(str(tmp_path / "x"))) as reader:
        chunks = reader.chunks([CAMERA], range(3))
        assert next(chunks).episode == 0
        with pytest.raises(ConversionError, match="row 2"):
            next(chunks)
        assert len(read_columns(reader, [CAMERA], [2])[CAMERA]) == 7


def spoil_image(file: Any) -> None:
    file[f"episode_1/{CAMERA}"][2] = np.frombuffer(b"\xff\xd8 nothing", np.uint8)


HDF5_DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "cut": (cut, ["main_data.hdf5: damaged HDF5 file: it was cut off"]),
    "no HDF5": (no_hdf5, ["main_data.hdf5: damaged HDF5 file: it does not begin"]),
    "an episode is missing": (delete("episode_1"), ["counts 3 episodes, of which 2"]),
    "no final value": (
        replace("episode_1/observations/pose/_index_0", np.zeros((3, 2), np.float32)),
        ["episode_1/observations/pose/_index_0: it has 3 rows, where 4 are expected"],
    ),
    "a dataset is missing": (delete("episode_1/rewards"), ["episode_1/rewards: the dataset is missing"]),
    "a damaged image": (edit(spoil_image), [f"episode_1/{CAMERA}, row 2: a damaged JPEG image"]),
    "metadata cut": (
        lambda path: (path.parent / "metadata.json").write_text("[1"),
        ["data/metadata.json: not JSON"],
    ),
    "metadata of another kind": (
        lambda path: (path.parent / "metadata.json").write_text("[1]"),
        ["data/metadata.json: a JSON object was expected, not list"],
    ),
}


@pytest.mark.parametrize("damage", HDF5_DAMAGES)
def test_damaged_hdf5(tmp_path: Path, damage: str) -> None:
    act, said = HDF5_DAMAGES[damage]
    shutil.copytree(TOYS[0], tmp_path / "x")
    act(tmp_path / "x/data/main_data.hdf5")
    with pytest.raises(ConversionError) as caught:
        read_all(tmp_path / "x")
    for part in said:
        assert part in str(caught.value)
    if "image" not in damage:
        assert_refused(tmp_path / "x", tmp_path, *said)
