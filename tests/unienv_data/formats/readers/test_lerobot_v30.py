"""The LeRobot v3.0 reader on recordings that the tests make."""

from __future__ import annotations

from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest

from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.formats import Source, open_reader
from unienv_interface.space import BinarySpace, BoxSpace, TextSpace

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import Camera, build, edit_info, png

TWO_CAMERAS = {
    "observation.front": Camera(files=((0, 1, 2), (3, 4))),
    "observation.wrist": Camera(
        files=((0,), (1, 2, 3), (4,)), codec="libsvtav1", height=96, width=64, lead=5
    ),
}


@pytest.mark.parametrize("row_groups", ["episode", "file"])
@pytest.mark.parametrize("target_bytes", [1, 60_000, 1 << 26])
def test_every_row_and_frame(tmp_path: Path, row_groups: str, target_bytes: int) -> None:
    made = build(tmp_path / "toy", cameras=TWO_CAMERAS, images=True, row_groups=row_groups)
    facts, columns = read_all(made.root, target_bytes=target_bytes)
    assert facts.lengths == made.lengths
    assert set(columns) == {*made.columns, *made.frames}
    for name, want in {**made.columns, **made.frames}.items():
        assert columns[name].dtype == want.dtype, name
        np.testing.assert_array_equal(columns[name], want, err_msg=name)


def test_spaces(tmp_path: Path) -> None:
    made = build(tmp_path / "toy", cameras=TWO_CAMERAS, images=True)
    with open_reader(Source(str(made.root))) as reader:
        facts = reader.facts()
    columns = {column.name: column for column in facts.columns}
    wide = columns["observation.wide"].space
    assert isinstance(wide, BoxSpace)
    assert (wide.dtype, wide.shape) == (np.dtype(np.float64), (2,))
    assert not wide.is_bounded("below")
    assert not wide.is_bounded("above")
    action = columns["action"].space
    assert isinstance(action, BoxSpace)
    assert (action.low.min(), action.high.max()) == (-32768, 32767)
    done = columns["next.done"].space
    assert isinstance(done, BinarySpace)
    assert done.shape == ()
    note = columns["note"].space
    assert isinstance(note, TextSpace)
    assert note.max_length == 65536
    assert columns["observation.wrist"].space.shape == (96, 64, 3)
    assert columns["observation.matrix"].space.shape == (2, 3)
    assert columns["observation.wrist"].path == ("observation", "wrist")
    assert facts.space["observation"]["png"] == columns["observation.png"].space
    assert [column.lossy for column in (columns["observation.front"], columns["observation.png"])] == [
        "video",
        None,
    ]


def test_episodes_in_any_order(tmp_path: Path) -> None:
    made = build(tmp_path / "toy", cameras=TWO_CAMERAS, images=True)
    starts = np.cumsum([0, *made.lengths])
    order = [3, 0, 4, 2, 2]
    rows = np.concatenate([np.arange(starts[e], starts[e + 1]) for e in order])
    with open_reader(Source(str(made.root))) as reader:
        columns = read_columns(
            reader, ["observation.front", "observation.wrist", "index"], order, target_bytes=50_000
        )
    np.testing.assert_array_equal(columns["index"], rows)
    for name in ("observation.front", "observation.wrist"):
        np.testing.assert_array_equal(columns[name], made.frames[name][rows])


@pytest.mark.parametrize("codec", ["libx264", "libsvtav1"])
def test_a_far_episode_alone(tmp_path: Path, codec: str) -> None:
    """Jumping into the middle of a file gives the frames that decoding all of it gives."""
    camera = Camera(files=(tuple(range(6)),), codec=codec)
    made = build(tmp_path / "toy", lengths=[90] * 6, data_files=(tuple(range(6)),), cameras={"cam": camera})
    with open_reader(Source(str(made.root))) as reader:
        for episode in (5, 1, 4):
            columns = read_columns(reader, ["cam"], [episode])
            np.testing.assert_array_equal(
                columns["cam"], made.frames["cam"][90 * episode : 90 * episode + 90]
            )


def test_chunks_are_bounded(tmp_path: Path) -> None:
    made = build(tmp_path / "toy", cameras=TWO_CAMERAS)
    frame = 48 * 64 * 3
    with open_reader(Source(str(made.root))) as reader:
        sizes = [
            chunk.columns["observation.front"].nbytes
            for chunk in reader.chunks(["observation.front"], range(5), target_bytes=4 * frame)
        ]
    assert max(sizes) == 4 * frame


def test_only_what_is_asked_is_read(tmp_path: Path) -> None:
    """Without its column, a camera's files may be missing."""
    made = build(tmp_path / "toy", cameras=TWO_CAMERAS)
    for path in (made.root / "videos").rglob("*.mp4"):
        path.unlink()
    with open_reader(Source(str(made.root))) as reader:
        assert reader.facts().rows == sum(made.lengths)
        reader.check(["observation.state"], range(5))
        columns = read_columns(reader, ["observation.state"], range(5))
    np.testing.assert_array_equal(columns["observation.state"], made.columns["observation.state"])


def test_depth_stays_as_stored(tmp_path: Path) -> None:
    camera = Camera(
        files=((0, 1, 2, 3, 4),),
        codec="libx265",
        pixel_format="gray12le",
        info={"video.is_depth_map": True, "depth_unit": "m", "depth_max": 4.0},
    )
    made = build(tmp_path / "toy", cameras={"observation.depth": camera})
    facts, columns = read_all(made.root)
    depth = columns["observation.depth"]
    assert depth.dtype == np.uint16
    assert depth.shape[1:] == (48, 64, 1)
    np.testing.assert_array_equal(depth, made.frames["observation.depth"])
    assert any("depth" in note for note in facts.notes)
    kept = {column.name: column.attributes for column in facts.columns}
    assert kept["observation.depth"]["info"]["depth_max"] == 4.0


def test_depth_in_eight_bits_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    camera = Camera(files=((0, 1, 2, 3, 4),), info={"is_depth_map": True})
    made = build(tmp_path / "toy", cameras={"depth": camera})
    facts, _ = read_all(made.root)
    assert "yuv420p" in facts.unreadable["depth"]


def test_depth_in_png(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 65536, (36, 8, 9), dtype=np.uint16)
    cells = pa.array(
        [{"bytes": png(image), "path": None} for image in images],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    feature = {"dtype": "image", "shape": [8, 9, 1], "names": ["height", "width", "channels"]}
    made = build(tmp_path / "toy", extra={"depth": (cells, feature)})
    _, columns = read_all(made.root)
    assert columns["depth"].dtype == np.uint16
    np.testing.assert_array_equal(columns["depth"][..., 0], images)


def test_images_in_files(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (36, 8, 9, 3), dtype=np.uint8)
    cells = pa.array(
        [{"bytes": None, "path": f"images/{row}.png"} for row in range(36)],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    feature = {"dtype": "image", "shape": [3, 8, 9], "names": ["channels", "height", "width"]}
    made = build(tmp_path / "toy", extra={"image": (cells, feature)})
    (made.root / "images").mkdir()
    for row, image in enumerate(images):
        (made.root / f"images/{row}.png").write_bytes(png(image))
    _, columns = read_all(made.root)
    np.testing.assert_array_equal(columns["image"], images)


def test_an_unplaceable_column_is_named(tmp_path: Path) -> None:
    times = pa.array([0] * 36, pa.timestamp("ns"))
    made = build(tmp_path / "toy", extra={"when": (times, {"dtype": "timestamp", "shape": [1]})})
    facts, _ = read_all(made.root)
    assert "timestamp[ns]" in facts.unreadable["when"]


def test_one_element_lists_keep_their_axis(tmp_path: Path) -> None:
    column = pa.array([[float(row)] for row in range(36)], pa.list_(pa.float32()))
    made = build(tmp_path / "toy", extra={"x": (column, {"dtype": "float32", "shape": [1]})})
    _, columns = read_all(made.root)
    np.testing.assert_array_equal(columns["x"], np.arange(36, dtype=np.float32)[:, None])


@pytest.mark.parametrize("task_column", ["task", "__index_level_0__"])
def test_episode_table(tmp_path: Path, task_column: str) -> None:
    made = build(
        tmp_path / "toy",
        task_column=task_column,
        splits={"train": "0:3", "val": "3:5"},
        episode_columns={"success": [True, False, True, True, False], "operator": list("aabba")},
    )
    facts, columns = read_all(made.root)
    assert facts.episodes.column_names == [
        "length",
        "source_episode",
        "tasks",
        "split",
        "success",
        "operator",
    ]
    assert facts.episodes["tasks"].to_pylist() == [list(tasks) for tasks in made.tasks_of]
    assert facts.episodes["split"].to_pylist() == ["train"] * 3 + ["val"] * 2
    assert facts.episodes["success"].to_pylist() == [True, False, True, True, False]
    np.testing.assert_array_equal(columns["task"], made.columns["task"])


def test_a_column_called_task_stays(tmp_path: Path) -> None:
    texts = pa.array([f"mine {row}" for row in range(36)], pa.string())
    made = build(tmp_path / "toy", extra={"task": (texts, {"dtype": "string", "shape": [1]})})
    _, columns = read_all(made.root)
    assert columns["task"].tolist() == texts.to_pylist()


def test_an_episode_without_rows(tmp_path: Path) -> None:
    made = build(tmp_path / "toy", lengths=(4, 0, 3), data_files=((0, 1, 2),))
    facts, columns = read_all(made.root)
    assert facts.lengths == (4, 0, 3)
    assert len(columns["index"]) == 7
    assert any("without rows" in note for note in facts.notes)


def test_any_filesystem(tmp_path: Path) -> None:
    made = build(tmp_path / "toy", cameras=TWO_CAMERAS, images=True)
    memory = fsspec.filesystem("memory")
    memory.put(str(made.root), "/toy-on-memory", recursive=True)
    try:
        _, columns = read_all("memory://toy-on-memory")
    finally:
        memory.rm("/toy-on-memory", recursive=True)
    for name, want in {**made.columns, **made.frames}.items():
        np.testing.assert_array_equal(columns[name], want, err_msg=name)


def test_version_three_point_one_is_read(tmp_path: Path) -> None:
    made = build(tmp_path / "toy")
    edit_info(made.root, codebase_version="v3.1")
    assert read_all(made.root)[0].version == "v3.1"
