"""How each feature of a LeRobot dataset becomes a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.media.image_cells import ImageCells
from unienv_data.formats.media.video import DEPTH_12, DEPTH_16, GRAY, RGB, VideoFormat, VideoHeader
from unienv_data.formats.readers.lerobot.info import Feature
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.arrow import ArrowColumn, array_space, text_space
from unienv_interface.space.space import AnySpace

__all__ = [
    "Column",
    "ImageColumn",
    "TableColumn",
    "TaskColumn",
    "VideoColumn",
    "table_column",
    "video_column",
]


@dataclass(frozen=True)
class TableColumn:
    """Numbers or texts that stand in the Parquet files."""

    arrow: ArrowColumn
    lossy = None

    @property
    def needs(self) -> str:
        """The Parquet column that it is made from."""
        return self.arrow.name

    @property
    def space(self) -> AnySpace:
        """One row's value."""
        return self.arrow.space

    def from_table(self, table: pa.Table, source: Source, where: str) -> NDArray[Any]:
        """The values (B, *D) of a table's rows."""
        return self.arrow.to_numpy(table[self.needs], where)


@dataclass(frozen=True)
class TaskColumn:
    """The text of each row's task, by its task_index: it may change within an episode."""

    tasks: Mapping[int, str]
    file: str
    lossy = None
    needs = "task_index"

    @property
    def space(self) -> AnySpace:
        """One row's value."""
        return text_space()

    def from_table(self, table: pa.Table, source: Source, where: str) -> NDArray[Any]:
        """The texts (B,), an object array."""
        texts = np.empty(table.num_rows, dtype=object)
        for row, index in enumerate(table[self.needs].to_pylist()):
            if index is None or index not in self.tasks:
                raise ConversionError(f"{where}: task_index {index} has no text in {self.file}")
            texts[row] = self.tasks[index]
        return texts


@dataclass(frozen=True)
class ImageColumn:
    """Images that stand encoded in the Parquet files, or as files that these name."""

    cells: ImageCells

    @property
    def needs(self) -> str:
        """The Parquet column that it is made from."""
        return self.cells.name

    @property
    def lossy(self) -> str | None:
        """What has changed the images."""
        return self.cells.lossy

    @property
    def space(self) -> AnySpace:
        """One row's value, (H, W, C)."""
        return self.cells.space

    def from_table(self, table: pa.Table, source: Source, where: str) -> NDArray[Any]:
        """The pixels (B, H, W, C)."""
        return self.cells.decoded(table[self.needs], source, where)


@dataclass(frozen=True)
class VideoColumn:
    """A camera whose frames stand in video files."""

    name: str
    shape: tuple[int, int, int]
    format: VideoFormat
    lossy = "video"
    needs = "frame_index"

    @property
    def space(self) -> AnySpace:
        """One row's value, (H, W, C)."""
        return array_space(self.format.dtype, self.shape)


Column = TableColumn | TaskColumn | ImageColumn | VideoColumn


def video_column(feature: Feature, header: VideoHeader | None) -> VideoColumn:
    """The column of a `video` feature.

    Args:
        feature: what the metadata says.
        header: what the first file says, which goes before it; None where it cannot be read.

    Raises:
        ConversionError: the frames are of a kind that has no place in a store.
    """
    height, width, channels = feature.frame_shape
    stored = str(feature.info.get("video.pix_fmt") or feature.info.get("pix_fmt") or "")
    if header is not None:
        height, width, stored = header.height, header.width, header.pixel_format
    if feature.is_depth_map:
        depths = {"gray12le": DEPTH_12, "gray16le": DEPTH_16}
        if stored not in depths:
            raise ConversionError(
                f"the depth map {feature.name} is stored as {stored or 'an unknown pixel format'}; "
                f"{' and '.join(depths)} can be read"
            )
        return VideoColumn(feature.name, (height, width, 1), depths[stored])
    formats = {1: GRAY, 3: RGB}
    if channels not in formats:
        raise ConversionError(
            f"the video feature {feature.name} has {channels} channels; 1 and 3 can be read"
        )
    return VideoColumn(feature.name, (height, width, channels), formats[channels])


def table_column(feature: Feature | None, name: str, type_: pa.DataType) -> TableColumn:
    """The column of a feature that stands in the Parquet files; the file's type goes before the metadata's.

    Raises:
        ConversionError: the Arrow type has no place in a store, or contradicts the metadata's shape.
    """
    column = ArrowColumn.of(name, type_, feature.shape if feature else None)
    if feature is not None and feature.is_vector_of_one and column.dtype is not None and not column.shape:
        column = replace(column, shape=(1,))
    return TableColumn(column)
