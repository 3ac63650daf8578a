"""Rows of a column as pictures, and back: channels first or last, axes before them, odd sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CodecError
from unienv_data.store.codecs.base import ChunkShape

__all__ = ["LAYOUTS", "Pictures", "layout_of", "one_thread"]

LAYOUTS = ("hwc", "chw", "hw")
"""Where the channels of a row stand: behind height and width, before them, nowhere."""

_CHANNELS = (1, 3)


def layout_of(chunk: ChunkShape) -> str:
    """The layout that the shape of a row suggests; channels behind come first."""
    shape = chunk.shape
    if len(shape) >= 3 and shape[-1] in _CHANNELS:
        return "hwc"
    if len(shape) >= 3 and shape[-3] in _CHANNELS:
        return "chw"
    return "hw"


def one_thread(av: Any) -> dict[str, int]:
    """What has PyAV convert frames in the calling thread: before its release 17 it does so anyway."""
    return {"threads": 1} if int(av.__version__.split(".")[0]) >= 17 else {}


@dataclass(frozen=True)
class Pictures:
    """How a row becomes one picture: entries of axes before the frame stand one below the other.

    Attributes:
        leading: the axes before the frame.
        height: of one frame.
        width: of one frame.
        channels: 1 or 3.
        layout: where the channels stand.
        dtype: uint8 or uint16.
    """

    leading: tuple[int, ...]
    height: int
    width: int
    channels: int
    layout: str
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, chunk: ChunkShape, layout: str) -> Pictures:
        """The pictures of a column.

        Raises:
            CodecError: its rows are no frames.
        """
        shape, axes = chunk.shape, len(layout)
        what = f"rows of {chunk.dtype} {shape}"
        if len(shape) < axes or chunk.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
            raise CodecError(f"video holds frames of uint8 or uint16 as {layout.upper()}, got {what}")
        leading, frame = (
            shape[: len(shape) - axes],
            dict(zip(layout, shape[len(shape) - axes :], strict=True)),
        )
        channels = frame.get("c", 1)
        if channels not in _CHANNELS:
            raise CodecError(f"video holds frames of 1 or 3 channels, got {what}; is layout {layout} meant?")
        if channels == 3 and chunk.dtype != np.uint8:
            raise CodecError(f"video holds colours of uint8 only, got {what}")
        if not all(shape):
            raise CodecError(f"video holds frames of at least one pixel, got {what}")
        return cls(leading, frame["h"], frame["w"], channels, layout, chunk.dtype)

    @property
    def is_grey(self) -> bool:
        """Whether there is one channel."""
        return self.channels == 1

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a row's picture."""
        return self.height * int(np.prod(self.leading, dtype=np.int64)), self.width

    def pictures(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows (N, *shape) as pictures, (N, H, W) where they are grey, (N, H, W, 3) elsewhere."""
        if self.layout == "chw":
            rows = np.moveaxis(rows, -3, -1)
        return rows.reshape(len(rows), *self.size, *(() if self.is_grey else (self.channels,)))

    def row(self, picture: NDArray[Any]) -> NDArray[Any]:
        """A picture, at least as large as a row's, as a row."""
        height, width = self.size
        frame = picture[:height, :width]
        if self.layout == "hw":
            return frame.reshape(*self.leading, self.height, self.width)
        frame = frame.reshape(*self.leading, self.height, self.width, self.channels)
        return np.moveaxis(frame, -1, -3) if self.layout == "chw" else frame
