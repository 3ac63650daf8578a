"""The same rollouts in several formats, converted: equal where nothing is lost, close where a codec loses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from tests.conftest import requires_av, requires_imagecodecs
from tests.unienv_data.formats.samples import DATA, convert

V30 = Path(__file__).parents[3] / "examples/data/lerobot_v30_pusht"

pytestmark = [requires_av, requires_imagecodecs]

Rows = dict[str, Any]
LENGTHS = [47, 31, 62, 25, 80, 53, 38, 71, 29, 44]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """The rows of each format's conversion."""
    folder = tmp_path_factory.mktemp("converted")
    (folder / "npz").mkdir()
    for file in (DATA / "npz_episodes").glob("*.npz"):
        shutil.copy(file, folder / "npz" / file.name)
    sources = {
        "v30": V30,
        "v21": DATA / "lerobot_v21_pusht",
        "zarr": DATA / "diffusion_policy_zarr/pusht_replay.zarr",
        "npz": folder / "npz",
        "parquet": DATA / "parquet_generic/steps.parquet",
        "hugging_face": DATA / "hf_saved_to_disk",
    }
    found = {}
    for name, source in sources.items():
        plan, found[name] = convert(source, folder / f"{name}.zarr")
        lengths = plan.episode_rows["length"].to_pylist()
        assert lengths == ([47, 13] if name == "hugging_face" else LENGTHS)
    plan, rows = convert(DATA / "rlds_tfrecord", folder / "rlds.zarr")
    found["rlds"] = _in_order(rows, plan.episode_rows)
    return found


def _in_order(rows: Rows, episodes: pa.Table) -> Rows:
    """Rows of episodes that were shuffled when they were written."""
    lengths = episodes["length"].to_numpy()
    starts = np.cumsum(lengths) - lengths
    order = np.argsort(episodes["episode_id"].to_numpy())
    assert lengths[order].tolist() == LENGTHS
    places = np.concatenate([np.arange(starts[each], starts[each] + lengths[each]) for each in order])
    return _taken(rows, places)


def _taken(rows: Rows, places: NDArray[np.int64]) -> Rows:
    return {
        key: _taken(value, places) if isinstance(value, dict) else value[places]
        for key, value in rows.items()
    }


SAME: dict[str, list[tuple[str, Callable[[Rows], NDArray[Any]]]]] = {
    "action": [
        ("v21", lambda rows: rows["action"]),
        ("zarr", lambda rows: rows["action"]),
        ("npz", lambda rows: rows["action"]),
        ("parquet", lambda rows: rows["action"]),
        ("hugging_face", lambda rows: rows["action"]),
        ("rlds", lambda rows: rows["action"]),
    ],
    "observation/state": [
        ("v21", lambda rows: rows["observation"]["state"]),
        ("zarr", lambda rows: rows["state"][:, :2]),
        ("npz", lambda rows: rows["state"]),
        ("rlds", lambda rows: rows["observation"]["state"][:, :2]),
        ("parquet", lambda rows: rows["state"]),
    ],
    "next/reward": [
        ("v21", lambda rows: rows["next"]["reward"]),
        ("npz", lambda rows: rows["reward"]),
        ("rlds", lambda rows: rows["reward"]),
        ("parquet", lambda rows: rows["reward"]),
    ],
    "next/done": [
        ("v21", lambda rows: rows["next"]["done"]),
        ("parquet", lambda rows: rows["done"]),
        ("rlds", lambda rows: rows["is_last"]),
    ],
    "task": [
        ("v21", lambda rows: rows["task"]),
        ("parquet", lambda rows: rows["task"]),
    ],
    "episode_index": [
        ("v21", lambda rows: rows["episode_index"]),
        ("parquet", lambda rows: rows["episode_index"]),
        ("hugging_face", lambda rows: rows["episode"]),
    ],
}


@pytest.mark.parametrize("name", SAME)
def test_columns_are_equal(converted: dict[str, Rows], name: str) -> None:
    want: Any = converted["v30"]
    for key in name.split("/"):
        want = want[key]
    for other, take in SAME[name]:
        values = take(converted[other])
        assert values.dtype == want.dtype, other
        np.testing.assert_array_equal(values, want[: len(values)], err_msg=other)


def test_frames_without_loss_are_equal(converted: dict[str, Rows]) -> None:
    frames = converted["npz"]["image"]
    assert frames.dtype == np.uint8
    np.testing.assert_array_equal(converted["zarr"]["img"], frames)
    np.testing.assert_array_equal(converted["hugging_face"]["image"], frames[:60])
    np.testing.assert_array_equal(converted["rlds"]["observation"]["image"], frames)


def test_frames_of_video_are_close(converted: dict[str, Rows]) -> None:
    frames = converted["npz"]["image"].astype(int)
    for name in ("v30", "v21"):
        error = np.abs(converted[name]["observation"]["image"] - frames)
        assert 0 < error.mean() < 3, name
        assert error.mean(axis=(1, 2, 3)).max() < 5, f"{name}: a frame in the wrong place"
        shifted = np.abs(converted[name]["observation"]["image"][1:] - frames[:-1])
        assert shifted.mean() > error.mean(), "the test is able to tell frames apart"
