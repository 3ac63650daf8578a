"""Chunks of video, as the store uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CodecError
from unienv_data.store.codecs.base import ChunkShape, PieceCodec, Place
from unienv_data.store.codecs.checked import verified, with_checksum
from unienv_data.store.codecs.video.decoding import read_frames
from unienv_data.store.codecs.video.encoding import encode_frames
from unienv_data.store.codecs.video.frames import Pictures
from unienv_data.store.codecs.video.payload import Payload, joined, parse_payload
from unienv_data.store.codecs.video.settings import NAME, VideoSettings

__all__ = ["VideoCodec", "video_codec"]

_SIDES = 64  # pixels by which a frame may be larger than what is stored of it


class VideoCodec(PieceCodec):
    """Rows as groups of pictures, then perhaps `crc32c`.

    Args:
        chunk: what a chunk holds.
        settings: how rows are encoded.
        checked: whether a crc32c follows.

    Raises:
        CodecError: the rows are no frames that these settings could encode.
    """

    def __init__(self, chunk: ChunkShape, settings: VideoSettings, checked: bool) -> None:
        settings.check(chunk)
        self.chunk = chunk
        self.is_lossless = settings.is_lossless
        self._settings = settings
        self._checked = checked
        self._pictures = Pictures.of(chunk, settings.layout)
        self._format = settings.decoded_format(self._pictures)
        self._most = (1 << settings.bits) - 1

    # Chunks

    def encode(self, rows: NDArray[Any]) -> bytes:
        return self.join([self.encode_piece(rows)])

    def decode(self, data: bytes | memoryview, out: NDArray[np.uint8]) -> None:
        payload = self._payload(data)
        rows = out.view(self.chunk.dtype).reshape(self.chunk.full)
        rows[payload.rows :] = 0  # of a chunk that is filled in part
        self._read(payload, np.arange(payload.rows), rows, slice(0, payload.rows))

    def decode_rows(self, data: bytes | memoryview, source: Place, out: NDArray[Any], target: Place) -> None:
        rows = np.arange(source.start, source.stop) if isinstance(source, slice) else source
        self._read(self._payload(data), rows, out, target)

    def _payload(self, data: bytes | memoryview) -> Payload:
        if self._checked:
            data = memoryview(data)[: verified(data)]
        return self._fitting(parse_payload(data, self.chunk.rows))

    def _fitting(self, payload: Payload) -> Payload:
        """The payload, whose frames are no larger than they must be."""
        height, width = self._pictures.size
        for stream in payload.streams:
            more = stream.height - height, stream.width - width
            if not all(0 <= pixels <= _SIDES for pixels in more):
                raise ValueError(f"frames of {stream.height} x {stream.width}, expected {height} x {width}")
        return payload

    def _read(self, payload: Payload, rows: NDArray[np.int64], out: NDArray[Any], target: Place) -> None:
        """Rows of a payload, in any order, into as many of `out`."""
        if len(rows) < 2 or (np.diff(rows) > 0).all():
            wanted, places = rows, None
        else:
            wanted, places = np.unique(rows, return_inverse=True)
        targets = np.arange(target.start, target.stop) if isinstance(target, slice) else target
        for number, (_, picture) in enumerate(read_frames(payload, wanted, self._format)):
            row = self._pictures.row(picture)
            if places is None:
                out[targets[number]] = row
            else:
                out[targets[places == number]] = row

    # Pieces

    def encode_piece(self, rows: NDArray[Any]) -> Payload:
        self.check(rows)
        return encode_frames(rows, self._pictures, self._settings)

    def check(self, rows: NDArray[Any]) -> None:
        if self.chunk.dtype.itemsize > 1 and self._settings.bits < 16 and rows.size:
            found = int(rows.max())
            if found > self._most:
                raise CodecError(
                    f"video codec {self._settings.codec}: a value of {found}, where "
                    f"bits={self._settings.bits} promises {self._most} at most; choose more bits, or ffv1"
                )

    def decode_piece(self, piece: Payload, out: NDArray[Any]) -> None:
        self._read(piece, np.arange(len(out)), out, slice(0, len(out)))

    def read_piece(self, data: bytes) -> Payload:
        return self._fitting(parse_payload(data))

    def write_piece(self, piece: Payload) -> bytes:
        return piece.encode()

    def cut(self, piece: Payload, start: int, stop: int) -> Payload:
        return piece if (start, stop) == (0, piece.rows) else piece.cut(start, stop)

    def piece_of(self, data: bytes | memoryview) -> Payload:
        return self._payload(data)

    def join(self, pieces: Sequence[Payload]) -> bytes:
        packed = joined(pieces).encode()
        return with_checksum(packed) if self._checked else packed


def video_codec(codecs: Sequence[Mapping[str, Any]], chunk: ChunkShape) -> VideoCodec | None:
    """The codec of a chain, or None where the chain is not of video.

    Raises:
        CodecError: it is, and cannot be understood.
    """
    chain = [(codec["name"], dict(codec.get("configuration") or {})) for codec in codecs]
    checked = bool(chain) and chain[-1] == ("crc32c", {})
    if len(chain) != 1 + checked or chain[0][0] != NAME:
        return None
    return VideoCodec(chunk, VideoSettings.from_configuration(chain[0][1]), checked)
