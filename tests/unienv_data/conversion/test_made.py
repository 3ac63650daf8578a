"""Recordings that the tests make, converted with every option, against what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import CodecError, ConversionError
from unienv_data.opening import open as open_dataset
from unienv_data.progress import Progress, Task

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import Camera, Recording, build

CAMERAS = {
    "observation.front": Camera(files=((0, 1, 2), (3, 4))),
    "observation.wrist": Camera(
        files=((0,), (1, 2, 3), (4,)), codec="libsvtav1", height=96, width=64, lead=5
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    numbers = pa.array(np.arange(36, dtype=np.float32))
    feature = {"dtype": "float32", "shape": [1]}
    return build(
        tmp_path_factory.mktemp("made") / "toy",
        cameras=CAMERAS,
        images=True,
        extra={name: (numbers, feature) for name in ("a", "a.b", "odd/name", "Odd%Name", "..")},
        splits={"train": "0:3", "val": "3:5"},
        episode_columns={"success": [True, False, None, True, False]},
    )


def convert(made: Recording, destination: Path | str, **options: Any) -> Any:
    plan = plan_conversion(str(made.root), str(destination), ConversionOptions(**options))
    return plan, run_conversion(plan)


def leaves(value: Any, prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], NDArray[Any]]:
    if not isinstance(value, dict):
        return {prefix: value}
    return {
        path: leaf for key, branch in value.items() for path, leaf in leaves(branch, (*prefix, key)).items()
    }


def expected(made: Recording) -> dict[tuple[str, ...], NDArray[Any]]:
    whole = {("a.b",), ("odd/name",), ("..",)}
    paths = {name: (name,) if (name,) in whole else tuple(name.split(".")) for name in made.columns}
    values = {paths[name]: column for name, column in made.columns.items()}
    values |= {tuple(name.split(".")): frames for name, frames in made.frames.items()}
    for name in ("a", "a.b", "odd/name", "Odd%Name", ".."):
        values[(name,)] = np.arange(36, dtype=np.float32)
    return values


def assert_rows(buffer: Any, made: Recording, rows: NDArray[np.int64]) -> None:
    stored = leaves(buffer[...])
    want = expected(made)
    assert set(stored) == set(want)
    for path, values in want.items():
        assert stored[path].dtype == values.dtype, path
        np.testing.assert_array_equal(stored[path], values[rows], err_msg=str(path))


def test_everything(made: Recording, tmp_path: Path) -> None:
    plan, done = convert(made, tmp_path / "x.zarr")
    assert done.rows == 36
    assert plan.attributes["columns"]["a.b"]["source"] == "a.b"
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert_rows(buffer, made, np.arange(36))
        episodes = buffer.episodes.to_pylist()
        assert [episode["length"] for episode in episodes] == list(made.lengths)
        assert [episode["tasks"] for episode in episodes] == [list(tasks) for tasks in made.tasks_of]
        assert [episode["split"] for episode in episodes] == ["train"] * 3 + ["val"] * 2
        assert [episode["success"] for episode in episodes] == [True, False, None, True, False]


@pytest.mark.parametrize("frames", ["copy", "lossless"])
def test_in_small_chunks(
    made: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: str
) -> None:
    """Episodes longer than a chunk stay one episode."""
    from unienv_data.formats.readers.lerobot.v30.reader import LeRobotV30Reader

    whole = LeRobotV30Reader.chunks

    def small(self: Any, columns: Any, episodes: Any, *, target_bytes: int = 0, **options: Any) -> Any:
        return whole(self, columns, episodes, target_bytes=target, **options)

    target = 80_000 if frames == "lossless" else 2_000
    plan = plan_conversion(str(made.root), str(tmp_path / "x.zarr"), ConversionOptions(frames=frames))
    monkeypatch.setattr(LeRobotV30Reader, "chunks", small)
    run_conversion(plan)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert_rows(buffer, made, np.arange(36))
        assert buffer.episodes["length"].to_pylist() == list(made.lengths)


@pytest.mark.parametrize(("spec", "chosen"), [("1:3", [1, 2]), ("-1", [4]), ("::"[:1], [0, 1, 2, 3, 4])])
def test_episodes(made: Recording, tmp_path: Path, spec: str, chosen: list[int]) -> None:
    plan, _ = convert(made, tmp_path / "x.zarr", episodes=spec)
    starts = np.cumsum([0, *made.lengths])
    rows = np.concatenate([np.arange(starts[e], starts[e + 1]) for e in chosen])
    assert plan.source_share == pytest.approx(len(rows) / 36)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert_rows(buffer, made, rows)
        assert buffer.episodes["source_episode"].to_pylist() == chosen
        assert buffer.episodes["tasks"].to_pylist() == [list(made.tasks_of[e]) for e in chosen]


def test_columns_and_codecs(made: Recording, tmp_path: Path) -> None:
    _, _ = convert(
        made,
        tmp_path / "x.zarr",
        columns=("observation.*", "action", "task"),
        exclude=("observation/wrist",),
        codecs={"observation/*": "lz4", "observation.front": "zstd:9", "task": "raw"},
    )
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        codecs = {column.name: column.codec for column in buffer.storage.describe()}
        assert set(buffer.attributes["columns"]) == set(codecs)
        np.testing.assert_array_equal(buffer[:]["observation"]["front"], made.frames["observation.front"])
    assert set(codecs) == {
        *(f"observation/{name}" for name in ("state", "wide", "matrix", "png", "front")),
        *("action", "task"),
    }
    assert codecs["observation/state"].startswith("lz4")
    assert codecs["observation/front"].startswith("zstd:9")
    assert codecs["task"].startswith("raw")


def test_a_single_column_needs_nothing_of_the_others(made: Recording, tmp_path: Path) -> None:
    _, _ = convert(made, tmp_path / "x.zarr", columns=("action",))
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert list(buffer[0]) == ["action"]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"columns": ("nothing",)}, ConversionError, "no column matches 'nothing'"),
        ({"exclude": ("*",)}, ConversionError, "no column is left"),
        ({"episodes": "9:"}, ConversionError, "there are no rows"),
        ({"episodes": "5"}, ConversionError, "5 episodes, 0 to 4"),
        ({"codecs": {"nothing": "raw"}}, ConversionError, "no column matches 'nothing'"),
        ({"codecs": {"action": "brotli"}}, CodecError, "brotli"),
        ({"format": "hdf6"}, ConversionError, "no format 'hdf6'"),
        ({"format_options": {"x": "y"}}, ConversionError, "has no option x"),
    ],
)
def test_options_that_cannot_be(
    made: Recording, tmp_path: Path, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    before = set(fsspec.filesystem("memory").store)  # of other tests
    with pytest.raises(error, match=said):
        plan_conversion(str(made.root), str(tmp_path / "x.zarr"), ConversionOptions(**options))
    assert not list(tmp_path.iterdir())
    assert set(fsspec.filesystem("memory").store) == before, "the sample is removed"


def test_progress_tells_every_row(made: Recording, tmp_path: Path) -> None:
    told: list[tuple[str, int | None]] = []
    done = 0

    class Counting(Progress):
        def task(self, description: str, *, total: int | None = None, unit: str = "row") -> Any:
            from contextlib import nullcontext

            told.append((description, total))

            class Count(Task):
                def advance(self, amount: int = 1) -> None:
                    nonlocal done
                    done += amount

            return nullcontext(Count())

    options = ConversionOptions(stats=False)
    run_conversion(plan_conversion(str(made.root), str(tmp_path / "x.zarr"), options), Counting())
    assert told == [("converting", 36)]
    assert done == 36


def test_advice_and_refusal(made: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = str(tmp_path / "x.zarr")
    plan = plan_conversion(str(made.root), destination, ConversionOptions(codecs={"**": "raw"}))
    assert plan.advice is not None
    assert "observation/wrist" in plan.advice
    assert "--codec" in plan.advice
    assert "video" in plan.advice
    assert plan.refusal is None
    assert plan_conversion(str(made.root), destination, ConversionOptions(columns=("action",))).advice is None

    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    plan = plan_conversion(str(made.root), destination)
    assert plan.refusal is not None
    with pytest.raises(ConversionError, match=r"bytes are needed, 1,000 are free\. .*--force"):
        run_conversion(plan)
    assert not list(tmp_path.iterdir())
    run_conversion(plan_conversion(str(made.root), destination, ConversionOptions(force=True)))
    with open_dataset(destination) as buffer:
        assert len(buffer) == 36


def test_a_source_that_changes_under_the_plan(made: Recording, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(made.root, copy)
    plan = plan_conversion(str(copy), str(tmp_path / "x.zarr"))
    next(copy.glob("data/**/file-001.parquet")).unlink()
    with pytest.raises(ConversionError, match=r"file-001\.parquet"):
        run_conversion(plan)
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
