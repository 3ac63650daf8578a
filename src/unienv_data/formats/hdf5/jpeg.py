"""JPEG files in HDF5 datasets, one a row: of variable length, or of one with zeros after their ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.base import EncodedForm
from unienv_data.formats.hdf5.columns import Hdf5Column, lies_elsewhere
from unienv_data.formats.hdf5.datasets import OpenDataset
from unienv_data.formats.media.jpeg_frames import Files, decoded_frames, frame_shape, jpeg_form, kept_frames
from unienv_data.formats.naming import Path
from unienv_data.formats.tabular.arrow import array_space
from unienv_interface.space.space import AnySpace

__all__ = ["JpegColumn", "first_file", "holds_bytes", "jpeg_column"]


@dataclass(frozen=True)
class JpegColumn(Hdf5Column):
    """Frames that are JPEG files.

    Args:
        shape: of a frame, (H, W) or (H, W, C).
        reverse: whether channels are given in the opposite order; then the files cannot be kept.
        file_bytes: what a file weighs, about.
    """

    shape: tuple[int, ...]
    reverse: bool = False
    file_bytes: int = field(default=0, compare=False)

    @property
    def space(self) -> AnySpace:
        return array_space(np.dtype(np.uint8), self.shape)

    @property
    def lossy(self) -> str:
        return "jpeg"

    @property
    def encoded(self) -> EncodedForm | None:
        return None if self.reverse else jpeg_form(self.file_bytes)

    def problem(self, dataset: OpenDataset) -> str | None:
        if holds_bytes(dataset):
            return None
        return f"it holds {dataset.dtype} {tuple(dataset.shape[1:])}, elsewhere JPEG files"

    def read(self, dataset: OpenDataset, start: int, stop: int, where: str) -> NDArray[np.uint8]:
        files = _files(dataset, start, stop)
        return decoded_frames(files, stop - start, self.shape, where, start, self.reverse)

    def read_encoded(self, dataset: OpenDataset, start: int, stop: int, where: str) -> Any:
        place = f"{where}, rows {start} to {stop - 1}"
        return kept_frames(_files(dataset, start, stop), stop - start, self.shape, place)


def holds_bytes(dataset: Any) -> bool:
    """Whether each row of a dataset is bytes: of variable length, or of one."""
    if dataset.ndim == 1:
        variable = (dataset.dtype.metadata or {}).get("vlen")
        return isinstance(variable, np.dtype) and variable.itemsize == 1
    return bool(dataset.ndim == 2 and dataset.dtype.kind in "ui" and dataset.dtype.itemsize == 1)


def first_file(dataset: Any) -> bytes:
    """The first row's bytes, without the zeros after their end."""
    return _files(dataset, 0, 1)(0)


def jpeg_column(
    name: str,
    dataset: Any,
    has_final: bool,
    where: str,
    grey_is_flat: bool = False,
    reverse: bool = False,
    path: Path | None = None,
) -> JpegColumn:
    """The column that a dataset of JPEG files makes, by the first of them.

    Args:
        name: the dataset's name within its episode.
        dataset: it, in the first episode.
        has_final: whether it has one value more than the episode has rows.
        where: its address, for messages.
        grey_is_flat: whether a grey frame has the shape (H, W) rather than (H, W, 1).
        reverse: whether channels are given in the opposite order.
        path: where it stands in a row; by default its name, taken apart.

    Raises:
        ConversionError: the first row is no JPEG.
    """
    if lies_elsewhere(dataset):
        raise ConversionError(f"{where}: its values lie in other files, which are not followed")
    file = first_file(dataset)
    height, width, channels = frame_shape(file, f"{where}, row 0")
    if channels not in (1, 3):
        raise ConversionError(f"{where}, row 0: a JPEG image of {channels} channels; 1 and 3 can be read")
    shape = (height, width) if channels == 1 and grey_is_flat else (height, width, channels)
    path = tuple(name.split("/")) if path is None else path
    return JpegColumn(name, path, name, has_final, shape, reverse, len(file))


def _files(dataset: Any, start: int, stop: int) -> Files:
    rows = dataset[start:stop]
    return lambda row: rows[row].tobytes().rstrip(b"\0")
