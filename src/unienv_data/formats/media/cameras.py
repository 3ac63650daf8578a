"""Frames of cameras, from video files that are opened once where episodes come in order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import ConversionError
from unienv_data.formats.media.copied_form import Packets, encoded_rows, open_packets
from unienv_data.formats.media.video import VideoFile, VideoFormat
from unienv_data.formats.source import Source

__all__ = ["Cameras"]


class Cameras:
    """The video files, of which one a camera is open at a time.

    Args:
        source: where they lie.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._files: dict[str, VideoFile | Packets] = {}

    def frames_of(
        self,
        camera: str,
        name: str,
        numbers: NDArray[np.int64],
        format: VideoFormat,
        shape: tuple[int, int, int],
    ) -> NDArray[Any]:
        """Frames (B, H, W, C).

        Args:
            camera: whose they are.
            name: of the file.
            numbers: (B,) of the frames within the file.
            format: what they are decoded to.
            shape: that is expected of a frame.

        Raises:
            ConversionError: the file is missing, damaged, too short, or of another size.
        """
        file = self._files.get(camera)
        if not isinstance(file, VideoFile) or file.name != name:
            self._close(camera)
            file = self._files[camera] = VideoFile(self._source, name, format)
        frames = file.read(numbers)
        if frames.shape[1:] != shape:
            raise ConversionError(f"{file.where}: frames of {frames.shape[1:]} where {shape} is expected")
        return frames

    def packets_of(
        self,
        camera: str,
        name: str,
        numbers: NDArray[np.int64],
        format: VideoFormat,
        shape: tuple[int, int, int],
    ) -> EncodedRows:
        """The same frames as they are encoded.

        Raises:
            ConversionError: as `frames_of`, or they can only be decoded.
        """
        file = self._files.get(camera)
        if file is None or isinstance(file, VideoFile) or file.name != name:
            self._close(camera)
            file = self._files[camera] = open_packets(self._source, name)
        size = (file.stream.height, file.stream.width)
        if size != shape[:2]:
            raise ConversionError(f"{file.where}: frames of {size} where {shape[:2]} is expected")
        return encoded_rows(file.read(numbers), format, shape)

    def _close(self, camera: str) -> None:
        if camera in self._files:
            self._files.pop(camera).close()

    def close(self) -> None:
        """Close the open files."""
        for camera in [*self._files]:
            self._close(camera)
