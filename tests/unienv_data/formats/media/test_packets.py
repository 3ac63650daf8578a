"""Packets of every kind of video, copied, against a plain decode of the whole file."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats import Source

pytest.importorskip("av")

import av

from tests.unienv_data.formats.lerobot_builder import plain_decode
from unienv_data.formats.media.copied_form import copied_form, open_packets
from unienv_data.formats.media.indexed_packets import IndexedPackets
from unienv_data.formats.media.packets import PacketFile
from unienv_data.formats.media.video import DEPTH_12, RGB, VideoFormat
from unienv_data.store.codecs.video import Payload, parse_payload, read_frames

FRAMES = 90
KINDS: dict[str, tuple[str, str, dict[str, str]]] = {
    "AV1, a keyframe every second frame": ("libsvtav1", "yuv420p", {"g": "2", "crf": "40", "preset": "12"}),
    "AV1, pyramids": ("libsvtav1", "yuv420p", {"g": "32", "crf": "40", "preset": "12"}),
    "H.264, frames in order": ("libx264", "yuv420p", {"g": "12", "bf": "0"}),
    "H.264, frames that lean on later ones": ("libx264", "yuv420p", {"g": "24", "bf": "3"}),
    "H.264, one group": ("libx264", "yuv420p", {"g": "250", "bf": "2"}),
    "H.264, open groups": ("libx264", "yuv420p", {"g": "12", "bf": "3", "x264-params": "open-gop=1"}),
    "HEVC, open groups": (
        "libx265",
        "yuv420p",
        {"x265-params": "log-level=none:keyint=12:min-keyint=12:bframes=3:open-gop=1:pools=none"},
    ),
    "depth": ("libx265", "gray12le", {"x265-params": "log-level=none:keyint=8:bframes=0:pools=none"}),
    "FFV1": ("ffv1", "bgr0", {"g": "5"}),
}


def scene(count: int = FRAMES) -> NDArray[np.uint8]:
    rng = np.random.default_rng(3)
    small = rng.integers(0, 256, (8, 10, 3), dtype=np.uint8).repeat(6, 0).repeat(8, 1)
    return np.stack([np.roll(small, (number, 2 * number), (0, 1)) for number in range(count)])


def write(path: Path, kind: str, frames: NDArray[np.uint8]) -> VideoFormat:
    codec, pixels, options = KINDS[kind]
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as out:
        stream = out.add_stream(codec, rate=Fraction(10), options=options)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        for image in frames:
            if pixels == "gray12le":
                grey = image[..., 0].astype(np.uint16) << 4
                frame = av.VideoFrame.from_ndarray(grey, format=pixels)
            else:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return DEPTH_12 if pixels == "gray12le" else RGB


Video = tuple[Path, NDArray[Any], VideoFormat]


@pytest.fixture(scope="module", params=KINDS)
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Video:
    path = tmp_path_factory.mktemp("video") / ("x.mkv" if request.param == "FFV1" else "x.mp4")
    format = write(path, request.param, scene())
    return path, plain_decode(path, format.pixel_format), format


def decoded(payload: Payload, format: VideoFormat) -> list[NDArray[Any]]:
    rows = np.arange(payload.rows)
    again = parse_payload(payload.encode())
    return [frame.copy() for _, frame in read_frames(again, rows, format.pixel_format)]


def opened(path: Path) -> Any:
    return open_packets(Source(str(path.parent)), path.name)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_frames(video: Video, data: st.DataObject) -> None:
    path, plain, format = video
    file = opened(path)
    try:
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, FRAMES - 1))
            numbers = np.arange(start, data.draw(st.integers(start + 1, FRAMES)))
            if data.draw(st.booleans()):
                numbers = np.sort(
                    np.array(data.draw(st.lists(st.integers(0, FRAMES - 1), min_size=1, max_size=9)))
                )
            found = decoded(file.read(numbers.astype(np.int64)), format)
            assert len(found) == len(numbers)
            np.testing.assert_array_equal(np.stack(found), plain[numbers])
    finally:
        file.close()


def test_packets_are_those_of_the_file(video: Video) -> None:
    path, _, _ = video
    with av.open(str(path)) as container:
        theirs = {bytes(packet) for packet in container.demux(video=0) if packet.size}
    file = opened(path)
    payload = file.read(np.arange(FRAMES, dtype=np.int64))
    file.close()
    mine = [
        bytes(packet) for number in range(len(payload.groups)) for packet in payload.packets(number, 1 << 20)
    ]
    assert set(mine) == theirs
    assert len(mine) == FRAMES, "each packet once"


def test_beginnings_of_groups_are_found(tmp_path: Path) -> None:
    """In open groups frames lean on what was before; they are copied with it."""
    groups = {}
    for kind in ("H.264, frames that lean on later ones", "H.264, open groups", "HEVC, open groups"):
        path = tmp_path / f"{len(groups)}.mp4"
        write(path, kind, scene())
        file = opened(path)
        groups[kind] = len(file.read(np.arange(FRAMES, dtype=np.int64)).groups)
        file.close()
    assert groups == {
        "H.264, frames that lean on later ones": 4,
        "H.264, open groups": 1,
        "HEVC, open groups": 1,
    }


def test_frames_that_an_edit_list_hides(tmp_path: Path) -> None:
    """A file that begins in the middle of a group: what players do not show is no row."""
    whole = tmp_path / "whole.mp4"
    write(whole, "H.264, frames that lean on later ones", scene())
    cut = tmp_path / "cut.mp4"
    with av.open(str(whole)) as source, av.open(str(cut), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        base = source.streams.video[0].time_base
        early = int(Fraction(7, 10) / base)
        for packet in source.demux(video=0):
            if packet.size:
                packet.pts, packet.dts = packet.pts - early, packet.dts - early
                packet.stream = stream
                out.mux(packet)
    plain = plain_decode(cut)
    file = opened(cut)
    found = decoded(file.read(np.arange(len(plain), dtype=np.int64)), RGB)
    np.testing.assert_array_equal(np.stack(found), plain)
    with pytest.raises(ConversionError, match="the video ends after"):
        file.read(np.array([len(plain)], dtype=np.int64))
    file.close()


def test_which_files_are_read_by_their_index(video: Video) -> None:
    path, _, _ = video
    file = opened(path)
    assert isinstance(file, IndexedPackets) is (file.stream.codec == "av1")
    file.close()


def test_both_ways_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    write(path, "AV1, a keyframe every second frame", scene())
    numbers = np.arange(3, 80, dtype=np.int64)
    source = Source(str(tmp_path))
    files = [IndexedPackets(source, "x.mp4"), PacketFile(source, "x.mp4")]
    assert files[0].read(numbers).encode() == files[1].read(numbers).encode()
    for file in files:
        file.close()


@pytest.mark.parametrize("kind", ["AV1, pyramids", "H.264, frames in order"])
def test_frames_that_are_not_there(tmp_path: Path, kind: str) -> None:
    write(tmp_path / "x.mp4", kind, scene(20))
    file = opened(tmp_path / "x.mp4")
    with pytest.raises(ConversionError, match="ends after 20 frames"):
        file.read(np.array([3, 20], dtype=np.int64))
    with pytest.raises(ConversionError, match=r"."):
        file.read(np.array([-1], dtype=np.int64))
    file.close()


@pytest.mark.parametrize("kind", ["AV1, pyramids", "H.264, frames in order"])
def test_a_file_that_was_cut_off(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.mp4"
    write(path, kind, scene())
    path.write_bytes(path.read_bytes()[:-2000])
    said = r"x\.mp4.*(damaged|ends after)"
    with pytest.raises(ConversionError, match=said), closing(opened(path)) as file:
        file.read(np.arange(FRAMES, dtype=np.int64))


def test_forms(tmp_path: Path) -> None:
    found = {}
    for number, kind in enumerate(KINDS):
        name = f"{number}.mkv" if kind == "FFV1" else f"{number}.mp4"
        format = write(tmp_path / name, kind, scene())
        form = copied_form(Source(str(tmp_path)), name, format)
        found[kind] = None if form is None else (form.codec, form.chunk_rows)
    assert found == {
        "AV1, a keyframe every second frame": ("video:av1:gop=2", 64),
        "AV1, pyramids": ("video:av1:gop=32", 512),
        "H.264, frames in order": ("video:h264:gop=12", 256),
        "H.264, frames that lean on later ones": ("video:h264:gop=24", 512),
        "H.264, one group": ("video:h264:gop=64", 2048),
        "H.264, open groups": ("video:h264:gop=64", 2048),
        "HEVC, open groups": ("video:hevc:gop=64", 2048),
        "depth": ("video:ffv1:bits=12", 128),
        "FFV1": ("video:ffv1:gop=5", 128),
    }


def test_other_formats_are_decoded(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "x.mp4"), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 80, "yuv420p"
        for image in scene(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    with pytest.raises(ConversionError, match="packets of mpeg4 cannot be copied; --frames lossless"):
        opened(tmp_path / "x.mp4")
