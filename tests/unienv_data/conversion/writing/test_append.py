"""Episodes added to a dataset that stands: those that it has not, if they are like its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from typer.testing import CliRunner

from tests.unienv_data.conversion.snapshots import snapshot
from tests.unienv_data.conversion.writing.small_blocks import make_small
from tests.unienv_data.conversion.writing.test_resume import KilledError, die_at
from tests.unienv_data.conversion.writing.test_workers import assert_values
from unienv_data.cli.app import app
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError, WriterLockedError
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import Camera, Recording, build

FRONT = {"observation.front": Camera(files=(range(4),))}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return build(
        tmp_path_factory.mktemp("a") / "toy", lengths=(7, 3, 12, 5), data_files=(range(4),), cameras=FRONT
    )


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Of the same folder name, other episodes under the same numbers."""
    return build(
        tmp_path_factory.mktemp("b") / "toy", lengths=(4, 9, 3, 6), data_files=(range(4),), cameras=FRONT
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def convert(source: Any, destination: Path | str, **options: Any) -> Any:
    options = {"frames": "lossless", **options}
    return run_conversion(plan_conversion(str(source), str(destination), ConversionOptions(**options)))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("frames", ["copy", "lossless"])
def test_two_sources(first: Recording, second: Recording, tmp_path: Path, workers: int, frames: str) -> None:
    options = {"workers": workers, "frames": frames}
    convert(first.root, tmp_path / "x.zarr", frames=frames)
    done = convert(second.root, tmp_path / "x.zarr", append=True, **options)
    assert (done.rows, done.episodes, done.already_there) == (22, 4, 0)
    assert done.stored_bytes > 0
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        rows = buffer[...]
        np.testing.assert_array_equal(
            rows["action"], np.concatenate([first.columns["action"], second.columns["action"]])
        )
        np.testing.assert_array_equal(
            rows["observation"]["front"],
            np.concatenate([first.frames["observation.front"], second.frames["observation.front"]]),
        )
        assert buffer.episodes["length"].to_pylist() == [7, 3, 12, 5, 4, 9, 3, 6]
        assert buffer.attributes["appended"] == [
            {"format": "lerobot_v30", "version": "v3.0", "name": "toy", "episodes": 4, "rows": 22}
        ]
        assert len(set(buffer.episodes["digest"].to_pylist())) == 8
        assert buffer.stats is not None
        assert buffer.stats.rows == 49
        np.testing.assert_allclose(buffer.stats["action"]["mean"], rows["action"].mean(axis=0))
    assert not (tmp_path / "x.zarr/storage/unfinished").exists()


def test_what_is_there_is_left_out(first: Recording, second: Recording, tmp_path: Path) -> None:
    convert(first.root, tmp_path / "x.zarr", episodes="1:3")
    before = snapshot(tmp_path / "x.zarr")
    moved = tmp_path / "elsewhere"
    shutil.copytree(first.root, moved)
    again = convert(moved, tmp_path / "x.zarr", append=True, episodes="1:3")
    assert (again.rows, again.episodes, again.already_there) == (0, 0, 2)
    assert snapshot(tmp_path / "x.zarr") == before
    rest = convert(moved, tmp_path / "x.zarr", append=True)
    assert (rest.episodes, rest.already_there) == (2, 2)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert buffer.episodes["source_episode"].to_pylist() == [1, 2, 0, 3]


def test_a_dataset_without_digests(first: Recording, second: Recording, tmp_path: Path) -> None:
    """Such as one that was recorded: what is there is told by its rows. It is not sealed, either."""
    convert(first.root, tmp_path / "y.zarr")
    with open_dataset(str(tmp_path / "y.zarr")) as source:
        space = source.single_space
        with ReplayBuffer.create(
            type(source.storage), space, cache_path=str(tmp_path / "x.zarr"), capacity=None
        ) as buffer:
            for start, stop in source.get_segments() or ():
                if stop - start != 12:
                    buffer.extend(source[start:stop])
    done = convert(first.root, tmp_path / "x.zarr", append=True)
    assert (done.rows, done.already_there) == (12, 3)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer, open_dataset(str(tmp_path / "y.zarr")) as source:
        assert_values(buffer[15:], source[10:22])
        assert_values(buffer[:10], source[:10])


def test_where_nothing_stands_it_is_made(first: Recording, tmp_path: Path) -> None:
    assert convert(first.root, tmp_path / "x.zarr", append=True).rows == 27
    assert convert(first.root, tmp_path / "x.zarr", append=True).already_there == 4


def test_everything_that_differs_is_said(first: Recording, tmp_path: Path) -> None:
    convert(first.root, tmp_path / "x.zarr", exclude=("note",), cast={"action": "int32"})
    before = snapshot(tmp_path)
    outcome = CliRunner().invoke(
        app,
        [
            "convert",
            str(first.root),
            str(tmp_path / "x.zarr"),
            "--append",
            "--exclude",
            "index",
            "--codec",
            "action=lz4",
        ],
    )
    assert outcome.exit_code == 2
    said = " ".join(outcome.stderr.split())
    for part in (
        "index is missing",
        "note is not in the dataset (--exclude)",
        "action is int16 [2], in the dataset int32 [2] (--cast, --resize)",
        "--codec, --chunk and --frames: the dataset has its codecs and chunks",
    ):
        assert part in said
    assert snapshot(tmp_path) == before


def test_a_failure_leaves_the_dataset_as_it_was(
    first: Recording, second: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(first.root, tmp_path / "x.zarr")
    before = snapshot(tmp_path / "x.zarr")
    with monkeypatch.context() as patch:
        die_at(patch, "unienv_data.conversion.writing.spans", "write_receipt", 2)
        with pytest.raises(KilledError):
            convert(second.root, tmp_path / "x.zarr", append=True)
    after = snapshot(tmp_path / "x.zarr")
    assert {name: there for name, there in after.items() if "/claims/" not in name} == {
        name: there for name, there in before.items() if "/claims/" not in name
    }
    assert convert(second.root, tmp_path / "x.zarr", append=True).rows == 22


STEPS = {
    "in the middle": ("unienv_data.conversion.writing.spans", "write_receipt", 2),
    "before the rows are taken in": ("unienv_data.replay_buffer.ReplayBuffer", "settle", 0),
    "after the commit": ("unienv_data.conversion.appending.onto", "forget_unfinished", 1),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("resume", [False, True])
def test_a_killed_one(
    first: Recording,
    second: Recording,
    tmp_path: Path,
    step: str,
    resume: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    convert(first.root, tmp_path / "x.zarr")
    with monkeypatch.context() as patch:
        die_at(patch, *STEPS[step])
        patch.setattr("unienv_data.conversion.appending.onto.is_to_be_kept", lambda exc: True)
        with pytest.raises(KilledError):
            convert(second.root, tmp_path / "x.zarr", append=True, resume=True)
    done = convert(second.root, tmp_path / "x.zarr", append=True, resume=resume)
    assert (done.resumed_rows > 0) == (resume and step != "after the commit")
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        wanted = np.concatenate([first.columns["action"], second.columns["action"]])
        np.testing.assert_array_equal(buffer[...]["action"], wanted)
        assert buffer[...]["note"].tolist() == [*first.columns["note"], *second.columns["note"]]


def test_in_an_object_store(first: Recording, second: Recording) -> None:
    place = "memory://append/x.zarr"
    try:
        convert(first.root, place, columns=("action", "note"))
        convert(second.root, place, append=True, columns=("action", "note"))
        with open_dataset(place) as buffer:
            assert len(buffer) == 49
            assert buffer[...]["note"].tolist() == [*first.columns["note"], *second.columns["note"]]
    finally:
        fsspec.filesystem("memory").rm("/append", recursive=True)


def test_refusals(first: Recording, second: Recording, tmp_path: Path) -> None:
    place = str(tmp_path / "x.zarr")
    with pytest.raises(ConversionError, match="it is replaced"):
        convert(first.root, place, append=True, overwrite=True)
    convert(first.root, place, columns=("action",))
    plan = plan_conversion(str(second.root), place, ConversionOptions(columns=("action",), append=True))
    with ReplayBuffer.load_from(place, read_only=False) as buffer:
        with pytest.raises(WriterLockedError):
            run_conversion(plan)
        buffer.extend(buffer[:2])
    with pytest.raises(ConversionError, match="somebody has added to it meanwhile"):
        run_conversion(plan)
    with ReplayBuffer.create(
        ZarrStorage, plan.space, cache_path=str(tmp_path / "ring.zarr"), capacity=9
    ) as buffer:
        buffer.extend({"action": np.zeros((3, 2), np.int16)})
    with pytest.raises(ConversionError, match="this is a ring"):
        convert(first.root, tmp_path / "ring.zarr", columns=("action",), append=True)
