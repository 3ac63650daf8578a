"""Every video codec, over frames of every kind that it takes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

pytest.importorskip("av")

from tests.unienv_data.store.codecs.video.scenes import decoded, decoded_by_pyav, make, psnr, scene
from unienv_data.store.codecs import ChunkCodec, ChunkShape, chain_of, is_lossless, make_codec
from unienv_data.store.codecs.video import FAMILIES
from unienv_data.testing.codec_tests import CodecTests

COLOURS = ((24, 32, 3), (7, 5, 3), (1, 1, 3), (3, 24, 32), (2, 9, 11, 3), (2, 3, 9, 11))
GREYS = ((24, 32), (7, 5, 1), (1, 1), (1, 24, 32), (2, 2, 9, 11, 1))
DEPTHS = (("ffv1", 16), ("ffv1", 12), ("ffv1", 9), ("h264", 10))
LOSSY = ("h264", "hevc", "av1")
LEAST = {"h264": 32.0, "hevc": 32.0, "av1": 35.0}
"""PSNR of these scenes, with the crf that is usual."""


class OfVideo(CodecTests):
    chunks: ClassVar[Any] = [
        (rows, "uint8", shape)
        for rows, shape in ((1, (24, 32, 3)), (5, (7, 5, 3)), (3, (1, 1, 3)), (2, (3, 9, 8)), (4, (24, 32)))
    ]
    spec: ClassVar[str]

    def test_encoding_is_a_function_of_the_rows(self, chunk: ChunkShape) -> None:
        """Which encoders of video do not promise; what they make must decode to one thing only."""
        codec = self.make_codec(chunk)
        data = codec.encode(self.contents(chunk)[0])
        assert len({self.decoded(codec, data).tobytes() for _ in range(3)}) == 1

    def make_codec(self, chunk: ChunkShape) -> ChunkCodec:
        return make_codec(chain_of(self.spec, chunk), chunk)


class TestH264(OfVideo):
    spec = "video:h264"
    lossless = False


class TestHevc(OfVideo):
    spec = "video:hevc:preset=ultrafast"
    lossless = False


class TestAv1(OfVideo):
    spec = "video:av1:preset=12"
    lossless = False


class TestFfv1(OfVideo):
    spec = "video:ffv1"
    chunks: ClassVar[Any] = [*OfVideo.chunks, (3, "uint16", (7, 5)), (2, "uint16", (2, 3, 4, 1))]


class TestFfv1InGroups(TestFfv1):
    spec = "video:ffv1:gop=4"


class TestH264Rgb(OfVideo):
    spec = "video:h264rgb"
    chunks: ClassVar[Any] = [chunk for chunk in OfVideo.chunks if len(chunk[2]) == 3]


class TestH264LosslessGrey(OfVideo):
    spec = "video:h264:lossless"
    chunks: ClassVar[Any] = [(5, "uint8", (7, 5)), (3, "uint8", (1, 1, 1)), (2, "uint8", (1, 24, 32))]


@pytest.mark.parametrize("shape", COLOURS + GREYS)
@pytest.mark.parametrize("codec", FAMILIES)
def test_scenes_of_every_shape(codec: str, shape: tuple[int, ...]) -> None:
    if codec == "h264rgb" and shape in GREYS:
        pytest.skip("takes colours only")
    made = make(codec, shape)
    rows = scene(16, shape)
    found = decoded(made, made.encode(rows))
    if made.is_lossless:
        np.testing.assert_array_equal(found, rows)
    elif shape in ((24, 32, 3), (3, 24, 32), *GREYS):
        assert psnr(found, rows) >= LEAST[codec]
    else:  # frames that stand one below the other, or are smaller than a block
        assert psnr(found, rows) >= 27


@pytest.mark.parametrize(("codec", "bits"), DEPTHS)
def test_depth_is_kept(codec: str, bits: int) -> None:
    options = {} if codec == "ffv1" else {"lossless": True}
    for shape in ((24, 32), (7, 5, 1), (1, 1)):
        made = make(codec, shape, "uint16", bits=bits, **options)
        rows = scene(16, shape, "uint16", bits)
        rows.reshape(-1)[:2] = 0, (1 << bits) - 1
        np.testing.assert_array_equal(decoded(made, made.encode(rows)), rows)


@pytest.mark.parametrize(("codec", "bits"), [("h264", 10), ("av1", 10), ("hevc", 10), ("hevc", 12)])
def test_depth_with_loss(codec: str, bits: int) -> None:
    made = make(codec, (24, 32), "uint16", bits=bits, crf=4)
    rows = scene(16, (24, 32), "uint16", bits)
    assert psnr(decoded(made, made.encode(rows)), rows, bits) >= 38


@pytest.mark.parametrize("codec", FAMILIES)
def test_lower_crf_loses_less(codec: str) -> None:
    rows = scene(16, (48, 64, 3))
    if FAMILIES[codec].crf is None:
        return
    coarse, fine = (make(codec, (48, 64, 3), crf=crf) for crf in (45, 15))
    packed = [each.encode(rows) for each in (coarse, fine)]
    assert len(packed[0]) < len(packed[1])
    assert psnr(decoded(coarse, packed[0]), rows) + 1 < psnr(decoded(fine, packed[1]), rows)


@pytest.mark.parametrize("codec", FAMILIES)
def test_frames_are_those_that_pyav_decodes(codec: str) -> None:
    made = make(codec, (48, 64, 3), gop=5)
    data = made.encode(scene(16, (48, 64, 3)))
    expected = np.stack(decoded_by_pyav(data, "rgb24"))[:, :48, :64]
    np.testing.assert_array_equal(decoded(made, data), expected)


@pytest.mark.parametrize("codec", FAMILIES)
def test_any_rows(codec: str) -> None:
    made = make(codec, (24, 32, 3), gop=5)
    data = made.encode(scene(16, (24, 32, 3)))
    whole = decoded(made, data)
    rng = np.random.default_rng(0)
    for _ in range(20):
        rows = rng.integers(0, 16, rng.integers(1, 9))
        out = np.zeros((20, 24, 32, 3), np.uint8)
        target = rng.permutation(20)[: len(rows)]
        made.decode_rows(data, rows, out, target)
        np.testing.assert_array_equal(out[target], whole[rows])
        assert not np.delete(out, target, axis=0).any()
    out = np.zeros((4, 24, 32, 3), np.uint8)
    made.decode_rows(data, slice(3, 6), out, slice(1, 4))
    np.testing.assert_array_equal(out[1:], whole[3:6])


def test_a_frame_needs_its_group_up_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from unienv_data.store.codecs.video import decoding

    made = make("h264", (24, 32, 3), gop=4)
    data = made.encode(scene(16, (24, 32, 3)))
    fed: list[int] = []
    frames = decoding._Decoder.frames
    monkeypatch.setattr(
        decoding._Decoder,
        "frames",
        lambda self, packets: (fed.append(len(packets)), frames(self, packets))[1],
    )
    out = np.empty((3, 24, 32, 3), np.uint8)
    made.decode_rows(data, np.array([9]), out, np.array([0]))
    assert fed == [2]  # the third group begins at row 8
    fed.clear()
    made.decode_rows(data, np.array([7, 4, 5]), out, slice(0, 3))
    assert fed == [4], "a group is decoded once"


def test_a_chunk_in_part_is_zeros_beyond() -> None:
    made = make("ffv1", (7, 5, 3))
    data = made.encode(scene(5, (7, 5, 3)))
    whole = decoded(made, data)
    np.testing.assert_array_equal(whole[:5], scene(5, (7, 5, 3)))
    assert not whole[5:].any()
    out = np.empty((1, 7, 5, 3), np.uint8)
    with pytest.raises(ValueError, match="5 rows, row 5"):
        made.decode_rows(data, np.array([5]), out, slice(0, 1))


def test_what_is_called_lossless() -> None:
    chunk = ChunkShape(16, np.dtype(np.uint8), (7, 5))
    for spec, said in {
        "video:h264": False,
        "video:av1:crf=0": False,
        "video:h264:lossless": True,
        "video:ffv1": True,
    }.items():
        assert is_lossless(chain_of(spec, chunk)) is said
