"""What people ask for, and what they are told where it cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from unienv_data.errors import CodecError, MissingDependencyError
from unienv_data.store.codecs import ChunkShape, chain_of, chunk_rows_of, try_codec
from unienv_data.store.codecs.video import NAME, VideoCodec, VideoSettings, encoding

RGB = ChunkShape(64, np.dtype(np.uint8), (96, 96, 3))
GREY = ChunkShape(64, np.dtype(np.uint8), (96, 96))
DEPTH = ChunkShape(64, np.dtype(np.uint16), (96, 96, 1))


@pytest.mark.parametrize(
    ("spec", "chunk", "said"),
    [
        (
            "video:h264:crf=20:gop=8:preset=fast",
            RGB,
            {"codec": "h264", "crf": 20, "gop": 8, "preset": "fast"},
        ),
        ("video:av1", RGB, {"codec": "av1", "crf": 30, "preset": "8", "layout": "hwc"}),
        ("video:ffv1", DEPTH, {"codec": "ffv1", "crf": None, "preset": None, "bits": 16, "gop": 1}),
        ("video:h264:lossless:bits=10", DEPTH, {"crf": None, "bits": 10, "layout": "hwc"}),
        ("video:h264rgb:layout=hwc", RGB, {"codec": "h264rgb", "crf": None}),
        ("video:h264", ChunkShape(8, np.dtype(np.uint8), (3, 8, 8)), {"layout": "chw"}),
        ("video:h264", GREY, {"layout": "hw"}),
    ],
)
def test_specifications(spec: str, chunk: ChunkShape, said: dict[str, object]) -> None:
    video, checksum = chain_of(spec, chunk)
    assert video["name"] == NAME
    assert checksum == {"name": "crc32c"}
    assert said.items() <= video["configuration"].items()
    assert (
        VideoSettings.from_configuration(video["configuration"]).to_configuration() == video["configuration"]
    )
    assert chunk_rows_of(spec) == chunk_rows_of([video, checksum]) == 64


@pytest.mark.parametrize(
    ("spec", "chunk", "said"),
    [
        ("video", RGB, "video:h264"),
        ("video:vp8", RGB, "video:h264"),
        ("video:h264:best", RGB, "expected one of"),
        ("video:h264:crf=52", RGB, "crf must be from 0 to 51, got 52"),
        ("video:h264:crf=good", RGB, "crf must be"),
        ("video:h264:gop=0", RGB, "gop must be from 1"),
        ("video:h264:preset=8", RGB, "preset must be one of ultrafast"),
        ("video:av1:preset=fast", RGB, "preset must be one of 13"),
        ("video:h264:speed=3", RGB, "no option speed"),
        ("video:ffv1:crf=20", RGB, "got crf"),
        ("video:h264:lossless:crf=20", GREY, "crf of what is lossless"),
        ("video:h264:lossless", RGB, "ffv1 and h264rgb keep them"),
        ("video:av1:lossless", GREY, "ffv1 keeps frames"),
        ("video:hevc:lossless", GREY, "ffv1 keeps frames"),
        ("video:h264rgb", GREY, "takes no grey"),
        ("video:h264", DEPTH, "takes values of 8, 10 bits, got 16"),
        ("video:h264:bits=10", GREY, "uint8 have 8 bits"),
        ("video:h264:layout=cwh", RGB, "layout must be one of"),
        ("video:h264:layout=chw", RGB, "1 or 3 channels"),
        ("video:h264", ChunkShape(8, np.dtype(np.float32), (8, 8, 3)), "uint8 or uint16"),
        ("video:h264", ChunkShape(8, np.dtype(np.uint8), (8,)), "uint8 or uint16 as HW"),
        ("video:ffv1", ChunkShape(8, np.dtype(np.uint16), (8, 8, 3)), "colours of uint8 only"),
        ("video:ffv1", ChunkShape(8, np.dtype(np.uint8), (0, 8, 3)), "at least one pixel"),
    ],
)
def test_what_cannot_be(spec: str, chunk: ChunkShape, said: str) -> None:
    with pytest.raises(CodecError, match=said):
        chain_of(spec, chunk)


@pytest.mark.parametrize(
    "change",
    [{"codec": "vp8"}, {"crf": 99}, {"crf": None, "codec": "av1", "x": 1}, {"gop": True}, {"layout": "wh"}],
)
def test_metadata_of_others(change: dict[str, object]) -> None:
    video, _ = chain_of("video:h264", RGB)
    with pytest.raises(CodecError):
        VideoSettings.from_configuration({**video["configuration"], **change})
    with pytest.raises(CodecError):
        VideoSettings.from_configuration({"codec": "h264"})


@pytest.mark.requires_av
def test_values_of_too_many_bits() -> None:
    codec = VideoCodec(DEPTH, VideoSettings.chosen("ffv1", DEPTH, {"bits": 12}), True)
    rows = np.full((1, *DEPTH.shape), 4096, np.uint16)
    with pytest.raises(CodecError, match="a value of 4096, where bits=12 promises 4095"):
        codec.check(rows)
    codec.check(rows - 1)


def test_without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str, *, extra: str) -> object:
        raise MissingDependencyError(module, extra)

    monkeypatch.setattr(encoding, "import_optional", missing)
    with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[video\]'"):
        try_codec(chain_of("video:h264", RGB), RGB)
