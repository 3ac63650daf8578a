"""The packets of a file whose index says where each one stands, copied many at a time.

An mp4 of AV1, LeRobot's form, is such a file: frames are stored in the order in which they are shown, and
decoding begins anew at every keyframe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.media.packets import DECODE_INSTEAD, described
from unienv_data.formats.media.video import decoding, open_container, video_stream
from unienv_data.formats.source import Source
from unienv_data.store.codecs.video import MOST_IN_GROUP, Payload, joined
from unienv_interface._optional import import_optional

__all__ = ["IndexedPackets", "has_index"]

_IN_ORDER = ("av1", "ffv1")


def has_index(source: Source, name: str) -> bool:
    """Whether a file is one that `IndexedPackets` can read.

    Raises:
        ConversionError: the file is missing, damaged, or holds no video.
        MissingDependencyError: PyAV is not installed.
    """
    av = import_optional("av", extra="video")
    where = source.where(name)
    if _local_path(source, name) is None:
        return False
    with open_container(av, source, name) as container, decoding(av, where):
        stream = video_stream(container, where)
        is_mp4 = "mp4" in container.format.name
        codec = stream.codec_context.codec.canonical_name
        return is_mp4 and codec in _IN_ORDER and 0 < stream.frames == len(_entries(stream))


def _entries(stream: Any) -> Sequence[Any]:
    """The container's index of a stream; empty where PyAV, before its release 17, does not give it."""
    return getattr(stream, "index_entries", None) or ()


def _local_path(source: Source, name: str) -> str | None:
    """Where the file stands on a disk of this machine; None where it does not."""
    handle = source.handle(name)
    if isinstance(handle, str):
        return handle
    handle.close()
    return None


class IndexedPackets:
    """An open video file that gives the packets of frames by number.

    Args:
        source: where the file lies, on a local disk.
        name: its name within the source.

    Raises:
        ConversionError: the file is missing or damaged.
        MissingDependencyError: PyAV is not installed.
    """

    def __init__(self, source: Source, name: str) -> None:
        av = import_optional("av", extra="video")
        self.name = name
        self.where = source.where(name)
        with open_container(av, source, name) as container, decoding(av, self.where):
            stream = video_stream(container, self.where)
            self.stream = described(stream, self.where)
            entries = [(e.pos, e.size, e.is_keyframe, e.is_discard) for e in _entries(stream)]
        table = np.array(entries, dtype=np.int64).reshape(-1, 4)
        self._starts, self._sizes = table[:, 0].copy(), table[:, 1].copy()
        self._keys = np.flatnonzero(table[:, 2])
        self._shown = np.flatnonzero(table[:, 3] == 0)
        self._file = open(_local_path(source, name) or name, "rb")  # noqa: SIM115  # closed by close()

    def beginning(self) -> tuple[int, int, int]:
        """Packets of the longest group, bytes of a packet, and how many frames there are."""
        ends = np.append(self._keys, len(self._starts))
        longest = int(np.diff(ends).max(initial=0)) if len(self._keys) else 0
        return longest, int(self._sizes.mean()) if len(self._sizes) else 0, len(self._shown)

    def read(self, numbers: NDArray[np.int64]) -> Payload:
        """Frames by number.

        Args:
            numbers: (B,) counted from 0 in the order of display.

        Returns:
            B rows.

        Raises:
            ConversionError: the file has no such frame, or is damaged.
        """
        if not len(numbers):
            return joined([])
        if numbers.min() < 0 or numbers.max() >= len(self._shown):
            raise ConversionError(
                f"{self.where}: the video ends after {len(self._shown)} frames; frame {int(numbers.max())} "
                f"is needed"
            )
        packets = self._shown[numbers]
        runs = np.split(packets, np.flatnonzero(np.diff(packets) != 1) + 1)
        return joined(self._run(int(run[0]), int(run[-1]) + 1) for run in runs)

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._file.close()

    def _run(self, start: int, stop: int) -> Payload:
        """The frames of packets [start, stop)."""
        low = int(np.searchsorted(self._keys, start, side="right")) - 1
        if low < 0:
            raise ConversionError(f"{self.where}: no keyframe before frame {start}; {DECODE_INSTEAD}")
        begins = self._keys[low : int(np.searchsorted(self._keys, stop, side="left"))]
        counts = np.diff(np.append(begins, stop))
        if int(counts.max()) > MOST_IN_GROUP:
            raise ConversionError(f"{self.where}: over {MOST_IN_GROUP} frames in a group; {DECODE_INSTEAD}")
        groups = np.zeros((len(begins), 4), dtype=np.int64)
        groups[:, 2] = groups[:, 3] = counts
        groups[0, 1] = start - int(begins[0])
        groups[0, 2] -= groups[0, 1]
        first = int(begins[0])
        return Payload((self.stream,), groups, self._sizes[first:stop], self._bytes(first, stop))

    def _bytes(self, first: int, stop: int) -> bytes:
        """What stands in packets [first, stop)."""
        starts, sizes = self._starts[first:stop], self._sizes[first:stop]
        ends = starts + sizes
        breaks = np.flatnonzero(starts[1:] != ends[:-1]) + 1
        parts = []
        for a, b in zip([0, *breaks.tolist()], [*breaks.tolist(), len(starts)], strict=True):
            self._file.seek(int(starts[a]))
            size = int(ends[b - 1] - starts[a])
            parts.append(self._file.read(size))
            if len(parts[-1]) != size:
                raise ConversionError(f"{self.where}: the video is damaged or incomplete")
        return b"".join(parts)
