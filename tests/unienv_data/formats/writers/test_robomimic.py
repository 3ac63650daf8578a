"""robomimic's HDF5, read back by h5py alone, and by our reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.formats.reading import read_all
from tests.unienv_data.formats.writing import LENGTHS, make, write
from unienv_data.errors import ConversionError
from unienv_data.formats.writers.robomimic import RobomimicWriter, robomimic_names

h5py = pytest.importorskip("h5py")

ROWS = sum(LENGTHS)


@pytest.mark.parametrize("compression", ["none", "gzip", "lzf"])
def test_every_kind_of_column(tmp_path: Path, compression: str) -> None:
    made = make()
    place = write(RobomimicWriter, tmp_path / "x.hdf5", made, {"compression": compression})
    renamed = {"action": "actions", "observation.image": "obs/image", "observation.grey": "obs/grey"}
    starts = np.cumsum([0, *LENGTHS])
    with h5py.File(place) as file:
        data = file["data"]
        assert data.attrs["total"] == ROWS
        assert list(data) == [f"demo_{number}" for number in range(4)]
        for number, length in enumerate(LENGTHS):
            demo = data[f"demo_{number}"]
            assert demo.attrs["num_samples"] == length
            for name, values in made.values.items():
                wanted = values[starts[number] : starts[number + 1]]
                stored = demo[renamed.get(name, name.replace(".", "/"))]
                if values.dtype == object:
                    assert stored.asstr()[()].tolist() == wanted.tolist()
                    continue
                assert (stored.dtype, stored.shape) == (wanted.dtype, wanted.shape)
                assert stored[()].tobytes() == wanted.tobytes()
            assert demo["obs/image"].compression == (None if compression == "none" else compression)
    _, read = read_all(place)
    for name, values in made.values.items():
        ours = read[renamed.get(name, name.replace(".", "/"))]
        np.testing.assert_array_equal(ours, values)
        assert ours.dtype == values.dtype


def test_names_of_robomimics_own() -> None:
    def names(*given: str) -> dict[str, str]:
        made = make({name: np.zeros(ROWS) for name in given})
        from unienv_data.formats.tabular.plain import plain_columns

        columns = plain_columns(made.facts, "robomimic")
        return {column.name: robomimic_names(columns)[column.path] for column in columns}

    assert names("observation.state", "next.reward", "next.done", "action", "x.y") == {
        "observation.state": "obs/state",
        "next.reward": "rewards",
        "next.done": "dones",
        "action": "actions",
        "x.y": "x/y",
    }
    assert names("observation", "next_observations.a") == {
        "observation": "obs/observation",
        "next_observations.a": "next_obs/a",
    }
    assert names("action", "actions")["action"] == "action", "the name is taken"
    assert names("obs.a", "observation.a")["observation.a"] == "observation/a"
    with pytest.raises(ConversionError, match="obs/a/b would lie inside obs/a"):
        names("obs.a", "observation.a.b")


def test_what_is_known_of_the_environment_and_the_episodes(tmp_path: Path) -> None:
    episodes: dict[str, list[Any]] = {
        "split": ["train", "train", "valid", None],
        "model_file": ["<mujoco/>" * 20_000, "b", "c", None],
        "seed": [1, 2, 3, 4],
        "flags": [[1, 2], [], [3], [4]],
    }
    made = make(
        {"action": np.zeros(ROWS)}, episodes=episodes, attributes={"env_args": {"type": 1}, "tag": "t"}
    )
    place = write(RobomimicWriter, tmp_path / "x.hdf5", made)
    with h5py.File(place) as file:
        assert json.loads(file["data"].attrs["env_args"]) == {"type": 1}
        assert file["data"].attrs["tag"] == "t"
        assert file["data/demo_0"].attrs["model_file"] == episodes["model_file"][0]
        assert file["data/demo_2"].attrs["seed"] == 3
        assert json.loads(file["data/demo_0"].attrs["flags"]) == [1, 2]
        assert file["mask/train"][()].tolist() == [b"demo_0", b"demo_1"]
        assert file["mask/valid"][()].tolist() == [b"demo_2"]
    facts, _ = read_all(place)
    assert facts.episodes["seed"].to_pylist() == [1, 2, 3, 4]
    assert facts.episodes["splits"].to_pylist() == [["train"], ["train"], ["valid"], []]
    notes = RobomimicWriter.notes(place, make({"x": np.zeros(ROWS)}).facts)
    assert any("env_args" in note for note in notes)
    assert any("robomimic's actions" in note for note in notes)


def test_demos_keep_their_names(tmp_path: Path) -> None:
    made = make(
        {"action": np.zeros(ROWS)}, episodes={"source_episode": ["demo_3", "demo_0", "demo_12", "demo_7"]}
    )
    place = write(RobomimicWriter, tmp_path / "x.hdf5", made)
    with h5py.File(place) as file:
        assert {name: len(demo["actions"]) for name, demo in file["data"].items()} == {
            "demo_3": 5,
            "demo_0": 1,
            "demo_12": 9,
            "demo_7": 4,
        }


def test_what_robomimic_asks_for_can_be_added(tmp_path: Path) -> None:
    options = {"complete": "yes", "env_args": '{"env_name": "Lift", "type": 1}'}
    made = make({"action": np.zeros(ROWS), "rewards": np.arange(ROWS, dtype=np.float32)})
    with h5py.File(write(RobomimicWriter, tmp_path / "x.hdf5", made, options)) as file:
        demo = file["data/demo_0"]
        assert demo["dones"][()].tolist() == [0, 0, 0, 0, 1]
        assert demo["rewards"].dtype == np.float32, "the source's own"
        assert json.loads(file["data"].attrs["env_args"])["env_name"] == "Lift"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"complete": "maybe"}, "complete is yes or no"),
        ({"compression": "zip"}, "compression is none or gzip or lzf"),
        ({"env_args": "{"}, "env_args is not JSON"),
        ({"shuffle": "1"}, "has no option shuffle"),
    ],
)
def test_refused_options(options: dict[str, str], told: str) -> None:
    with pytest.raises(ConversionError, match=told):
        RobomimicWriter.check(make().facts, options)


def test_refused_names() -> None:
    with pytest.raises(ConversionError, match="a/b has a slash"):
        RobomimicWriter.check(make({"a/b": np.zeros(ROWS)}).facts)
