"""LeRobot v3.0 datasets whose videos are those of the source, packet by packet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.formats.reading import read_all
from unienv_data.conversion import (
    ConversionOptions,
    plan_conversion,
    plan_export,
    run_conversion,
    run_export,
)
from unienv_data.formats.media.copied_form import can_copy

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

import av

from tests.unienv_data.formats.lerobot_builder import Camera, build, plain_decode

PUSHT = Path(__file__).parents[4] / "examples/data/lerobot_v30_pusht"


def document(place: Path, name: str) -> Any:
    return json.loads((place / "meta" / f"{name}.json").read_text(encoding="utf-8"))


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


copies = pytest.mark.skipif(
    not hasattr(av.container.OutputContainer, "add_mux_stream") or not can_copy(),
    reason="this PyAV does not copy packets",
)


@copies
@pytest.mark.parametrize("through_a_store", [False, True])
@pytest.mark.parametrize("memory", [None, 40_000])
def test_packets_are_kept(tmp_path: Path, through_a_store: bool, memory: int | None) -> None:
    """Also where chunks begin within groups of pictures, which has packets come twice."""
    source = PUSHT
    if through_a_store:
        source = tmp_path / "store.zarr"
        options = ConversionOptions(columns=("observation.image", "action"))
        run_conversion(plan_conversion(str(PUSHT), str(source), options))
    options = ConversionOptions(to="lerobot_v30", memory=memory)
    plan = plan_export(str(source), str(tmp_path / "x"), options)
    assert any("packets of AV1 are kept" in note for note in plan.notes)
    run_export(plan)
    name = "videos/observation.image/chunk-000/file-000.mp4"
    assert packets_of(tmp_path / "x" / name) == packets_of(PUSHT / name)
    wanted = plain_decode(PUSHT / name)
    np.testing.assert_array_equal(plain_decode(tmp_path / "x" / name), wanted)
    np.testing.assert_allclose(times_of(tmp_path / "x" / name), np.arange(480) / 10, atol=1e-9)
    stats = document(tmp_path / "x", "stats")["observation.image"]
    np.testing.assert_allclose(np.ravel(stats["std"]), (wanted / 255).std((0, 1, 2)), rtol=1e-6)


@copies
def test_what_cannot_be_copied_is_encoded(tmp_path: Path) -> None:
    """The first episode begins within a group of pictures, and so do others; what does not is copied."""
    camera_ = Camera(files=((0, 1, 2, 3, 4),), codec="libsvtav1", lead=1)
    made = build(tmp_path / "toy", cameras={"observation.cam": camera_})
    run_export(plan_export(str(made.root), str(tmp_path / "x"), ConversionOptions(to="lerobot_v30")))
    facts, read = read_all(tmp_path / "x")
    assert facts.lengths == made.lengths
    error = np.abs(read["observation.cam"].astype(int) - made.frames["observation.cam"])
    assert error.mean() < 8
    files_made = sorted((tmp_path / "x/videos").rglob("*.mp4"))
    kept = set(packets_of(made.root / "videos/observation.cam/chunk-000/file-000.mp4"))
    kinds = [all(packet in kept for packet in packets_of(path)) for path in files_made]
    assert True in kinds
    assert False in kinds


@copies
def test_a_codec_that_is_asked_for(tmp_path: Path) -> None:
    options = ConversionOptions(to="lerobot_v30", to_options={"codec": "h264"}, episodes="0:2")
    run_export(plan_export(str(PUSHT), str(tmp_path / "x"), options))
    assert document(tmp_path / "x", "info")["features"]["observation.image"]["info"]["video.codec"] == "h264"
    with av.open(str(tmp_path / "x/videos/observation.image/chunk-000/file-000.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
