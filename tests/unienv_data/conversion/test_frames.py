"""Frames of videos: copied as they are encoded, or decoded and encoded anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer

pytest.importorskip("av")

from tests.unienv_data.formats.lerobot_builder import Camera, build
from unienv_data.store.codecs.video import encoding

PUSHT = Path(__file__).parents[3] / "examples/data/lerobot_v30_pusht"
VIDEO = PUSHT / "videos/observation.image/chunk-000/file-000.mp4"
IMAGE = "observation/image"


def convert(target: Path, source: Path = PUSHT, **options: Any) -> Any:
    plan = plan_conversion(str(source), str(target), ConversionOptions(**options))
    run_conversion(plan)
    return plan


def frames_of(path: Path) -> NDArray[np.uint8]:
    with open_dataset(str(path)) as buffer:
        found: NDArray[np.uint8] = buffer[:]["observation"]["image"]
    return found


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("copied") / "pusht.zarr"
    convert(path)
    return path


def test_nothing_is_encoded_where_frames_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unienv_data.store.codecs.video import chunkcodec

    path = tmp_path / "x.zarr"
    plan = plan_conversion(str(PUSHT), str(path))
    counts: list[int] = []

    def counted(rows: NDArray[Any], *others: Any) -> Any:
        counts.append(len(rows))
        return encoding.encode_frames(rows, *others)

    monkeypatch.setattr(chunkcodec, "encode_frames", counted)
    run_conversion(plan)
    assert sum(counts) <= 1, "one frame is tried where the dataset is made"
    image = plan.columns[0]
    assert (image.path, image.is_copied, image.estimate.lossy) == (IMAGE, True, False)
    assert plan.advice is None
    with open_dataset(str(path)) as buffer:
        assert buffer.attributes["columns"][IMAGE]["copied"] is True


def test_the_copy_is_as_large_as_the_video(copied: Path) -> None:
    folder = copied / "storage" / "columns" / "observation" / "image"
    stored = sum(file.stat().st_size for file in folder.iterdir())
    assert stored <= 1.15 * VIDEO.stat().st_size


def test_rows_may_be_appended_to_the_copy(copied: Path, tmp_path: Path) -> None:
    before = frames_of(copied)
    with open_dataset(str(copied)) as buffer:
        row = buffer[:3]
        buffer.dumps(tmp_path / "x.zarr")
    with ReplayBuffer.load_from(tmp_path / "x.zarr", read_only=False) as buffer:
        buffer.extend(row)
        buffer.remove_at([0, 100])
        buffer.compact()
    after = frames_of(tmp_path / "x.zarr")
    assert len(after) == 481
    np.testing.assert_array_equal(after[:478], np.delete(before, [0, 100], axis=0))
    assert np.abs(after[478:].astype(int) - before[:3]).mean() < 3


@pytest.mark.parametrize(
    ("options", "codec", "most"),
    [
        ({"frames": "lossless"}, "zstd", 0.0),
        ({"frames": "high"}, "video:h264:crf=18", 3.0),
        ({"frames": "small"}, "video:av1:crf=30", 4.0),
        ({"codecs": {"**/image": "video:ffv1"}}, "video:ffv1", 0.0),
        ({"frames": "small", "codecs": {"observation.image": "zstd:1"}}, "zstd:1", 0.0),
    ],
)
def test_decoded_and_encoded_anew(
    copied: Path, tmp_path: Path, options: dict[str, Any], codec: str, most: float
) -> None:
    plan = convert(tmp_path / "x.zarr", episodes="1:4", **options)
    image = plan.columns[0]
    assert "copied" not in plan.attributes["columns"][IMAGE]
    assert (image.is_copied, image.estimate.codec, image.estimate.lossy) == (False, codec, most > 0)
    error = np.abs(frames_of(tmp_path / "x.zarr").astype(int) - frames_of(copied)[47:165]).mean()
    assert error <= most


def test_episodes_that_begin_within_a_group(copied: Path, tmp_path: Path) -> None:
    for episodes, rows in (("1:4", slice(47, 165)), ("-2:", slice(407, 480)), ("3", slice(140, 165))):
        convert(tmp_path / f"{rows.start}.zarr", episodes=episodes)
        np.testing.assert_array_equal(frames_of(tmp_path / f"{rows.start}.zarr"), frames_of(copied)[rows])


def test_depth_stays_depth(tmp_path: Path) -> None:
    camera = Camera(((0, 1), (2, 3, 4)), "libx265", "gray12le", info={"is_depth_map": True})
    made = build(tmp_path / "made", cameras={"depth": camera})
    for frames, codec in (("copy", "video:ffv1:bits=12"), ("lossless", "zstd"), ("small", "video:ffv1")):
        plan = convert(tmp_path / f"{frames}.zarr", made.root, frames=frames)
        codecs = {planned.path: planned.estimate.codec for planned in plan.columns}
        assert codecs["depth"] == codec
        with open_dataset(str(tmp_path / f"{frames}.zarr")) as buffer:
            np.testing.assert_array_equal(buffer[:]["depth"], made.frames["depth"])


def test_no_such_choice(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="frames 'tiny': one of copy, lossless, high, small"):
        plan_conversion(str(PUSHT), str(tmp_path / "x.zarr"), ConversionOptions(frames="tiny"))
