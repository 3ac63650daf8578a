"""What the RLDS reader gives is what TFDS's own reader gives, and what was handed to TFDS's writer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import requires_av, requires_imagecodecs
from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats import Facts, Source, detect, open_reader
from unienv_data.opening import open as open_dataset

pytestmark = requires_imagecodecs

DATA = Path(__file__).parents[3] / "data"
PUSHT = DATA / "rlds_tfrecord"
FEATURES = DATA / "rlds_features"
EXPECTED = json.loads((PUSHT / "EXPECT.json").read_text())
SPLITS = {"train": slice(0, 336), "val": slice(336, 480)}


@pytest.fixture(scope="module")
def pusht() -> tuple[Facts, dict[str, NDArray[Any]]]:
    return read_all(PUSHT)


def columns_of(split: str) -> dict[str, Any]:
    columns: dict[str, Any] = EXPECTED["splits"][split]["columns_concat"]
    return {name.removeprefix("steps/"): said for name, said in columns.items()}


@pytest.mark.parametrize("split", SPLITS)
def test_columns_are_those_of_tfds(split: str, pusht: tuple[Facts, dict[str, NDArray[Any]]]) -> None:
    facts, columns = pusht
    assert {column.name for column in facts.columns} == set(columns_of(split))
    for name, said in columns_of(split).items():
        rows = columns[name][SPLITS[split]]
        if name == "language_instruction":
            assert repr(rows[0].encode()) == said[0]
            continue
        assert (str(rows.dtype), list(rows.shape)) == (said["dtype"], said["shape"])
        digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()[:16]
        if name == "observation/wrist_image":  # JPEG: TensorFlow's decoder is another one
            assert abs(rows.mean() - said["mean"]) < 0.5
        else:
            assert digest == said["sha256"], name


def test_every_step_has_the_instruction_of_its_episode(pusht: tuple[Facts, dict[str, NDArray[Any]]]) -> None:
    facts, columns = pusht
    ends = np.cumsum(facts.lengths)
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        assert len(set(columns["language_instruction"][start:end])) == 1
        assert columns["is_first"][start:end].tolist() == [True] + [False] * (end - start - 1)


def test_episodes(pusht: tuple[Facts, dict[str, NDArray[Any]]]) -> None:
    facts, _ = pusht
    table = facts.episodes.to_pydict()
    said = [EXPECTED["splits"][split] for split in SPLITS]
    assert table["length"] == [length for each in said for length in each["lengths"]]
    assert table["episode_id"] == [number for each in said for number in each["episode_ids_in_file_order"]]
    assert table["split"] == ["train"] * 7 + ["val"] * 3
    assert table["source_episode"][7] == "pusht_rlds-val.tfrecord-00000-of-00001__0"
    assert table["success"] == [False] * 10
    assert facts.source_bytes == EXPECTED["bytes_on_disk"]
    assert facts.attributes["tfds"]["name"] == "pusht_rlds"
    wrist = next(column for column in facts.columns if column.name == "observation/wrist_image")
    assert (wrist.lossy, wrist.path) == ("jpeg", ("observation", "wrist_image"))


def test_a_split() -> None:
    with open_reader(Source(str(PUSHT)), options={"split": "val"}) as reader:
        assert reader.facts().lengths == (29, 71, 44)
    with (
        pytest.raises(ConversionError, match=r"no split 'test', but train, val"),
        open_reader(Source(str(PUSHT)), options={"split": "test"}) as reader,
    ):
        reader.facts()


def test_late_episodes_alone(pusht: tuple[Facts, dict[str, NDArray[Any]]]) -> None:
    _, columns = pusht
    with open_reader(Source(str(PUSHT))) as reader:
        found = read_columns(reader, ["action", "observation/image"], [1, 9], target_bytes=50_000)
    picked = np.r_[38:69, 436:480]
    np.testing.assert_array_equal(found["action"], columns["action"][picked])
    np.testing.assert_array_equal(found["observation/image"], columns["observation/image"][picked])


@pytest.mark.parametrize("files", ["tfrecord", "array_record"])
@pytest.mark.parametrize("target_bytes", [1, 3000, 1 << 24])
def test_features_of_every_kind(files: str, target_bytes: int) -> None:
    facts, columns = read_all(FEATURES / files, target_bytes=target_bytes)
    names = facts.episodes["file_path"].to_pylist()
    ends = np.cumsum(facts.lengths)
    spans = {name: slice(start, end) for name, start, end in zip(names, [0, *ends[:-1]], ends, strict=True)}
    assert set(facts.unreadable) == {"words"}
    with np.load(FEATURES / "expect.npz") as expected:
        for key in expected.files:
            episode, _, name = key.partition("/")
            want = expected[key]
            if name.startswith("pts_"):
                lists = list(columns["pts"][spans[episode]])
                found = [len(each) for each in lists] if name == "pts_len" else np.concatenate(lists)
                np.testing.assert_array_equal(found, want)
                continue
            rows = columns[name][spans[episode]]
            if name == "observation/f64":  # which TFDS stores as float32
                want = want.astype(np.float32).astype(np.float64)
            if name != "observation/rgb":
                np.testing.assert_array_equal(rows, want, err_msg=name)
    dtypes = {column.name: str(columns[column.name].dtype) for column in facts.columns}
    assert dtypes["observation/depth"] == "uint16"
    assert dtypes["observation/u8"] == "uint8"
    assert dtypes["observation/neg"] == "int32"
    assert dtypes["mask"] == "bool"
    label = next(column for column in facts.columns if column.name == "label")
    assert label.attributes["names"] == ["x", "y"]
    assert facts.episodes["goal"].to_pylist()[0] == [1.0, 2.0, 0.0]


@pytest.mark.parametrize("folder", [PUSHT, FEATURES / "array_record"])
def test_a_converted_dataset_has_the_same_rows(folder: Path, tmp_path: Path) -> None:
    assert detect(Source(str(folder))).name == "rlds"
    facts, columns = read_all(folder)
    options = ConversionOptions(exclude=tuple(facts.unreadable))
    plan = plan_conversion(str(folder), str(tmp_path / "x.zarr"), options)
    copied = {planned.name for planned in plan.columns if planned.is_copied}
    assert copied == {column.name for column in facts.columns if len(column.space.shape or ()) == 3}
    run_conversion(plan)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        rows: Any = buffer[0 : len(buffer)]
        assert [episode["split"] for episode in buffer.episodes.to_pylist()] == facts.episodes[
            "split"
        ].to_pylist()
    for column in facts.columns:
        found = rows
        for key in column.path:
            found = found[key]
        if found.dtype == object:
            assert all(np.array_equal(a, b) for a, b in zip(found, columns[column.name], strict=True))
        else:
            np.testing.assert_array_equal(found, columns[column.name])


def test_memory_does_not_grow_with_an_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unienv_data.formats.readers.rlds.records.LARGEST_IN_MEMORY", 1000)
    monkeypatch.setattr("unienv_data.formats.readers.rlds.example._PIECE", 40)
    facts, columns = read_all(FEATURES / "tfrecord", target_bytes=3000)
    monkeypatch.undo()
    _, whole = read_all(FEATURES / "tfrecord")
    for column in facts.columns:
        for mine, theirs in zip(columns[column.name], whole[column.name], strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", ["rlds_tfrecord", "rlds_features/array_record"])
def test_datasets_elsewhere(name: str) -> None:
    memory = fsspec.filesystem("memory")
    root = f"/rlds-{name}"
    memory.put(str(DATA / name), root, recursive=True)
    try:
        facts, found = read_all(f"memory:/{root}")
    finally:
        memory.rm(root, recursive=True)
    _, columns = read_all(DATA / name)
    for column in facts.columns:
        for mine, theirs in zip(found[column.name], columns[column.name], strict=True):
            np.testing.assert_array_equal(mine, theirs)


@requires_av
def test_the_rollouts_are_those_of_lerobot(pusht: tuple[Facts, dict[str, NDArray[Any]]]) -> None:
    facts, columns = pusht
    other, theirs = read_all(DATA.parents[1] / "examples/data/lerobot_v30_pusht")
    starts = np.cumsum([0, *facts.lengths])
    order = np.argsort(facts.episodes["episode_id"].to_numpy())
    rows = np.concatenate([np.arange(starts[each], starts[each + 1]) for each in order])
    assert [facts.lengths[each] for each in order] == list(other.lengths)
    for mine, name in (("action", "action"), ("reward", "next.reward")):
        np.testing.assert_array_equal(columns[mine][rows], theirs[name])
    state = np.concatenate([theirs["observation.state"], theirs["observation.environment_state"]], axis=1)
    np.testing.assert_array_equal(columns["observation/state"][rows], state.astype(np.float32))
    assert columns["language_instruction"][rows].tolist() == theirs["task"].tolist()
    off = columns["observation/image"][rows].astype(int) - theirs["observation.image"]
    assert np.abs(off).mean() < 3, "frames differ by what AV1 has changed"
