"""Frames by number, in any order, against a plain decode of the whole file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats import Source

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import Camera, encode, noise_frames, plain_decode
from unienv_data.formats.media.video import VideoFile, probe_video

FRAMES = 200
CODECS = ["libx264", "libsvtav1", "mpeg4"]


@pytest.fixture(scope="module", params=CODECS)
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    camera = Camera(files=(), codec=request.param)
    path = tmp_path_factory.mktemp("video") / "x.mp4"
    encode(path, camera, noise_frames(FRAMES, camera, seed=7))
    return path, plain_decode(path)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(reads=st.lists(st.lists(st.integers(0, FRAMES - 1), max_size=4), min_size=1, max_size=4))
def test_any_frames(video: tuple[Path, NDArray[np.uint8]], reads: list[list[int]]) -> None:
    path, plain = video
    file = VideoFile(Source(str(path.parent)), path.name)
    try:
        for numbers in reads:
            frames = file.read(np.array(numbers, dtype=np.int64))
            np.testing.assert_array_equal(frames, plain[numbers])
    finally:
        file.close()


def test_every_frame_in_order(video: tuple[Path, NDArray[np.uint8]]) -> None:
    path, plain = video
    file = VideoFile(Source(str(path.parent)), path.name)
    frames = [file.read(np.arange(start, start + 25)) for start in range(0, FRAMES, 25)]
    file.close()
    np.testing.assert_array_equal(np.concatenate(frames), plain)


def test_reading_in_order_decodes_each_frame_once(
    video: tuple[Path, NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = video
    file = VideoFile(Source(str(path.parent)), path.name)
    decoded = 0
    frames = file._frames

    def counted():
        nonlocal decoded
        for frame in frames:
            decoded += 1
            yield frame

    monkeypatch.setattr(file, "_frames", counted())
    monkeypatch.setattr(file, "_jump", lambda number: pytest.fail(f"jumped to {number}"))
    for start in range(0, FRAMES, 10):
        file.read(np.arange(start, start + 10))
    file.close()
    assert decoded == FRAMES


def test_header(video: tuple[Path, NDArray[np.uint8]]) -> None:
    path, plain = video
    header = probe_video(Source(str(path.parent)), path.name)
    assert (header.frames, header.height, header.width) == plain.shape[:3]
    assert header.pixel_format == "yuv420p"


def test_frames_that_are_not_there(video: tuple[Path, NDArray[np.uint8]]) -> None:
    path, _ = video
    file = VideoFile(Source(str(path.parent)), path.name)
    for number in (FRAMES, FRAMES + 500):
        with pytest.raises(ConversionError, match=rf"x\.mp4: the video ends after {FRAMES} frames"):
            file.read(np.array([number]))
    with pytest.raises(ConversionError, match="frame -1"):
        file.read(np.array([-1]))
    file.close()
    file.close()


def test_a_file_without_video(tmp_path: Path) -> None:
    import av

    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.rate = 8000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    for open_it in (VideoFile, probe_video):
        with pytest.raises(ConversionError, match=r"sound\.wav: there is no video"):
            open_it(Source(str(tmp_path)), "sound.wav")
