"""An episode's frames as they are encoded in the source: their packets, if a video file can have them so.

Only AV1 is copied, of which every keyframe says by itself how it is to be decoded; LeRobot records AV1. Rows
of a dataset come in chunks, of which one may begin within a group of pictures: it then has the packets from
the keyframe on again, which are left out here. An episode that begins within a group is not copied.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.formats.base import SourceColumn
from unienv_data.store.codecs.video import Payload, Stream, parse_payload, read_frames

__all__ = ["PacketSpool", "can_be_copied", "decoded", "payloads_of", "whole_groups"]

_UNSAID = 2  # FFmpeg's number of colours about which nothing is said, as in LeRobot's own videos
_AT_ONCE = 16  # frames


def can_be_copied(column: SourceColumn) -> bool:
    """Whether a column of frames may come as AV1 packets."""
    return column.encoded is not None and column.encoded.codec.split(":")[:2] == ["video", "av1"]


def payloads_of(rows: EncodedRows) -> Iterator[Payload]:
    """The pieces of encoded rows."""
    for piece in rows.pieces:
        yield parse_payload(piece)


def decoded(payload: Payload) -> Iterator[NDArray[np.uint8]]:
    """Its frames, (B, H, W, 3), some at a time."""
    waiting: list[NDArray[np.uint8]] = []
    for _, frame in read_frames(payload, np.arange(payload.rows), "rgb24"):
        waiting.append(frame.copy())
        if len(waiting) == _AT_ONCE:
            yield np.stack(waiting)
            waiting.clear()
    if waiting:
        yield np.stack(waiting)


def whole_groups(payloads: Iterable[Payload], width: int, height: int) -> Iterator[list[bytes]]:
    """The packets of an episode, a group of pictures after the other.

    Raises:
        ValueError: they cannot stand in a video file by themselves.
    """
    held: list[bytes] = []
    stream: Stream | None = None
    for payload in payloads:
        for each in payload.streams:
            stream = stream or each
            if each != stream or (each.codec, each.width, each.height) != ("av1", width, height):
                raise ValueError("streams of several kinds, or of another size")
            if each.delay or each.matrix != _UNSAID:
                raise ValueError("frames in another order, or of colours that LeRobot's videos do not have")
        for number, (_, skip, frames, packets) in enumerate(payload.groups.tolist()):
            data = [bytes(packet) for packet in payload.packets(number, skip + frames)]
            if packets < skip + frames or len(data) != skip + frames:
                raise ValueError("frames that are not shown")
            if skip and (skip != len(held) or data[:skip] != held):
                raise ValueError("an episode that begins within a group of pictures")
            if held and not skip:
                yield held
            held = data
    if held:
        yield held


class PacketSpool:
    """Keeps an episode's pieces until it is over.

    Args:
        folder: where they wait.
    """

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by close()
        self._sizes: list[int] = []

    def __len__(self) -> int:
        return len(self._sizes)

    def add(self, rows: EncodedRows) -> None:
        """Take further rows."""
        for piece in rows.pieces:
            self._file.write(piece)
            self._sizes.append(len(piece))

    def payloads(self) -> Iterator[Payload]:
        """All that has come since the last `clear`."""
        self._file.seek(0)
        for size in self._sizes:
            yield parse_payload(self._file.read(size))

    def clear(self) -> None:
        """Forget everything."""
        self._sizes.clear()
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        """Give the file back. May be called twice."""
        self._file.close()
