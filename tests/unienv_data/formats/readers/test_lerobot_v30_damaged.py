"""What the LeRobot v3.0 reader says of damaged, incomplete and contradictory datasets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, open_reader

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import Camera, Recording, build, edit_info, encode, truncate

CRASHED = Path(__file__).parents[3] / "data/lerobot_v30_crashed"
DATA = "data/chunk-000/file-001.parquet"
VIDEO = "videos/observation.front/chunk-000/file-001.mp4"
CAMERA = Camera(files=((0, 1, 2), (3, 4)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return build(tmp_path_factory.mktemp("whole") / "toy", cameras={"observation.front": CAMERA}, images=True)


@pytest.fixture
def toy(whole: Recording, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    root = tmp_path / "toy"
    shutil.copytree(whole.root, root)
    return root


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    return lambda root: truncate(root / name)


def rewrite(name: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        pq.write_table(change(pq.read_table(root / name)), root / name)

    return damage


def replace_column(name: str, values: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(table.schema.get_field_index(name), name, pa.array(values))

    return change


def shorten_video(root: Path) -> None:
    encode(root / VIDEO, CAMERA, np.zeros((9, 48, 64, 3), np.uint8))


def shrink_video(root: Path) -> None:
    small = Camera(files=(), height=24, width=32)
    encode(root / VIDEO, small, np.zeros((14, 24, 32, 3), np.uint8))


def no_episodes(root: Path) -> None:
    edit_info(root, total_episodes=0, total_frames=0)
    shutil.rmtree(root / "meta/episodes")


def totals(**changes: int) -> Callable[[Path], None]:
    return lambda root: edit_info(root, **changes)


EPISODES = "meta/episodes/chunk-000/file-000.parquet"

#: What is done to a whole dataset -> what the message must say.
DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "no info": (remove("meta/info.json"), ["no known format", "a folder with meta/info.json"]),
    "info is no JSON": (cut("meta/info.json"), ["meta/info.json", "not JSON"]),
    "info is a list": (
        lambda root: (root / "meta/info.json").write_text("[]"),
        ["meta/info.json", "object was expected"],
    ),
    "info lacks keys": (
        lambda root: edit_info(root, fps=None, data_path="/etc/{chunk_index}", total_frames="36"),
        ["fps is None", "data_path is '/etc/{chunk_index}'", "total_frames is '36'"],
    ),
    "a template with code": (
        lambda root: edit_info(root, video_path="{video_key.__class__}"),
        ["video_path is '{video_key.__class__}', not a template"],
    ),
    "version 1.6": (
        lambda root: edit_info(root, codebase_version="v1.6"),
        ["is LeRobot v1.6", "reads v3.0"],
    ),
    "version 4": (lambda root: edit_info(root, codebase_version="v4.0"), ["is LeRobot v4.0"]),
    "no version": (
        lambda root: edit_info(root, codebase_version=None),
        ["does not say of which LeRobot version"],
    ),
    "no tasks": (remove("meta/tasks.parquet"), ["meta/tasks.parquet", "missing"]),
    "tasks cut": (cut("meta/tasks.parquet"), ["meta/tasks.parquet", "no footer"]),
    "tasks without text": (
        rewrite("meta/tasks.parquet", lambda table: table.drop_columns(["task"])),
        ["meta/tasks.parquet", "task_index and task were expected"],
    ),
    "a task without text": (
        rewrite("meta/tasks.parquet", lambda table: table.slice(0, 2)),
        ["task_index 2 has no text"],
    ),
    "episodes cut": (cut(EPISODES), [EPISODES, "no footer"]),
    "episodes missing in part": (remove(EPISODES), ["lists 2 episodes of 14 frames", "counts 5 episodes"]),
    "wrong total of episodes": (totals(total_episodes=6), ["lists 5 episodes", "counts 6 episodes"]),
    "wrong total of frames": (totals(total_frames=35), ["36 frames together", "35 frames"]),
    "an episode twice": (
        rewrite(EPISODES, replace_column("episode_index", [0, 1, 1])),
        ["an episode_index occurs twice, or is missing"],
    ),
    "an episode without length": (
        rewrite(EPISODES, replace_column("length", [7, None, 12])),
        ["an episode has no length"],
    ),
    "no length at all": (
        rewrite(EPISODES, lambda table: table.drop_columns(["length"])),
        ["the columns length are missing"],
    ),
    "no place of the video": (
        rewrite(EPISODES, replace_column("videos/observation.front/file_index", [0, None, 0])),
        ["episode 1 has no value in videos/observation.front/file_index"],
    ),
    "no first data file": (remove("data/chunk-000/file-000.parquet"), ["data/chunk-000/file-000.parquet"]),
    "no data file": (remove(DATA), [DATA + ": the file is missing"]),
    "data cut": (cut(DATA), [DATA, "no footer"]),
    "data is no parquet": (lambda root: (root / DATA).write_bytes(b"x" * 5000), [DATA, "no footer"]),
    "data is empty": (lambda root: (root / DATA).write_bytes(b""), [DATA, "damaged Parquet"]),
    "too few rows": (
        rewrite(DATA, lambda table: table.slice(0, 11)),
        [DATA, "11 rows", "lists 12", "episodes 2"],
    ),
    "too many rows": (
        rewrite(DATA, lambda table: pa.concat_tables([table, table])),
        [DATA, "24 rows", "lists 12"],
    ),
    "rows of another episode": (
        rewrite(DATA, replace_column("episode_index", [1] * 12)),
        [DATA, "episode 2 has 0 rows here", "12"],
    ),
    "rows scattered": (
        rewrite(
            "data/chunk-000/file-000.parquet", replace_column("episode_index", [0, 1, 0, 1, 1, *[0] * 5])
        ),
        ["file-000.parquet", "episode 0 do not stand together"],
    ),
    "frame_index beyond the episode": (
        rewrite(DATA, replace_column("frame_index", list(range(1, 13)))),
        [DATA, "frame_index of episode 2 leaves"],
    ),
    "another dtype in one file": (
        rewrite(DATA, replace_column("next.done", [1] * 12)),
        [DATA, "next.done", "int64", "bool"],
    ),
    "a column missing in one file": (
        rewrite(DATA, lambda table: table.drop_columns(["note"])),
        [DATA, "the column note is missing"],
    ),
    "a column missing in all files": (
        rewrite("data/chunk-000/file-000.parquet", lambda table: table.drop_columns(["note", "action"])),
        ["the columns action, note are missing", "meta/info.json lists"],
    ),
    "a null": (
        rewrite(DATA, replace_column("timestamp", pa.array([0.0] * 5 + [None] * 7, pa.float32()))),
        [DATA, "episode 2", "timestamp has no value (null) in row 5"],
    ),
    "ragged lists": (
        rewrite(
            DATA,
            replace_column("observation.wide", pa.array([[1.0, 2.0]] * 11 + [[1.0]], pa.list_(pa.float64()))),
        ),
        [DATA, "observation.wide", "not 2 long"],
    ),
    "an image that is none": (
        rewrite(
            DATA,
            replace_column(
                "observation.png",
                pa.array([{"bytes": b"no image", "path": None}] * 12),
            ),
        ),
        [DATA, "observation.png", "not a PNG"],
    ),
    "an image cell that is empty": (
        rewrite(
            DATA,
            replace_column(
                "observation.png",
                pa.array(
                    [{"bytes": None, "path": None}] * 12,
                    pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
                ),
            ),
        ),
        ["neither bytes nor a path"],
    ),
    "an image file outside": (
        rewrite(
            DATA,
            replace_column(
                "observation.png",
                pa.array(
                    [{"bytes": None, "path": "../../../secret.png"}] * 12,
                    pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
                ),
            ),
        ),
        ["../../../secret.png is not in the dataset"],
    ),
    "no video": (remove(VIDEO), [VIDEO + ": the file is missing"]),
    "video cut": (cut(VIDEO), [VIDEO, "damaged or incomplete"]),
    "video is text": (lambda root: (root / VIDEO).write_text("hello"), [VIDEO, "damaged or incomplete"]),
    "video is empty": (lambda root: (root / VIDEO).write_bytes(b""), [VIDEO, "damaged or incomplete"]),
    "too few frames": (shorten_video, [VIDEO, "9 frames", "episodes 3-4 need 14"]),
    "frames of another size": (shrink_video, [VIDEO, "24 x 32", "48 x 64"]),
    "no episodes": (no_episodes, ["holds no episodes"]),
    "no files at all": (lambda root: shutil.rmtree(root) or root.mkdir(), ["no files at all"]),
    "nothing there": (lambda root: shutil.rmtree(root), ["nothing there"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named(toy: Path, damage: str) -> None:
    act, said = DAMAGES[damage]
    act(toy)
    with pytest.raises(ConversionError) as caught:
        read_all(toy)
    message = str(caught.value)
    for part in said:
        assert part in message
    assert "\n" not in message
    assert str(toy) in message


def test_the_undamaged_copy_is_read(toy: Path) -> None:
    facts, _ = read_all(toy)
    assert facts.rows == 36


def test_what_is_whole_can_be_read_beside_what_is_damaged(toy: Path, whole: Recording) -> None:
    truncate(toy / DATA)
    (toy / VIDEO).unlink()
    with open_reader(Source(str(toy))) as reader:
        names = [column.name for column in reader.facts().columns]
        reader.check(names, [0, 1])
        columns = read_columns(reader, names, [0, 1])
        np.testing.assert_array_equal(columns["observation.front"], whole.frames["observation.front"][:10])
        with pytest.raises(ConversionError, match=r"file-001\.parquet"):
            reader.check(names, [0, 2])
        with pytest.raises(ConversionError, match=r"file-001\.mp4"):
            reader.check(names, [4])


def test_check_tells_every_problem(toy: Path) -> None:
    truncate(toy / DATA)
    (toy / VIDEO).unlink()
    with pytest.raises(ConversionError, match=r"file-001\.parquet.*; .*file-001\.mp4"):
        read_all(toy)


def test_damage_inside_the_rows_is_found_while_reading(toy: Path) -> None:
    path = toy / DATA
    data = bytearray(path.read_bytes())
    middle = len(data) // 4
    data[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(bytes(data))
    with pytest.raises(ConversionError, match=r"file-001\.parquet"):
        read_all(toy)


def test_a_video_whose_header_promises_too_much_is_found_while_decoding(toy: Path) -> None:
    """The header is whole and in front; the frames are cut off."""
    path = toy / VIDEO
    with_header_first(path)
    truncate(path, 0.7)
    with pytest.raises(ConversionError, match=r"file-001\.mp4"):
        read_all(toy)


def with_header_first(path: Path) -> None:
    import av

    moved = path.with_suffix(".moved.mp4")
    with av.open(str(path)) as old, av.open(str(moved), "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    moved.replace(path)


def test_a_recording_that_was_killed(tmp_path: Path) -> None:
    expected = json.loads((CRASHED / "EXPECT.json").read_text())
    with open_reader(Source(str(CRASHED))) as reader, pytest.raises(ConversionError) as caught:
        reader.facts()
    message = str(caught.value)
    assert "was not finalized" in message
    assert "meta/episodes is missing" in message
    assert "data/chunk-000/file-000.parquet: damaged Parquet file: it has no footer" in message
    assert f"{expected['info_total_episodes']} episodes ({expected['info_total_frames']} frames" in message
    assert "tasks.parquet" not in message


def test_options_are_refused() -> None:
    with pytest.raises(ConversionError, match="no option rate; its options are none"):
        open_reader(Source(str(CRASHED)), options={"rate": "3"})
