"""RLDS as TFDS keeps it, read back by our reader; scripts/interop/rlds_tfds.py has TFDS itself read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_imagecodecs
from tests.unienv_data.formats.reading import read_all
from tests.unienv_data.formats.writing import LENGTHS, make, write
from unienv_data.conversion import ConversionOptions, plan_conversion, plan_export, run_conversion, run_export
from unienv_data.errors import ConversionError, MissingDependencyError
from unienv_data.formats import Source
from unienv_data.formats.writers.rlds import RldsWriter
from unienv_data.opening import open as open_dataset

pytestmark = requires_imagecodecs

PUSHT = Path(__file__).parents[3] / "data/rlds_tfrecord"
ROWS = sum(LENGTHS)
OWN = {"task": "language_instruction"}
ADDED = {"is_first", "is_last"}


def stored_name(name: str) -> str:
    return OWN.get(name, name).replace(".", "/")


@pytest.mark.parametrize("in_memory", [1, 1 << 20])
def test_every_kind_of_column(tmp_path: Path, in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unienv_data.formats.readers.rlds.spool.IN_MEMORY", in_memory)
    made = make(episodes={"split": ["train", "train", "val", None]})
    place = write(RldsWriter, tmp_path / "my set", made)
    assert sorted(path.name for path in (place / "1.0.0").iterdir()) == [
        "dataset_info.json",
        "features.json",
        "my_set-train.tfrecord-00000-of-00001",
        "my_set-val.tfrecord-00000-of-00001",
    ]
    facts, read = read_all(place)
    assert set(read) == {stored_name(name) for name in made.values} | ADDED
    assert facts.lengths == (5, 1, 4, 9), "split by split"
    order = np.r_[0:6, 15:19, 6:15]
    for name, values in made.values.items():
        ours = read[stored_name(name)]
        assert ours.dtype == values.dtype
        assert ours[np.argsort(order)].tolist() == values.tolist() or np.isnan(values[0]).any()
        if values.dtype != object:
            assert ours[np.argsort(order)].tobytes() == values.tobytes()
    np.testing.assert_array_equal(np.flatnonzero(read["is_first"]), [0, 5, 6, 10])
    np.testing.assert_array_equal(np.flatnonzero(read["is_last"]), [4, 5, 9, 18])
    assert RldsWriter.is_recording(Source(str(place)))


def test_what_is_known_of_episodes_and_the_whole(tmp_path: Path) -> None:
    episodes: dict[str, list[Any]] = {
        "success": [True, False, True, True],
        "seed": [1, -2, 3, 1 << 40],
        "score": [0.1, 1 / 3, np.pi, -0.0],
        "note": ["é", "", "x", None],
        "tags": [[1, 2], [], [3], [4]],
        "source_episode": ["a", "b", "c", "d"],
    }
    made = make({"action": np.zeros(ROWS)}, episodes=episodes, attributes={"fps": 10, "robot": {"x": [1.5]}})
    facts, _ = read_all(write(RldsWriter, tmp_path / "x", made))
    table = facts.episodes.to_pydict()
    for name in ("success", "seed", "score"):
        assert table[name] == episodes[name]
    assert table["note"] == ["é", "", "x", ""]
    assert [json.loads(text) for text in table["tags"]] == episodes["tags"]
    assert table["episode_id"] == episodes["source_episode"]
    assert facts.attributes["robot"] == {"x": [1.5]}
    assert facts.attributes["fps"] == 10


def test_names(tmp_path: Path) -> None:
    values = {
        name: np.arange(ROWS, dtype=np.float32) for name in ("actions", "obs.a", "next.reward", "rewards")
    }
    made = make(values)
    _, read = read_all(write(RldsWriter, tmp_path / "x", made))
    assert set(read) == {"action", "observation/a", "reward", "rewards"} | ADDED, "a name that is taken stays"
    notes = RldsWriter.notes(tmp_path, made.facts)
    assert any("actions as action" in note for note in notes)
    assert any("no column that could be RLDS's action" in note for note in RldsWriter.notes(
        tmp_path, make({"x": np.zeros(ROWS)}).facts))  # fmt: skip


def test_what_rlds_asks_for_can_be_added(tmp_path: Path) -> None:
    options = {"complete": "yes", "version": "2.3.4", "name": "pushing"}
    made = make({"action": np.zeros((ROWS, 2)), "is_last": np.zeros(ROWS, bool)})
    place = write(RldsWriter, tmp_path / "x", made, options)
    assert (place / "2.3.4/pushing-train.tfrecord-00000-of-00001").is_file()
    _, read = read_all(place)
    assert read["reward"].tolist() == [0.0] * ROWS
    assert read["discount"].tolist() == [1.0] * ROWS
    assert np.flatnonzero(read["is_terminal"]).tolist() == [4, 5, 14, 18]
    assert not read["is_last"].any(), "the source's own"


def test_a_place_that_is_a_version(tmp_path: Path) -> None:
    place = write(RldsWriter, tmp_path / "1.2.3", make({"action": np.zeros(ROWS)}))
    facts, _ = read_all(place)
    assert (facts.version, (place / "features.json").is_file()) == ("1.2.3", True)


def test_images_as_jpeg_or_as_numbers(tmp_path: Path) -> None:
    made = make()
    _, plain = read_all(write(RldsWriter, tmp_path / "x", made, {"images": "none"}))
    np.testing.assert_array_equal(plain["observation/image"], made.values["observation.image"])
    facts, lossy = read_all(write(RldsWriter, tmp_path / "y", made, {"images": "jpeg"}))
    image = next(column for column in facts.columns if column.name == "observation/image")
    assert image.lossy == "jpeg"
    off = lossy["observation/image"].astype(int) - made.values["observation.image"]
    assert 0 < np.abs(off).mean() < 10
    assert any("with loss" in note for note in RldsWriter.notes(tmp_path, made.facts, {"images": "jpeg"}))


def test_many_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unienv_data.formats.writers.rlds.SHARD_BYTES", 100)
    made = make({"action": np.arange(float(ROWS))})
    place = write(RldsWriter, tmp_path / "x", made)
    info = json.loads((place / "1.0.0/dataset_info.json").read_text())
    assert info["splits"][0]["shardLengths"] == ["1"] * 4
    facts, read = read_all(place)
    assert facts.lengths == LENGTHS
    assert read["action"].tolist() == made.values["action"].tolist()


def test_a_record_that_tensorflow_could_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unienv_data.formats.readers.rlds.spool.LARGEST_RECORD", 500)
    with pytest.raises(ConversionError, match=r"episode 0 would be a record of .* TensorFlow reads no more"):
        write(RldsWriter, tmp_path / "x", make())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"complete": "maybe"}, "complete is yes or no"),
        ({"images": "webp"}, "images is png or jpeg or none"),
        ({"version": "1"}, "version is as 1.0.0"),
        ({"shuffle": "1"}, "has no option shuffle"),
    ],
)
def test_refused_options(options: dict[str, str], told: str) -> None:
    with pytest.raises(ConversionError, match=told):
        RldsWriter.check(make().facts, options)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"a/b": np.zeros(ROWS)}, "a/b has a slash"),
        ({"is_first": np.zeros(ROWS)}, "is_first holds float64"),
        ({"observation.a": np.zeros(ROWS), "obs.a.b": np.zeros(ROWS)}, "would lie inside observation/a"),
    ],
)
def test_refused_columns(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConversionError, match=told):
        RldsWriter.check(make(values).facts)


def test_frames_need_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    RldsWriter.check(make({"action": np.zeros(ROWS)}).facts)
    with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[images\]'$"):
        RldsWriter.check(make().facts)


def test_a_store_comes_back_as_it_was(tmp_path: Path) -> None:
    first, second = tmp_path / "first.zarr", tmp_path / "second.zarr"
    run_conversion(plan_conversion(str(PUSHT), str(first), ConversionOptions(frames="lossless")))
    run_export(plan_export(str(first), str(tmp_path / "pusht"), ConversionOptions(to="rlds")))
    run_conversion(plan_conversion(str(tmp_path / "pusht"), str(second)))
    with open_dataset(str(first)) as one, open_dataset(str(second)) as other:
        assert one.single_space == other.single_space
        assert one.get_segments() == other.get_segments()
        compare(one[0 : len(one)], other[0 : len(other)])
        mine, theirs = one.episodes.to_pydict(), other.episodes.to_pydict()
        for name in ("length", "split", "success", "episode_id", "file_path"):
            assert mine[name] == theirs[name]


def compare(mine: Any, theirs: Any) -> None:
    if isinstance(mine, dict):
        assert mine.keys() == theirs.keys()
        for key in mine:
            compare(mine[key], theirs[key])
    else:
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
