"""Videos with tables, a row a frame or a row a video, against a plain decode and what was written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

pytest.importorskip("av")

from tests.unienv_data.formats.lerobot_builder import Camera, encode, noise_frames, plain_decode, truncate
from tests.unienv_data.formats.reading import read_columns
from tests.unienv_data.formats.samples import convert, refusal
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, detect, open_reader
from unienv_data.formats.readers.videos.matching import videos_of
from unienv_data.opening import open as open_dataset

CAMERA = Camera(files=())
LENGTHS = (7, 12, 5)
FIELDS = ("x", "gripper", "note")


def rows_of(episode: int, count: int) -> list[dict[str, Any]]:
    return [{"x": episode + row / 8, "gripper": row % 2, "note": f'step "{row}", ü'} for row in range(count)]


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            table.writeheader()
            table.writerows(rows)


def film(path: Path, count: int, seed: int) -> NDArray[Any]:
    encode(path, CAMERA, noise_frames(count, CAMERA, seed))
    return plain_decode(path)


def check(rows: dict[str, Any], cameras: dict[str, NDArray[Any]], lengths: Sequence[int] = LENGTHS) -> None:
    written = [row for episode, length in enumerate(lengths) for row in rows_of(episode, length)]
    for field in FIELDS:
        assert rows[field].tolist() == [row[field] for row in written]
    for camera, frames in cameras.items():
        np.testing.assert_array_equal(rows[camera], frames)


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("frames", ["copy", "lossless"])
def test_a_table_beside_each_video(tmp_path: Path, kind: str, frames: str) -> None:
    root = tmp_path / "a"
    cameras: dict[str, list[Any]] = {"left": [], "right": []}
    for episode, length in enumerate(LENGTHS):
        write_table(root / f"run_{episode + 8}.{kind}", rows_of(episode, length))
        for seed, camera in enumerate(cameras):
            cameras[camera].append(
                film(root / f"run_{episode + 8}_{camera}.mp4", length, 10 * episode + seed)
            )
    plan, rows = convert(root, tmp_path / "b", frames=frames)
    assert (plan.format, plan.notes) == ("videos", ())
    check(rows, {camera: np.concatenate(each) for camera, each in cameras.items()})
    assert {planned.path for planned in plan.columns if planned.is_copied} == (
        {"left", "right"} if frames == "copy" else set()
    )
    with open_dataset(tmp_path / "b") as buffer:
        assert buffer.episodes["source_episode"].to_pylist() == ["run_8", "run_9", "run_10"]


@pytest.mark.parametrize("how", ["named by a column", "by number", "by folders"])
def test_one_table_of_all_frames(tmp_path: Path, how: str) -> None:
    root = tmp_path / "a"
    table, frames = [], []
    for episode, length in enumerate(LENGTHS):
        name = {"by folders": f"cam/{episode}.mp4"}.get(how, f"videos/episode_{episode:06d}.mp4")
        frames.append(film(root / name, length, episode))
        more = {"film": name} if how == "named by a column" else {}
        table += [{"episode": episode, **row, **more} for row in rows_of(episode, length)]
    write_table(root / "steps.csv", table)
    _, rows = convert(root, tmp_path / "b")
    camera = {"named by a column": "film", "by number": "videos", "by folders": "cam"}[how]
    check(rows, {camera: np.concatenate(frames)})
    assert rows["episode"].tolist() == np.repeat([0, 1, 2], LENGTHS).tolist()


def test_a_row_a_video(tmp_path: Path) -> None:
    root = tmp_path / "a"
    table, frames = [], []
    for episode, length in enumerate(LENGTHS):
        frames.append(film(root / f"clips/c{episode}.mp4", length, episode))
        table.append({"file": f"clips/c{episode}.mp4", "caption": f"do {episode}", "rating": episode / 2})
    write_table(root / "captions.jsonl", table)
    _, rows = convert(root, tmp_path / "b")
    assert set(rows) == {"file"}
    np.testing.assert_array_equal(rows["file"], np.concatenate(frames))
    with open_dataset(tmp_path / "b") as buffer:
        episodes = buffer.episodes.to_pylist()
    assert [episode["length"] for episode in episodes] == list(LENGTHS)
    assert [(e["source_episode"], e["caption"], e["rating"]) for e in episodes] == [
        ("c0", "do 0", 0.0),
        ("c1", "do 1", 0.5),
        ("c2", "do 2", 1.0),
    ]


@pytest.mark.parametrize("option", [{}, {"frame_column": "shot"}])
def test_rows_say_which_frame_is_theirs(tmp_path: Path, option: dict[str, str]) -> None:
    """A table at a lower rate than the video's."""
    frames = film(tmp_path / "a/run.mp4", 20, 0)
    column = option.get("frame_column", "frame_index")
    shown = [0, 3, 4, 9, 12, 15]
    table = [{column: shot, **row} for shot, row in zip(shown, rows_of(0, 6), strict=True)]
    write_table(tmp_path / "a/log.csv", table)
    plan, rows = convert(tmp_path / "a", tmp_path / "b", format_options=option)
    check(rows, {"video": frames[shown]}, [6])
    assert plan.notes[0].startswith("The videos of 1 episodes have more frames than there are rows")


def test_any_episodes_alone(tmp_path: Path) -> None:
    frames = []
    for episode, length in enumerate(LENGTHS):
        write_table(tmp_path / f"{episode}.csv", rows_of(episode, length))
        frames.append(film(tmp_path / f"{episode}.mp4", length, episode))
    with open_reader(Source(str(tmp_path))) as reader:
        assert [column.name for column in reader.facts().columns] == ["video", *FIELDS]
        found = read_columns(reader, ["x", "video"], [0, 2], target_bytes=3 * 48 * 64 * 3)
    np.testing.assert_array_equal(found["video"], np.concatenate([frames[0], frames[2]]))
    assert found["x"].tolist() == [row["x"] for e in (0, 2) for row in rows_of(e, LENGTHS[e])]


def test_whole_numbers_in_one_table_and_fractions_in_another(tmp_path: Path) -> None:
    for episode, x in enumerate((1, 2.5)):
        write_table(tmp_path / f"a/{episode}.csv", [{"x": x, "empty": ""}] * 3)
        film(tmp_path / f"a/{episode}.mp4", 3, episode)
    _, rows = convert(tmp_path / "a", tmp_path / "b", exclude=("empty",))
    assert rows["x"].tolist() == [1, 1, 1, 2.5, 2.5, 2.5]
    assert rows["x"].dtype == np.float64


def test_missing_floats(tmp_path: Path) -> None:
    film(tmp_path / "a/0.mp4", 3, 0)
    write_table(tmp_path / "a/0.csv", [{"x": 1.5}, {"x": ""}, {"x": 2.5}])
    assert "--option nulls=nan" in refusal(tmp_path / "a", tmp_path)
    _, rows = convert(tmp_path / "a", tmp_path / "b", format_options={"nulls": "nan"})
    np.testing.assert_array_equal(rows["x"], [1.5, np.nan, 2.5])


def test_matching() -> None:
    assert videos_of("run_1", ["a/run_1.mp4", "b/run_1.mp4", "run_11.mp4"]) == {
        "a": "a/run_1.mp4",
        "b": "b/run_1.mp4",
    }
    assert videos_of("a/b", ["b.mp4"]) == {}
    assert videos_of(1, ["episode_1_take_2.mp4", "take_1.mkv"]) == {"video": "take_1.mkv"}
    assert videos_of("1", ["x/1.front.mp4"], "x") == {"front": "x/1.front.mp4"}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    root = tmp_path / "made"
    for episode, length in enumerate(LENGTHS):
        write_table(root / f"run_{episode}.csv", rows_of(episode, length))
        film(root / f"run_{episode}.mp4", length, episode)
    return root


def shorter(root: Path) -> None:
    film(root / "run_1.mp4", 9, 0)


def smaller(root: Path) -> None:
    small = Camera(files=(), height=24, width=32)
    encode(root / "run_1.mp4", small, noise_frames(12, small, 0))


def retable(act: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        rows = rows_of(1, 12)
        act(rows)
        write_table(root / "run_1.csv", rows)

    return damage


DAMAGES: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "a video is cut": (lambda root: truncate(root / "run_1.mp4"), ["run_1.mp4", "damaged or incomplete"]),
    "a video is short": (shorter, ["run_1.mp4: it has 9 frames, but episode 'run_1' needs 12"]),
    "a video is smaller": (smaller, ["run_1.mp4: its frames are 24 x 32, those of the first video 48 x 64"]),
    "a video is gone": (
        lambda root: (root / "run_1.mp4").unlink(),
        ["run_1.csv: there is no video of this name"],
    ),
    "a table is no table": (
        lambda root: (root / "run_1.csv").write_text("a,b\n1,2\n3\n"),
        ["run_1.csv: not a table that can be read"],
    ),
    "a table is empty": (lambda root: (root / "run_1.csv").write_text(""), ["run_1.csv", "not a table"]),
    "a column of another type": (
        retable(lambda rows: rows[3].update(x="much")),
        ["run_1.csv: the column x is string, in run_0.csv it is double"],
    ),
    "a column is gone": (
        retable(lambda rows: [row.pop("gripper") for row in rows]),
        ["run_1.csv: the columns gripper are missing, which run_0.csv has"],
    ),
    "other cameras": (
        lambda root: (root / "run_1.mp4").rename(root / "run_1_left.mp4"),
        ["run_1.csv: episode 'run_1' has videos of the cameras left, episode 'run_0' of video"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_a_paragraph(made: Path, tmp_path: Path, damage: str) -> None:
    act, said = DAMAGES[damage]
    act(made)
    message = refusal(made, tmp_path)
    for part in said:
        assert part in message


@pytest.mark.parametrize("name", ["gone.mp4", "../outside.mp4"])
def test_tables_name_no_files_elsewhere(tmp_path: Path, name: str) -> None:
    film(tmp_path / "outside.mp4", 4, 0)
    film(tmp_path / "a/in.mp4", 4, 0)
    write_table(tmp_path / "a/captions.csv", [{"file": "in.mp4", "n": 1}, {"file": name, "n": 2}])
    assert f"{name}: the file is missing" in refusal(tmp_path / "a", tmp_path)


def test_what_belongs_together_must_be_clear(tmp_path: Path) -> None:
    root = tmp_path / "a"
    write_table(root / "notes.csv", rows_of(0, 7))
    for name in ("one", "two"):
        film(root / f"{name}.mp4", 7, 0)
    assert "it is not clear which videos its rows belong to" in refusal(root, tmp_path)
    write_table(root / "more.csv", rows_of(0, 7))
    assert "name it (--option table=NAME)" in refusal(root, tmp_path)
    assert "there is no table 'x'" in refusal(root, tmp_path, "--option", "table=x")
    assert "there is no column 'y'" in refusal(
        root, tmp_path, "--option", "table=notes.csv", "--episode-column", "y"
    )


def test_all_before_a_damaged_episode_comes(made: Path) -> None:
    truncate(made / "run_1.mp4")
    with open_reader(Source(str(made))) as reader:
        assert len(read_columns(reader, ["video"], [0])["video"]) == 7
        with pytest.raises(ConversionError, match=r"run_1\.mp4"):
            read_columns(reader, ["video"], [1])
        assert len(read_columns(reader, ["video"], [2])["video"]) == 5


def test_detected(made: Path) -> None:
    assert detect(Source(str(made))).name == "videos"
    write_table(made / "steps.parquet", rows_of(0, 3))
    assert detect(Source(str(made))).name == "videos"
