"""LeRobot v2.1 and v2.0: a recording that LeRobot wrote, against what LeRobot reads from it; and damage."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import requires_av, requires_imagecodecs
from tests.unienv_data.formats.lerobot_builder import edit_info, truncate
from tests.unienv_data.formats.reading import read_all, read_columns
from tests.unienv_data.formats.samples import DATA, convert, expectations, refusal, sha
from unienv_data.formats import Source, open_reader
from unienv_data.opening import open as open_dataset

pytestmark = requires_av

PUSHT = DATA / "lerobot_v21_pusht"
V30 = Path(__file__).parents[4] / "examples/data/lerobot_v30_pusht"
DATA_5 = "data/chunk-000/episode_000005.parquet"
VIDEO_5 = "videos/chunk-000/observation.image/episode_000005.mp4"
EPISODES = "meta/episodes.jsonl"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy that a test may change."""
    root = tmp_path / "copy"
    shutil.copytree(PUSHT, root)
    return root


@pytest.mark.parametrize("frames", ["copy", "lossless"])
def test_conversion_equals_lerobots_own(tmp_path: Path, frames: str) -> None:
    expected = expectations(PUSHT)
    plan, rows = convert(PUSHT, tmp_path / "x.zarr", frames=frames)
    assert (plan.format, plan.version, plan.rows) == ("lerobot_v2", "v2.1", expected["frames"])
    assert plan.columns[0].is_copied == (frames == "copy")
    for name, want in expected["columns"].items():
        values: Any = rows
        for key in name.split("."):
            values = values[key]
        # LeRobot's reader casts float64 to float32 in silence; the store keeps what is on disk.
        cast = values.astype(want["dtype"]) if values.dtype == np.float64 else values
        assert (list(cast.shape), str(cast.dtype), sha(cast)) == (
            want["shape"],
            want["dtype"],
            want["sha256"],
        )
    assert rows["observation"]["environment_state"].dtype == np.float64
    image = expected["decoded_images_CHW_uint8"]["observation.image"]
    assert sha(rows["observation"]["image"].transpose(0, 3, 1, 2)) == image["sha256"]
    joined = "\n".join(rows["task"]).encode()
    assert hashlib.sha256(joined).hexdigest()[:16] == expected["task_per_frame_sha"]
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        episodes = buffer.episodes.to_pylist()
        assert [episode["length"] for episode in episodes] == expected["lengths"]
        assert [episode["source_episode"] for episode in episodes] == list(range(10))
        assert {episode["split"] for episode in episodes} == {"train"}
        assert sorted({task for e in episodes for task in e["tasks"]}) == sorted(expected["tasks"])
        assert (buffer.attributes["fps"], buffer.attributes["robot_type"]) == (10, "pusht2d")


def test_equals_the_same_rollouts_in_v30() -> None:
    (facts, columns), (other_facts, others) = read_all(PUSHT), read_all(V30)
    assert facts.lengths == other_facts.lengths
    assert facts.space == other_facts.space
    for name, values in columns.items():
        if name == "observation.image":
            # the same pictures, encoded twice with loss
            assert np.abs(values.astype(int) - others[name]).mean() < 2
        else:
            np.testing.assert_array_equal(values, others[name], err_msg=name)


def test_version_20(copy: Path, tmp_path: Path) -> None:
    """v2.0 has one stats.json, and may say less."""
    (copy / "meta/episodes_stats.jsonl").unlink()
    (copy / "meta/stats.json").write_text("{}")
    edit_info(copy, codebase_version="v2.0", total_chunks=None, total_videos=None)
    facts, columns = read_all(copy)
    assert (facts.format, facts.version) == ("lerobot_v2", "v2.0")
    assert sha(columns["action"]) == expectations(PUSHT)["columns"]["action"]["sha256"]


def test_left_over_images_are_ignored(copy: Path) -> None:
    before, _ = read_all(copy)
    left = copy / "images/observation.image/episode_000003/frame_000000.png"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(1 << 20))
    after, _ = read_all(copy)
    assert after.source_bytes == before.source_bytes
    assert after.columns == before.columns


def test_chunks_of_episodes(copy: Path) -> None:
    _, want = read_all(copy)
    edit_info(copy, chunks_size=4)
    for episode in range(4, 10):
        for name in (
            "data/chunk-{}/episode_{:06d}.parquet",
            "videos/chunk-{}/observation.image/episode_{:06d}.mp4",
        ):
            old, new = copy / name.format("000", episode), copy / name.format(f"{episode // 4:03d}", episode)
            new.parent.mkdir(parents=True, exist_ok=True)
            old.rename(new)
    _, columns = read_all(copy)
    for name, values in want.items():
        np.testing.assert_array_equal(columns[name], values)


def test_what_else_is_said_of_episodes(copy: Path) -> None:
    lines = [json.loads(line) for line in (copy / EPISODES).read_text().splitlines()]
    for number, line in enumerate(lines):
        line |= {"success": number % 2 == 0, "operator": f"o{number}", "scene": {"cubes": number}}
    lines[3]["operator"] = None
    # in another order
    (copy / EPISODES).write_text("".join(json.dumps(line) + "\n" for line in reversed(lines)))
    with open_reader(Source(str(copy))) as reader:
        episodes = reader.facts().episodes.to_pylist()
    assert [episode["source_episode"] for episode in episodes] == list(range(10))
    assert [episode["success"] for episode in episodes] == [True, False] * 5
    assert [episode["operator"] for episode in episodes][2:5] == ["o2", None, "o4"]
    assert json.loads(episodes[7]["scene"]) == {"cubes": 7}


def test_any_episodes_alone() -> None:
    _, want = read_all(PUSHT)
    ends = np.cumsum(expectations(PUSHT)["lengths"])
    with open_reader(Source(str(PUSHT))) as reader:
        found = read_columns(reader, ["observation.image", "action"], [2, 7], target_bytes=1 << 18)
    rows = np.r_[ends[1] : ends[2], ends[6] : ends[7]]
    np.testing.assert_array_equal(found["observation.image"], want["observation.image"][rows])
    np.testing.assert_array_equal(found["action"], want["action"][rows])


@requires_imagecodecs
@pytest.mark.parametrize("frames", ["copy", "lossless"])
def test_jpeg_images_are_kept_as_they_came(copy: Path, tmp_path: Path, frames: str) -> None:
    """Image features may be JPEG files, which need no second loss."""
    import imagecodecs

    want = []
    for path in sorted((copy / "data").rglob("*.parquet")):
        table = pq.read_table(path)
        rng = np.random.default_rng(len(want))
        small = rng.integers(0, 256, (table.num_rows, 4, 4, 3), dtype=np.uint8)
        files = [bytes(imagecodecs.jpeg8_encode(each)) for each in small.repeat(8, axis=1).repeat(8, axis=2)]
        want += [imagecodecs.jpeg8_decode(file) for file in files]
        cells = pa.array([{"bytes": file, "path": None} for file in files])
        pq.write_table(table.append_column("observation.wrist", cells), path)
    info = json.loads((copy / "meta/info.json").read_text())
    names = ["height", "width", "channel"]
    info["features"]["observation.wrist"] = {"dtype": "image", "shape": [32, 32, 3], "names": names}
    (copy / "meta/info.json").write_text(json.dumps(info))
    plan, rows = convert(copy, tmp_path / "x.zarr", frames=frames, exclude=("observation.image",))
    np.testing.assert_array_equal(rows["observation"]["wrist"], np.stack(want))
    (image,) = [planned for planned in plan.columns if planned.path == "observation/wrist"]
    assert (image.column.lossy, image.is_copied) == ("jpeg", frames == "copy")
    assert image.estimate.codec.startswith("jpeg") == (frames == "copy")


def rewrite(name: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    return lambda root: pq.write_table(change(pq.read_table(root / name)), root / name)


def edit_lines(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        lines = (root / EPISODES).read_text(encoding="utf-8").splitlines()
        (root / EPISODES).write_text("\n".join(change(lines)), encoding="utf-8")

    return edit


DAMAGES: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "a data file is gone": (lambda root: (root / DATA_5).unlink(), [DATA_5, "missing"]),
    "a data file is cut": (lambda root: truncate(root / DATA_5), [DATA_5, "no footer"]),
    "a data file is short": (
        rewrite(DATA_5, lambda table: table.slice(0, 50)),
        [DATA_5, "50 rows", "meta/episodes.jsonl lists 53", "episodes 5"],
    ),
    "a data file lacks a column": (
        rewrite(DATA_5, lambda table: table.drop_columns(["action"])),
        [DATA_5, "action", "missing"],
    ),
    "a video is gone": (lambda root: (root / VIDEO_5).unlink(), [VIDEO_5, "missing"]),
    "a video is cut": (lambda root: truncate(root / VIDEO_5), [VIDEO_5, "damaged or incomplete"]),
    "a video of another episode": (
        lambda root: shutil.copy(root / VIDEO_5.replace("05.mp4", "03.mp4"), root / VIDEO_5),
        [VIDEO_5, "25 frames", "need 53"],
    ),
    "no list of episodes": (lambda root: (root / EPISODES).unlink(), [EPISODES, "missing", "10 episodes"]),
    "the list is cut": (edit_lines(lambda lines: lines[:-1]), [EPISODES, "9 episodes of 436 frames", "480"]),
    "half a line": (
        edit_lines(lambda lines: [*lines[:-1], lines[-1][:20]]),
        [f"{EPISODES}, line 10", "not JSON"],
    ),
    "a line without length": (
        edit_lines(lambda lines: [*lines[:4], '{"episode_index": 4}', *lines[5:]]),
        [f"{EPISODES}, line 5", "an episode_index and a length"],
    ),
    "an episode twice": (edit_lines(lambda lines: [*lines[:-1], lines[0]]), ["occurs twice"]),
    "no tasks": (lambda root: (root / "meta/tasks.jsonl").unlink(), ["meta/tasks.jsonl", "missing"]),
    "an unknown task": (
        lambda root: (root / "meta/tasks.jsonl").write_text('{"task_index": 0, "task": "push"}\n'),
        ["task_index 1 has no text in meta/tasks.jsonl"],
    ),
    "a template that leads elsewhere": (
        lambda root: edit_info(root, data_path="../{episode_index}.parquet"),
        ["data_path", "not a template"],
    ),
    "chunks of nothing": (lambda root: edit_info(root, chunks_size=0), ["chunks_size is 0"]),
    "version 2.7": (
        lambda root: edit_info(root, codebase_version="v2.7"),
        ["is LeRobot v2.7", "v2.0 and v2.1"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_a_paragraph(copy: Path, tmp_path: Path, damage: str) -> None:
    act, said = DAMAGES[damage]
    act(copy)
    message = refusal(copy, tmp_path)
    for part in said:
        assert part in message


def test_all_before_a_damaged_episode_comes(copy: Path) -> None:
    truncate(copy / DATA_5)
    with open_reader(Source(str(copy))) as reader:
        reader.facts()
        assert len(read_columns(reader, ["action"], range(5))["action"]) == 245
        with pytest.raises(Exception, match="episode_000005"):
            read_columns(reader, ["action"], [5])
        assert len(read_columns(reader, ["action"], range(6, 10))["action"]) == 182
