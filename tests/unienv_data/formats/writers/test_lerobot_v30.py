"""LeRobot v3.0 datasets, read back by pyarrow and PyAV alone, and by our reader."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from tests.unienv_data.formats.reading import read_all
from tests.unienv_data.formats.writing import LENGTHS, Made, make, smooth_frames, write
from tests.unienv_data.formats.writing import values_of_every_kind as all_kinds
from unienv_data.conversion import (
    ConversionOptions,
    plan_export,
    run_export,
)
from unienv_data.errors import ConversionError
from unienv_data.formats.writers.lerobot_v30 import files, videos
from unienv_data.formats.writers.lerobot_v30.writer import LeRobotV30Writer

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

import av
import imagecodecs

PUSHT = Path(__file__).parents[4] / "examples/data/lerobot_v30_pusht"
ROWS = sum(LENGTHS)
H264 = {"fps": "10", "codec": "h264"}
PNG = {"fps": "10", "images": "png"}


def values_of_every_kind(rows: int) -> dict[str, NDArray[Any]]:
    """Those that PyTorch takes: whole numbers that int64 holds."""
    values = all_kinds(rows)
    values["numbers.uint64"] >>= np.uint64(1)
    return values


def camera(rows: int = ROWS) -> Made:
    rng = np.random.default_rng(1)
    frames = smooth_frames(rng, rows, 3)
    return make({"observation.image": frames, "action": np.arange(2.0 * rows).reshape(rows, 2)})


def document(place: Path, name: str) -> Any:
    return json.loads((place / "meta" / f"{name}.json").read_text(encoding="utf-8"))


def table_of(place: Path, folder: str) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted((place / folder).glob("*/*.parquet")))


def test_every_kind_of_column(tmp_path: Path) -> None:
    values = values_of_every_kind(ROWS)
    place = write(LeRobotV30Writer, tmp_path / "x", make(values), PNG)
    assert sorted(path.name for path in place.iterdir()) == ["data", "meta"]
    table = table_of(place, "data")
    info = document(place, "info")
    assert "task" not in table.column_names
    for name, wanted in values.items():
        if name == "task":
            continue
        feature = info["features"][name]
        cells = table[name].to_pylist()
        if wanted.dtype == object:
            assert (cells, feature["dtype"], feature["shape"]) == (wanted.tolist(), "string", [1])
        elif feature["dtype"] == "image":
            pixels = np.stack([imagecodecs.png_decode(cell["bytes"]) for cell in cells])
            np.testing.assert_array_equal(pixels.reshape(wanted.shape), wanted)
            assert feature["shape"] == list(wanted.shape[1:])
        else:
            got = np.array(cells, dtype=wanted.dtype)
            assert got.tobytes() == wanted.tobytes()
            assert (feature["dtype"], feature["shape"]) == (str(wanted.dtype), list(wanted.shape[1:]) or [1])
    facts, read = read_all(place)
    assert facts.lengths == LENGTHS
    for name, wanted in values.items():
        np.testing.assert_array_equal(read[name], wanted, strict=wanted.dtype != object)


def test_columns_of_lerobots_own(tmp_path: Path) -> None:
    place = write(LeRobotV30Writer, tmp_path / "x", make(values_of_every_kind(ROWS)), PNG)
    table = table_of(place, "data")
    numbers = np.concatenate([np.arange(length) for length in LENGTHS])
    assert table["frame_index"].to_pylist() == numbers.tolist()
    assert table["index"].to_pylist() == list(range(ROWS))
    assert table["episode_index"].to_pylist() == np.repeat(np.arange(4), LENGTHS).tolist()
    assert table.schema.field("timestamp").type == pa.float32()
    np.testing.assert_array_equal(table["timestamp"].to_numpy(), (numbers / 10).astype(np.float32))
    episodes = table_of(place, "meta/episodes")
    ends = np.cumsum(LENGTHS).tolist()
    assert episodes["dataset_from_index"].to_pylist() == [0, *ends[:-1]]
    assert episodes["dataset_to_index"].to_pylist() == ends
    info = document(place, "info")
    assert (info["total_frames"], info["total_episodes"], info["total_tasks"], info["fps"]) == (
        ROWS,
        4,
        3,
        10,
    )
    assert info["splits"] == {"train": "0:4"}


def test_tasks(tmp_path: Path) -> None:
    """A task a row; or an episode's; or none."""
    made = make(values_of_every_kind(ROWS))
    place = write(LeRobotV30Writer, tmp_path / "rows", made, PNG)
    tasks = pq.read_table(place / "meta/tasks.parquet")
    texts = dict(zip(tasks["task_index"].to_pylist(), tasks["task"].to_pylist(), strict=True))
    named = [texts[number] for number in table_of(place, "data")["task_index"].to_pylist()]
    assert named == made.values["task"].tolist()
    assert table_of(place, "meta/episodes")["tasks"].to_pylist()[0] == ["push", "wait – é🙂"]

    actions = {"action": np.zeros((ROWS, 2))}
    made = make(actions, episodes={"tasks": [["a", "b"], ["b"], [], ["a"]]})
    place = write(LeRobotV30Writer, tmp_path / "episodes", made, PNG)
    assert table_of(place, "meta/episodes")["tasks"].to_pylist() == [["a"], ["b"], [""], ["a"]]
    assert not any("--task" in note for note in LeRobotV30Writer.notes(place, made.facts, PNG))
    assert "--task gives one" in LeRobotV30Writer.notes(place, make(actions).facts, PNG)[-1]
    assert not LeRobotV30Writer.notes(place, make().facts, PNG)
    assert "--rename OLD=NEW" in LeRobotV30Writer.notes(place, make(actions).facts, PNG)[0]


def decoded(place: Path, name: str) -> list[Any]:
    """The frames of each file, with their times."""
    found = []
    for path in sorted((place / "videos" / name).glob("*/*.mp4")):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            frames = list(container.decode(stream))
            times = [float(frame.pts * frame.time_base) for frame in frames]
            found.append((np.stack([frame.to_ndarray(format="rgb24") for frame in frames]), times))
    return found


@pytest.mark.parametrize(("codec", "format_name"), [("h264", "h264"), ("av1", "av1")])
def test_videos(tmp_path: Path, codec: str, format_name: str) -> None:
    made = camera()
    place = write(LeRobotV30Writer, tmp_path / "x", made, {"fps": "10", "codec": codec})
    ((pixels, times),) = decoded(place, "observation.image")
    assert len(pixels) == ROWS
    np.testing.assert_allclose(times, np.arange(ROWS) / 10, atol=1e-9)
    error = np.abs(pixels.astype(int) - made.values["observation.image"])
    assert error.mean() < 8, "smooth frames of which no two are alike"
    info = document(place, "info")["features"]["observation.image"]
    assert info["dtype"] == "video"
    assert info["info"]["video.codec"] == format_name
    _, read = read_all(place)
    np.testing.assert_array_equal(read["observation.image"], pixels)
    path = place / "videos/observation.image/chunk-000/file-000.mp4"
    with av.open(str(path)) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert all(a or b for a, b in pairwise(keys)), "a frame is at most one away from where decoding begins"


def test_a_rate_that_is_no_whole_number(tmp_path: Path) -> None:
    place = write(LeRobotV30Writer, tmp_path / "x", camera(), {"fps": "29.97", "codec": "h264"})
    ((_, times),) = decoded(place, "observation.image")
    np.testing.assert_allclose(times, np.arange(ROWS) / 29.97, atol=1e-4)
    assert document(place, "info")["fps"] == 29.97
    assert len(read_all(place)[1]["observation.image"]) == ROWS


@pytest.mark.parametrize("limit", ["size", "seconds"])
def test_files_hold_whole_episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    if limit == "size":
        monkeypatch.setattr(files, "DATA_MB", 0)
        monkeypatch.setattr(videos, "VIDEO_MB", 0)
    else:
        monkeypatch.setattr(videos, "MOST_SECONDS", 0.5)
    monkeypatch.setattr(files, "CHUNK_FILES", 3)
    made = camera()
    place = write(LeRobotV30Writer, tmp_path / "x", made, H264)
    parts = [len(pixels) for pixels, _ in decoded(place, "observation.image")]
    assert parts == (list(LENGTHS) if limit == "size" else [5, 10, 4])
    assert len(list((place / "data").glob("*/*.parquet"))) == (4 if limit == "size" else 1)
    episodes = table_of(place, "meta/episodes")
    if limit == "size":
        assert episodes["data/chunk_index"].to_pylist() == [0, 0, 0, 1]
        assert episodes["data/file_index"].to_pylist() == [0, 1, 2, 0]
    else:
        assert episodes["videos/observation.image/from_timestamp"].to_pylist() == [0, 0, 0.1, 0]
    facts, read = read_all(place)
    np.testing.assert_array_equal(read["action"], made.values["action"])
    pixels = np.concatenate([each for each, _ in decoded(place, "observation.image")])
    np.testing.assert_array_equal(read["observation.image"], pixels)
    assert facts.lengths == LENGTHS


def test_statistics_are_numpys(tmp_path: Path) -> None:
    values = {name: array for name, array in values_of_every_kind(ROWS).items() if array.dtype != object}
    values["numbers.float32"][0] = 0
    place = write(LeRobotV30Writer, tmp_path / "x", make(values), PNG)
    stats = document(place, "stats")
    rows = pq.read_table(next((place / "meta/episodes").glob("*/*.parquet"))).to_pylist()
    starts = np.cumsum([0, *LENGTHS])
    for name, array in values.items():
        for found, part in (
            (stats[name], array),
            *(
                ({key: row[f"stats/{name}/{key}"] for key in stats[name]}, array[a:b])
                for row, a, b in zip(rows, starts, starts[1:], strict=False)
            ),
        ):
            assert found["count"] == [len(part)]
            wide = part.astype(np.float64)
            axes: Any = 0
            if part.ndim == 4:
                wide, axes = wide / 255, (0, 1, 2)
            for key, function in (("mean", np.mean), ("std", np.std), ("min", np.min), ("max", np.max)):
                wanted = function(wide, axis=axes)
                shape = (-1, 1, 1) if part.ndim == 4 else wanted.shape or (1,)
                assert np.shape(found[key]) == wanted.reshape(shape).shape
                np.testing.assert_allclose(
                    np.array(found[key], np.float64), wanted.reshape(shape), rtol=1e-6, atol=1e-9
                )
    assert stats["flag"]["max"] == [True]
    assert stats["numbers.int8"]["min"] == [int(values["numbers.int8"].min())]


def test_what_is_known_of_episodes_stays(tmp_path: Path) -> None:
    actions = {"action": np.zeros((ROWS, 2))}
    episodes = {"success": [True, False, True, True], "split": ["train", "train", "val", "test"]}
    made = make(actions, episodes=episodes, attributes={"fps": 5, "robot_type": "arm"})
    facts, _ = read_all(write(LeRobotV30Writer, tmp_path / "x", made))
    assert facts.episodes["success"].to_pylist() == episodes["success"]
    assert facts.episodes["split"].to_pylist() == episodes["split"]
    assert facts.attributes["robot_type"] == "arm"
    assert facts.attributes["fps"] == 5
    mixed = {"split": ["train", "val", "train", "val"]}
    facts, _ = read_all(write(LeRobotV30Writer, tmp_path / "y", make(actions, episodes=mixed), PNG))
    assert facts.episodes["split"].to_pylist() == mixed["split"]


def test_what_lerobot_has_no_place_for_stays(tmp_path: Path) -> None:
    about = {"action": {"unit": "m", "names": ["x", "y"]}}
    said = {"env_args": {"type": 1, "limit": float("inf")}, "fps": 5}
    made = make({"action": np.zeros((ROWS, 2))}, attributes=said, about=about)
    place = write(LeRobotV30Writer, tmp_path / "x", made)
    assert document(place, "info")["unienv_data"] == {
        "attributes": {"env_args": {"type": 1, "limit": "Infinity"}},
        "columns": {"action": {"unit": "m"}},
    }
    facts, _ = read_all(place)
    assert facts.attributes["env_args"] == {"type": 1, "limit": "Infinity"}
    assert facts.columns[0].attributes == {"unit": "m", "names": ["x", "y"]}


def test_names_of_entries_stay(tmp_path: Path) -> None:
    about = {"action": {"names": {"motors": ["x", "y"]}}}
    made = make({"action": np.zeros((ROWS, 2))}, about=about)
    facts, _ = read_all(write(LeRobotV30Writer, tmp_path / "x", made, PNG))
    assert facts.columns[0].attributes["names"] == {"motors": ["x", "y"]}


def test_times_of_the_source(tmp_path: Path) -> None:
    numbers = np.concatenate([np.arange(length) for length in LENGTHS])
    times = numbers / 10 + 1e-5
    place = write(LeRobotV30Writer, tmp_path / "x", make({"timestamp": times, "a": times}), PNG)
    np.testing.assert_array_equal(
        table_of(place, "data")["timestamp"].to_numpy(), (numbers / 10).astype(np.float32)
    )
    late = times.copy()
    late[7] += 0.01
    with pytest.raises(ConversionError, match=r"row 1 of episode 2 has the timestamp .*--rename timestamp="):
        write(LeRobotV30Writer, tmp_path / "y", make({"timestamp": late, "a": times}), PNG)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "how many rows a second has: --to-option fps=N"),
        ({"fps": "fast"}, "fps is a number"),
        ({"fps": "nan"}, "fps is a number"),
        ({**H264, "codec": "vp9"}, "codec is av1 or h264"),
        ({**H264, "crf": "99"}, "crf is a whole number from 0 to 51"),
        ({**H264, "gop": "0"}, "gop is a whole number from 1"),
        ({**H264, "images": "gif"}, "images is video or png"),
        ({**H264, "bitrate": "1"}, "has no option bitrate"),
    ],
)
def test_refused_options(options: dict[str, str], told: str) -> None:
    with pytest.raises(ConversionError, match=told):
        LeRobotV30Writer.check(camera().facts, options)


def test_numbers_that_pytorch_does_not_take(tmp_path: Path) -> None:
    values = np.zeros(ROWS, np.uint64)
    values[6] = 1 << 63
    with pytest.raises(ConversionError, match="n has 9223372036854775808 in rows 0 to 2 of episode 2"):
        write(LeRobotV30Writer, tmp_path / "x", make({"n": values}), PNG)


def test_refused_columns() -> None:
    values = {
        "a/b": np.zeros(ROWS),
        "wide": np.zeros((ROWS, 1, 1, 1, 1, 1, 1)),
        "none": np.zeros((ROWS, 0)),
        "task": np.zeros(ROWS),
    }
    with pytest.raises(ConversionError, match=r"4 of the columns.*slash.*6 axes.*no entries.*instructions"):
        LeRobotV30Writer.check(make(values).facts, PNG)
    with pytest.raises(ConversionError, match="timestamp holds texts"):
        LeRobotV30Writer.check(make({"timestamp": np.array(["a"] * ROWS, object)}).facts, PNG)


def test_frames_that_no_encoder_takes_are_pictures(tmp_path: Path) -> None:
    odd = {"odd": np.zeros((ROWS, 33, 48, 3), np.uint8), "even": np.zeros((ROWS, 32, 48, 3), np.uint8)}
    place = write(LeRobotV30Writer, tmp_path / "x", make(odd), H264)
    kinds = {name: each["dtype"] for name, each in document(place, "info")["features"].items()}
    assert (kinds["odd"], kinds["even"]) == ("image", "video")
    notes = LeRobotV30Writer.notes(place, make(odd).facts, H264)
    assert any(note.startswith("odd: grey, small or of odd sides") for note in notes)


def test_a_recording_of_lerobots_comes_back(tmp_path: Path) -> None:
    options = ConversionOptions(to="lerobot_v30", to_options={"crf": "30"})
    run_export(plan_export(str(PUSHT), str(tmp_path / "x"), options))
    wanted, theirs = read_all(PUSHT)
    facts, ours = read_all(tmp_path / "x")
    for name, values in theirs.items():
        if name != "observation.image":
            np.testing.assert_array_equal(ours[name], values, strict=True)
    error = np.abs(ours["observation.image"].astype(int) - theirs["observation.image"])
    assert error.mean() < 2
    assert facts.episodes.drop_columns(["split"]).equals(wanted.episodes.drop_columns(["split"]))
    info, original = document(tmp_path / "x", "info"), json.loads((PUSHT / "meta/info.json").read_text())
    assert info.keys() == original.keys()
    for name, feature in original["features"].items():
        assert {key: info["features"][name][key] for key in feature if key != "info"} == {
            key: value for key, value in feature.items() if key != "info"
        }
    stats = document(tmp_path / "x", "stats")
    for name in ("action", "observation.environment_state"):
        np.testing.assert_allclose(stats[name]["std"], theirs[name].astype(float).std(0), rtol=1e-6)
