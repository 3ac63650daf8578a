"""A recording that LeRobot wrote, converted, against what LeRobot reads from it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from tests.unienv_data.conversion.snapshots import snapshot
from unienv_data.conversion import Conversion, ConversionPlan, plan_conversion, run_conversion
from unienv_data.opening import open as open_dataset
from unienv_data.store.codecs.video import NAME
from unienv_data.store.codecs.video.zarrcodec import VideoZarrCodec

av = pytest.importorskip("av")

PUSHT = Path(__file__).parents[3] / "examples/data/lerobot_v30_pusht"
EXPECTED = json.loads((PUSHT / "EXPECT.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ConversionPlan, Conversion]:
    path = tmp_path_factory.mktemp("converted") / "pusht.zarr"
    before = snapshot(PUSHT)
    plan = plan_conversion(str(PUSHT), str(path))
    assert not path.exists(), "a plan writes nothing"
    done = run_conversion(plan)
    assert snapshot(PUSHT) == before, "the source is only read"
    assert [entry.name for entry in path.parent.iterdir()] == ["pusht.zarr"]
    return path, plan, done


@pytest.fixture(scope="module")
def rows(converted: tuple[Path, ConversionPlan, Conversion]) -> dict[str, Any]:
    with open_dataset(str(converted[0])) as buffer:
        return buffer[...]


def leaf(rows: dict[str, Any], name: str) -> NDArray[Any]:
    value: Any = rows
    for key in name.split("."):
        value = value[key]
    return value


def sha(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("name", EXPECTED["columns"])
def test_column_equals_lerobots_own(rows: dict[str, Any], name: str) -> None:
    want = EXPECTED["columns"][name]
    values = leaf(rows, name)
    # LeRobot's reader casts float64 to float32 in silence; the store keeps what is on disk.
    cast = values.astype(np.float32) if values.dtype == np.float64 else values
    assert (list(cast.shape), str(cast.dtype), sha(cast)) == (want["shape"], want["dtype"], want["sha256"])


def test_float64_stays(rows: dict[str, Any]) -> None:
    assert leaf(rows, "observation.environment_state").dtype == np.float64


def test_every_frame_equals_a_plain_decode(rows: dict[str, Any]) -> None:
    with av.open(str(PUSHT / "videos/observation.image/chunk-000/file-000.mp4")) as container:
        plain = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    frames = leaf(rows, "observation.image")
    np.testing.assert_array_equal(frames, plain)
    want = EXPECTED["decoded_images_CHW_uint8"]["observation.image"]["sha256"]
    assert sha(frames.transpose(0, 3, 1, 2)) == want


def test_tasks(rows: dict[str, Any]) -> None:
    joined = "\n".join(rows["task"]).encode()
    assert hashlib.sha256(joined).hexdigest()[:16] == EXPECTED["task_per_frame_sha"]


def test_no_other_columns(rows: dict[str, Any]) -> None:
    assert set(rows) == {
        *("observation", "next", "action", "timestamp", "task", "task_index"),
        *("frame_index", "episode_index", "index"),
    }
    assert set(rows["observation"]) == {"image", "state", "environment_state", "pose_mat"}
    assert set(rows["next"]) == {"reward", "done", "success"}


def test_episodes(converted: tuple[Path, ConversionPlan, Conversion]) -> None:
    with open_dataset(str(converted[0])) as buffer:
        ends = np.cumsum(EXPECTED["lengths"]).tolist()
        assert buffer.get_segments() == list(zip([0, *ends[:-1]], ends, strict=True))
        episodes = buffer.episodes.to_pylist()
        assert [episode["length"] for episode in episodes] == EXPECTED["lengths"]
        assert [episode["source_episode"] for episode in episodes] == list(range(10))
        assert {episode["split"] for episode in episodes} == {"train"}
        told = {task for episode in episodes for task in episode["tasks"]}
        assert sorted(told) == sorted(EXPECTED["tasks"])


def test_attributes(converted: tuple[Path, ConversionPlan, Conversion]) -> None:
    with open_dataset(str(converted[0])) as buffer:
        attributes = buffer.attributes
    assert attributes["fps"] == EXPECTED["fps"]
    assert attributes["robot_type"] == "pusht2d"
    assert attributes["source"] == {
        "format": "lerobot_v30",
        "version": "v3.0",
        "name": "lerobot_v30_pusht",
    }
    assert attributes["columns"]["action"] == {"source": "action", "names": {"motors": ["x", "y"]}}
    image = attributes["columns"]["observation/image"]
    assert image["lossy"] == "video"
    assert image["info"]["video.codec"] == "av1"
    assert str(PUSHT.parent) not in json.dumps(attributes), "where the source lay is nobody's business"


def test_plain_zarr_reads_all_of_it(
    converted: tuple[Path, ConversionPlan, Conversion], rows: dict[str, Any]
) -> None:
    path, _, _ = converted
    with open_dataset(str(path)) as buffer:
        assert buffer.storage.is_sealed
    zarr.registry.register_codec(NAME, VideoZarrCodec)  # as the entry point does
    group = zarr.open_group(str(path / "storage/columns"), mode="r")
    for name in ("observation.image", "observation.pose_mat", "action", "next.done", "index"):
        array = group[name.replace(".", "/")]
        np.testing.assert_array_equal(array[...][:480], leaf(rows, name))


def test_plan_foretells(converted: tuple[Path, ConversionPlan, Conversion]) -> None:
    path, plan, done = converted
    assert (plan.rows, len(plan.episodes), plan.version) == (480, 10, "v3.0")
    assert (done.rows, done.episodes, done.destination) == (480, 10, str(path))
    assert plan.source_bytes == sum(file.stat().st_size for file in PUSHT.rglob("*") if file.is_file())
    assert plan.estimated_bytes == pytest.approx(done.stored_bytes, rel=0.1)
    frames = 480 * 96 * 96 * 3
    assert plan.columns[0].estimate.raw_bytes == frames
    assert plan.raw_bytes > frames
    with open_dataset(str(path)) as buffer:
        assert buffer.single_space == plan.space
        stored = {column.name: column.stored_bytes for column in buffer.storage.describe()}
    assert sum(stored.values()) == done.stored_bytes
    assert plan.columns[0].estimate.stored_bytes == pytest.approx(stored["observation/image"], rel=0.1)
