"""A dataset into another format and back: what is stored without loss is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_h5py, requires_imagecodecs
from unienv_data.conversion import (
    ConversionOptions,
    plan_conversion,
    plan_export,
    run_conversion,
    run_export,
)
from unienv_data.opening import open as open_dataset

pytest.importorskip("av")

PUSHT = Path(__file__).parents[3] / "examples/data/lerobot_v30_pusht"


def convert(source: Path, destination: Path, **options: Any) -> None:
    run_conversion(plan_conversion(str(source), str(destination), ConversionOptions(**options)))


def export(source: Path, destination: Path, **options: Any) -> None:
    run_export(plan_export(str(source), str(destination), ConversionOptions(**options)))


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {path: tree}
    return {name: each for key in tree for name, each in flat(tree[key], f"{path}/{key}".lstrip("/")).items()}


def rows_of(place: Path) -> dict[str, Any]:
    with open_dataset(str(place)) as buffer:
        return {"": buffer.episodes["length"].to_pylist(), **flat(buffer[...])}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PushT's rollouts: float32 and float64, booleans, a matrix, tasks that change, and frames."""
    place = tmp_path_factory.mktemp("store") / "pusht.zarr"
    convert(PUSHT, place, frames="lossless")
    return place


def check_equal(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        if isinstance(values, np.ndarray):
            np.testing.assert_array_equal(ours[name], values, strict=values.dtype != object, err_msg=name)
        else:
            assert ours[name] == values


ROBOMIMIC = {
    "actions": "action",
    "rewards": "next/reward",
    "dones": "next/done",
    "obs": "observation",
}
"""What the names are called again."""


@requires_h5py
def test_robomimic(store: Path, tmp_path: Path) -> None:
    export(store, tmp_path / "x.hdf5")
    convert(tmp_path / "x.hdf5", tmp_path / "back.zarr", rename=ROBOMIMIC)
    check_equal(rows_of(tmp_path / "back.zarr"), rows_of(store))


@requires_imagecodecs
def test_lerobot_v30(store: Path, tmp_path: Path) -> None:
    export(store, tmp_path / "x", to="lerobot_v30", to_options={"images": "png"})
    convert(tmp_path / "x", tmp_path / "back.zarr")
    check_equal(rows_of(tmp_path / "back.zarr"), rows_of(store))
    with open_dataset(str(tmp_path / "back.zarr")) as ours, open_dataset(str(store)) as theirs:
        assert ours.episodes.equals(theirs.episodes)
        kept = ("fps", "robot_type", "splits")
        assert {key: ours.attributes[key] for key in kept} == {key: theirs.attributes[key] for key in kept}
        named = ours.attributes["columns"]["action"]["names"]
        assert named == theirs.attributes["columns"]["action"]["names"]


def test_lerobot_v30_with_videos(store: Path, tmp_path: Path) -> None:
    """All but the frames are the same; these within what the codec loses."""
    export(store, tmp_path / "x", to="lerobot_v30")
    convert(tmp_path / "x", tmp_path / "back.zarr")
    ours, theirs = rows_of(tmp_path / "back.zarr"), rows_of(store)
    image = ours.pop("observation/image").astype(int)
    assert np.abs(image - theirs.pop("observation/image")).mean() < 2
    check_equal(ours, theirs)


@pytest.mark.parametrize("name", ["x.zarr.zip", "x"])
def test_diffusion_policy(store: Path, tmp_path: Path, name: str) -> None:
    export(store, tmp_path / name, to="diffusion_policy")
    convert(tmp_path / name, tmp_path / "back.zarr")
    check_equal(rows_of(tmp_path / "back.zarr"), rows_of(store))


def test_another_store(store: Path, tmp_path: Path) -> None:
    """Other codecs, chunks, columns and data types."""
    convert(
        store,
        tmp_path / "x.zarr",
        codecs={"**": "lz4"},
        chunks={"action": 64},
        exclude=("timestamp",),
        cast={"observation/environment_state": "float32:lossy"},
    )
    ours, theirs = rows_of(tmp_path / "x.zarr"), rows_of(store)
    del theirs["timestamp"]
    name = "observation/environment_state"
    theirs[name] = theirs[name].astype(np.float32)
    check_equal(ours, theirs)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        infos = {info.name: info for info in buffer.storage.describe()}
    assert infos["action"].chunk_rows == 64
    assert all(info.codec.startswith("lz4") for name, info in infos.items() if "task" not in name)


@requires_imagecodecs
@pytest.mark.parametrize("name", ["x.npz", "x_npz", "x.parquet", "x_parquet"])
def test_npz_and_parquet(store: Path, tmp_path: Path, name: str) -> None:
    kind = name[2:]
    export(store, tmp_path / name, to=kind)
    convert(tmp_path / name, tmp_path / "back.zarr")
    check_equal(rows_of(tmp_path / "back.zarr"), rows_of(store))
    if name == "x.npz":
        return  # which has no place for more
    with open_dataset(str(tmp_path / "back.zarr")) as ours, open_dataset(str(store)) as theirs:
        assert ours.episodes.select(theirs.episodes.column_names).equals(theirs.episodes)
        kept = ("fps", "robot_type", "splits")
        assert {key: ours.attributes[key] for key in kept} == {key: theirs.attributes[key] for key in kept}
        named = ours.attributes["columns"]["action"]["names"]
        assert named == theirs.attributes["columns"]["action"]["names"]
