"""Whether the packets of a video can be kept as they are, and how."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import CodecError
from unienv_data.formats.base import EncodedForm
from unienv_data.formats.media.indexed_packets import IndexedPackets, has_index
from unienv_data.formats.media.packets import PacketFile
from unienv_data.formats.media.video import VideoFile, VideoFormat
from unienv_data.formats.source import Source
from unienv_data.store.codecs import ChunkShape, chain_of
from unienv_data.store.codecs.video import Payload, read_frames
from unienv_interface._optional import import_optional

__all__ = ["Packets", "can_copy", "copied_form", "encoded_rows", "open_packets"]

Packets = PacketFile | IndexedPackets

_LONGEST_GROUP = 512  # packets: for one frame, half of them are decoded
_LEAST_ROWS, _MOST_ROWS = 64, 4096
_CHUNK_BYTES = 1 << 20
_COMPARED = 64  # frames


def can_copy() -> bool:
    """Whether this PyAV tells all that is to be known of packets: its releases before 17 do not.

    Raises:
        MissingDependencyError: PyAV is not installed.
    """
    return hasattr(import_optional("av", extra="video").packet.Packet, "has_sidedata")


def open_packets(source: Source, name: str) -> Packets:
    """A video file whose packets are to be copied.

    Raises:
        ConversionError: the file is missing, damaged, holds no video, or none that can be copied.
        MissingDependencyError: PyAV is not installed.
    """
    return IndexedPackets(source, name) if has_index(source, name) else PacketFile(source, name)


def encoded_rows(payload: Payload, format: VideoFormat, shape: Sequence[int]) -> EncodedRows:
    """Copied frames as rows (H, W, C) of a column."""
    return EncodedRows(format.dtype, tuple(shape), [payload.encode()], [payload.rows])


def copied_form(source: Source, name: str, format: VideoFormat) -> EncodedForm | None:
    """How the packets of a file can be kept; None where they are rather decoded.

    Its beginning is decoded both ways: what is copied must decode to the same frames.

    Args:
        source: where the file lies.
        name: its name within the source.
        format: what its frames are decoded to.

    Raises:
        ConversionError: the file is missing or damaged, or cannot be copied.
        MissingDependencyError: PyAV is not installed.
    """
    if not can_copy():
        return None
    packets = open_packets(source, name)
    try:
        longest, row_bytes, shown = packets.beginning()
        spec = _spec(packets.stream.codec, longest, format)
        if not 0 < longest <= _LONGEST_GROUP or spec is None:
            return None
        shape = (packets.stream.height, packets.stream.width, format.channels)
        rows = _chunk_rows(longest, max(row_bytes, 1))
        chain_of(spec, ChunkShape(rows, format.dtype, shape))
        copied = packets.read(np.arange(min(shown, _COMPARED), dtype=np.int64))
    except CodecError:
        return None
    finally:
        packets.close()
    return EncodedForm(spec, rows, row_bytes) if _decodes_alike(copied, source, name, format) else None


_FAMILIES = ("h264", "hevc", "av1", "ffv1")


def _spec(codec: str, gop: int, format: VideoFormat) -> str | None:
    """By what frames are encoded that are appended later: as those before, and depth without loss."""
    if codec not in _FAMILIES:
        return None
    if format.bits > 8:
        return f"video:ffv1:bits={format.bits}"
    return f"video:{codec}:gop={max(min(gop, 64), 1)}"


def _chunk_rows(longest: int, row_bytes: int) -> int:
    # What follows a chunk's beginning needs its group's beginning too: a sixteenth of such groups is little.
    rows = min(16 * longest, max(_CHUNK_BYTES // row_bytes, 4 * longest))
    return 1 << (min(max(rows, _LEAST_ROWS), _MOST_ROWS) - 1).bit_length()


def _decodes_alike(copied: Payload, source: Source, name: str, format: VideoFormat) -> bool:
    file = VideoFile(source, name, format)
    try:
        expected = file.read(np.arange(copied.rows, dtype=np.int64))
    finally:
        file.close()
    try:
        found = [
            frame.copy() for _, frame in read_frames(copied, np.arange(copied.rows), format.pixel_format)
        ]
    except ValueError:
        return False
    return _are_equal(found, expected)


def _are_equal(found: Sequence[NDArray[np.generic]], expected: NDArray[np.generic]) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(np.array_equal(mine.reshape(theirs.shape), theirs) for mine, theirs in pairs)
