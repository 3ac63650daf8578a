"""Minari's HDF5 form, read back by h5py; scripts/interop/minari_hdf5.py has Minari itself read it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from tests.conftest import requires_h5py, requires_imagecodecs
from tests.unienv_data.formats.samples import DATA, convert
from tests.unienv_data.formats.writing import LENGTHS, make, write
from unienv_data.conversion import ConversionOptions, plan_export, run_export
from unienv_data.errors import ConversionError
from unienv_data.formats import Source
from unienv_data.formats.writers.minari import MinariWriter

pytestmark = [requires_h5py, requires_imagecodecs]
h5py = pytest.importorskip("h5py")

ROWS = sum(LENGTHS)
STARTS = np.cumsum([0, *LENGTHS])


def steps(**more: Any) -> dict[str, Any]:
    """What every dataset has, and more."""
    return {"observations": np.arange(ROWS * 2.0).reshape(ROWS, 2), "actions": np.zeros((ROWS, 1)), **more}


def followed(rows: Any) -> tuple[Any, Any]:
    """Observations of episodes of one row more, as rows and as what follows each row."""
    whole = [rows[start + n : stop + n + 1] for n, (start, stop) in enumerate(pairwise(STARTS))]
    return np.concatenate([each[:-1] for each in whole]), np.concatenate([each[1:] for each in whole])


def metadata_of(place: Path) -> Any:
    return json.loads((place / "data/metadata.json").read_text())


@pytest.mark.parametrize("rows_at_once", [1, 3, 100])
@pytest.mark.parametrize("compression", ["none", "gzip", "lzf"])
def test_every_kind_of_column(tmp_path: Path, compression: str, rows_at_once: int) -> None:
    made = make({**make().values, "infos.x": np.arange(ROWS)})
    place = write(MinariWriter, tmp_path / "x-v0", made, {"compression": compression}, rows_at_once)
    with h5py.File(place / "data/main_data.hdf5") as file:
        assert sorted(file) == [f"episode_{number}" for number in range(4)]
        for number, length in enumerate(LENGTHS):
            episode = file[f"episode_{number}"]
            assert (episode.attrs["id"], episode.attrs["total_steps"]) == (number, length)
            for name, values in made.values.items():
                wanted = values[STARTS[number] : STARTS[number + 1]]
                if name == "action":
                    stored = episode["actions"]
                elif name.startswith("observation."):
                    stored = episode[name.replace("observation.", "observations/")]
                    wanted = np.concatenate([wanted, wanted[-1:]])
                elif name == "infos.x":
                    stored = episode["infos/x"]
                else:
                    stored = episode["infos/" + name.replace(".", "/")]
                if values.dtype == object:
                    assert stored.asstr()[()].tolist() == wanted.tolist()
                    continue
                assert (stored.dtype, stored.shape) == (wanted.dtype, wanted.shape)
                assert stored[()].tobytes() == wanted.tobytes()
            assert episode["rewards"][()].tolist() == [0.0] * length
            assert not episode["terminations"][()].any()
            assert np.flatnonzero(episode["truncations"][()]).tolist() == [length - 1]
    metadata = metadata_of(place)
    assert (metadata["total_episodes"], metadata["total_steps"]) == (4, ROWS)
    assert (metadata["dataset_id"], metadata["data_format"]) == ("x-v0", "hdf5")
    assert metadata["jpeg_encoding"] is False
    space = json.loads(metadata["observation_space"])
    assert space["subspaces"]["image"]["shape"] == [48, 72, 3]
    action = json.loads(metadata["action_space"])
    assert (action["type"], action["dtype"], action["low"]) == ("Box", "float32", [-np.inf, -np.inf])
    assert MinariWriter.is_recording(Source(str(place)))


@pytest.mark.parametrize("rows_at_once", [1, 2, 100])
def test_the_value_after_the_last_row(tmp_path: Path, rows_at_once: int) -> None:
    """What conversions of Minari's datasets make of it comes back as it was."""
    whole = np.random.default_rng(0).normal(size=(ROWS + 4, 3))
    whole[3] = np.nan
    now, then = followed(whole)
    words, next_words = followed(np.array([f"é{n}" for n in range(ROWS + 4)], dtype=object))
    infos, next_infos = followed(np.arange(ROWS + 4))
    values = {
        "observations.a": now, "next_observations.a": then, "observations.b": words,
        "next_observations.b": next_words, "infos.t": infos, "next_infos.t": next_infos,
        "actions": np.zeros(ROWS),
        "rewards": np.arange(ROWS, dtype=np.float32), "terminations": np.arange(ROWS) == 4,
        "truncations": np.arange(ROWS) == 5,
    }  # fmt: skip
    made = make(values)
    place = write(MinariWriter, tmp_path / "x-v3", made, rows=rows_at_once)
    assert list(MinariWriter.notes(place, made.facts)) == []
    with h5py.File(place / "data/main_data.hdf5") as file:
        episodes = [file[f"episode_{number}"] for number in range(4)]
        assert np.concatenate([each["observations/a"][()] for each in episodes]).tobytes() == whole.tobytes()
        assert [text for each in episodes for text in each["observations/b"].asstr()[()]] == [
            f"é{n}" for n in range(ROWS + 4)
        ]
        assert [int(x) for each in episodes for x in each["infos/t"][()]] == list(range(ROWS + 4))
        rewards = np.concatenate([each["rewards"][()] for each in episodes])
        assert (rewards.dtype, rewards.tolist()) == (np.float32, list(range(ROWS)))
        assert episodes[0]["terminations"][()].tolist() == [False] * 4 + [True]
        assert set(episodes[0]) == {
            "observations",
            "infos",
            "actions",
            "rewards",
            "terminations",
            "truncations",
        }
    text = json.loads(metadata_of(place)["observation_space"])["subspaces"]["b"]
    assert (text["max_length"], set("é0123456789") <= set(text["charset"])) == (3, True)


@pytest.mark.parametrize("rows_at_once", [1, 100])
def test_observations_that_do_not_follow_one_another(tmp_path: Path, rows_at_once: int) -> None:
    now, then = followed(np.arange(ROWS + 4.0))
    then[7] = -1
    made = make({"observations": now, "next_observations": then, "actions": np.zeros(ROWS)})
    with pytest.raises(
        ConversionError, match=r"next_observations is not observations of the next row in episode 2"
    ):
        write(MinariWriter, tmp_path / "x-v0", made, rows=rows_at_once)


def test_words_of_other_formats(tmp_path: Path) -> None:
    values = {
        "obs.image": np.zeros((ROWS, 4, 4, 3), np.uint8), "action.arm": np.zeros((ROWS, 2)),
        "action.hand": np.ones(ROWS), "next.reward": np.ones((ROWS, 1)),
        "terminated": np.zeros(ROWS, np.uint8), "task": np.array(["t"] * ROWS, object),
    }  # fmt: skip
    made = make(values)
    place = write(MinariWriter, tmp_path / "my data", made)
    with h5py.File(place / "data/main_data.hdf5") as file:
        episode = file["episode_0"]
        assert set(episode["actions"]) == {"arm", "hand"}
        assert episode["rewards"].shape == (5,)
        assert episode["terminations"].dtype == np.bool_
        assert not episode["truncations"][()].any(), "the source says how episodes end"
        assert episode["infos/task"].asstr()[()].tolist() == ["t"] * 5
    assert metadata_of(place)["dataset_id"] == "my_data-v0"
    notes = " ".join(MinariWriter.notes(place, made.facts))
    assert "obs/image as observations/image" in notes
    assert "the last one is written twice" in notes
    assert "looks for it in a folder called so" in notes


def test_jpeg(tmp_path: Path) -> None:
    made = make()
    place = write(MinariWriter, tmp_path / "x-v0", made, {"images": "jpeg"})
    with h5py.File(place / "data/main_data.hdf5") as file:
        files = file["episode_2/observations/image"]
        assert files.shape == (LENGTHS[2] + 1,)
        decoded = np.stack([imagecodecs.jpeg8_decode(data.tobytes()) for data in files[()]])
        assert file["episode_2/observations/grey"].shape == (LENGTHS[2] + 1, 48, 72, 1)
    off = decoded[:-1].astype(int) - made.values["observation.image"][STARTS[2] : STARTS[3]]
    assert np.abs(off).mean() < 10
    assert metadata_of(place)["jpeg_encoding"] is True


def test_what_is_known_comes_back(tmp_path: Path) -> None:
    bounds = {"type": "Box", "dtype": "float64", "shape": [1], "low": [-1.0], "high": [1.0]}
    parts = [{**bounds, "shape": [2], "low": ["-Infinity", 0.0], "high": ["Infinity", 5.0]},
             {"type": "Discrete", "dtype": "int64", "n": 4, "start": 0}]  # fmt: skip
    attributes = {
        "action_space": bounds, "observation_space": {"type": "Tuple", "subspaces": parts},
        "env_spec": {"id": "Hopper-v5", "kwargs": {}}, "author": ["a"], "description": "é", "fps": 10,
    }  # fmt: skip
    values = {
        "observations.0": np.zeros((ROWS, 2)),
        "observations.1": np.arange(ROWS),
        "actions": np.zeros((ROWS, 1)),
    }
    episodes = {"seed": [3, None, 5, 7], "options": [{"a": 1}] * 4, "source_episode": ["a", "b", "c", "d"]}
    made = make(values, attributes=attributes, episodes=episodes)
    place = write(MinariWriter, tmp_path / "x-v0", made)
    metadata = metadata_of(place)
    assert json.loads(metadata["action_space"]) == bounds
    space = json.loads(metadata["observation_space"])
    assert space["subspaces"][0]["low"] == [-np.inf, 0.0]
    assert json.loads(metadata["env_spec"])["id"] == "Hopper-v5"
    assert (metadata["author"], metadata["description"], metadata["fps"]) == (["a"], "é", 10)
    with h5py.File(place / "data/main_data.hdf5") as file:
        assert set(file["episode_0/observations"]) == {"_index_0", "_index_1"}
        assert file["episode_2"].attrs["seed"] == 5
        assert "seed" not in file["episode_1"].attrs
        assert json.loads(file["episode_3"].attrs["options"]) == {"a": 1}
        assert file["episode_3"].attrs["source_episode"] == "d"


def test_a_space_that_no_longer_fits_is_made_anew(tmp_path: Path) -> None:
    kept = {"type": "Box", "dtype": "float64", "shape": [5], "low": [0.0] * 5, "high": [1.0] * 5}
    made = make(steps(), attributes={"observation_space": kept})
    space = json.loads(metadata_of(write(MinariWriter, tmp_path / "x-v0", made))["observation_space"])
    assert space["shape"] == [2]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"actions": np.zeros(ROWS)}, "no column that could be its observations"),
        ({"observations": np.zeros(ROWS)}, "no column that could be its actions"),
        (steps(obs=np.zeros(ROWS)), "observations and obs would both be observations"),
        (steps(**{"obs.a": np.zeros(ROWS)}), "observations/a would lie inside observations"),
        (steps(**{"a/b": np.zeros(ROWS)}), "a/b has a part that HDF5 takes for a group"),
        (steps(infos=np.zeros(ROWS)), "infos has a part"),
        (steps(rewards=np.zeros((ROWS, 2))), "rewards would be its rewards, a number a row"),
        (steps(terminations=np.array(["x"] * ROWS, object)), "a truth a row, but holds texts"),
    ],
)
def test_refused_columns(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConversionError, match=told):
        MinariWriter.check(make(values).facts)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"images": "png"}, "images is plain or jpeg"),
        ({"compression": "zip"}, "compression is none or gzip or lzf"),
        ({"id": "x"}, "id is as NAME-v0"),
        ({"shuffle": "1"}, "has no option shuffle"),
    ],
)
def test_refused_options(options: dict[str, str], told: str) -> None:
    with pytest.raises(ConversionError, match=told):
        MinariWriter.check(make(steps()).facts, options)


@pytest.mark.parametrize("sample", sorted(path.name for path in (DATA / "minari").iterdir()))
def test_a_store_comes_back_as_it_was(sample: str, tmp_path: Path) -> None:
    """Values after the last row included; and once more, whatever Minari's form the source had."""
    _, first = convert(DATA / "minari" / sample, tmp_path / "first.zarr", frames="lossless")
    place = tmp_path / "back-v0"
    run_export(plan_export(str(tmp_path / "first.zarr"), str(place), ConversionOptions(to="minari")))
    _, second = convert(place, tmp_path / "second.zarr")
    compare(first, second)


def compare(mine: Any, theirs: Any) -> None:
    if isinstance(mine, dict):
        assert mine.keys() == theirs.keys()
        for key in mine:
            compare(mine[key], theirs[key])
    else:
        assert mine.dtype == theirs.dtype
        assert (
            mine.tolist() == theirs.tolist() if mine.dtype == object else mine.tobytes() == theirs.tobytes()
        )
