"""The LeRobot v3.0 reader on a recording that LeRobot wrote, against what LeRobot reads from it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unienv_data.formats.reading import read_all
from unienv_data.formats import Facts

av = pytest.importorskip("av")

PUSHT = Path(__file__).parents[4] / "examples/data/lerobot_v30_pusht"


def sha(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def plain_decode(path: Path) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.fixture(scope="module")
def read() -> tuple[Facts, dict[str, NDArray[Any]]]:
    return read_all(PUSHT)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return json.loads((PUSHT / "EXPECT.json").read_text(encoding="utf-8"))


def test_facts(read: Any, expected: dict[str, Any]) -> None:
    facts, _ = read
    assert (facts.format, facts.version) == ("lerobot_v30", "v3.0")
    assert list(facts.lengths) == expected["lengths"]
    assert facts.rows == expected["frames"]
    assert facts.attributes["fps"] == expected["fps"]
    columns = {column.name: column for column in facts.columns}
    assert columns["action"].attributes == {"names": {"motors": ["x", "y"]}}
    assert columns["observation.image"].attributes["info"]["video.codec"] == "av1"
    assert columns["next.reward"].attributes == {}
    assert facts.attributes["robot_type"] == "pusht2d"
    assert set(facts.episodes["split"].to_pylist()) == {"train"}
    assert not facts.unreadable
    assert {column.name: column.lossy for column in facts.columns if column.lossy} == {
        "observation.image": "video"
    }


def test_columns_equal_lerobots_own(read: Any, expected: dict[str, Any]) -> None:
    _, columns = read
    for name, want in expected["columns"].items():
        values = columns[name]
        assert list(values.shape) == want["shape"], name
        # LeRobot's reader casts float64 to float32 in silence
        cast = values.astype(np.float32) if values.dtype == np.float64 else values
        assert str(cast.dtype) == want["dtype"], name
        assert sha(cast) == want["sha256"], name


def test_float64_stays(read: Any) -> None:
    assert read[1]["observation.environment_state"].dtype == np.float64


def test_frames_equal_lerobots_own(read: Any, expected: dict[str, Any]) -> None:
    want = expected["decoded_images_CHW_uint8"]["observation.image"]
    assert sha(read[1]["observation.image"].transpose(0, 3, 1, 2)) == want["sha256"]


def test_frames_equal_a_plain_decode(read: Any) -> None:
    plain = plain_decode(PUSHT / "videos/observation.image/chunk-000/file-000.mp4")
    np.testing.assert_array_equal(read[1]["observation.image"], plain)


def test_tasks(read: Any, expected: dict[str, Any]) -> None:
    facts, columns = read
    assert set(columns["task"]) == set(expected["tasks"])
    joined = "\n".join(columns["task"]).encode()
    assert hashlib.sha256(joined).hexdigest()[:16] == expected["task_per_frame_sha"]
    starts = np.cumsum([0, *facts.lengths])
    for episode, tasks in enumerate(facts.episodes["tasks"].to_pylist()):
        assert set(columns["task"][starts[episode] : starts[episode + 1]]) == set(tasks)
