"""The values of a batch after a transformation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from unienv_data.base import BatchBase
from unienv_data.base.batch import BatchT
from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path
from unienv_data.base.traffic import Traffic
from unienv_data.errors import SpaceError, SpaceValueError
from unienv_data.indexing import RowIndex
from unienv_data.order import Blocks
from unienv_data.selection import Numbering
from unienv_interface.backends import ArrayAPIArray, BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.space.spaces import DictSpace
from unienv_interface.transformations import DataTransformation

__all__ = ["TransformedBatch"]

SourceDataT = TypeVar("SourceDataT")
SourceBArrT = TypeVar("SourceBArrT", bound=ArrayAPIArray)
SourceBDeviceT = TypeVar("SourceBDeviceT")
SourceBDTypeT = TypeVar("SourceBDTypeT")
SourceBDRNGT = TypeVar("SourceBDRNGT")


class TransformedBatch(BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Another batch whose samples, and their metadata, go through transformations as they are read.

    It can be changed where the batch can and something leads back: values go through the inverse.

    Args:
        batch: what is viewed; it stays open when the view is closed.
        transformation: what samples go through.
        metadata_transformation: what metadata goes through, where the batch has any.

    Attributes:
        batch: as given.
        transformation: as given.
        metadata_transformation: as given; None where the batch has no metadata.

    Raises:
        SpaceError: a transformation does not apply to the batch's samples, or makes something else than a
            dictionary of its metadata.
    """

    def __init__(
        self,
        batch: BatchBase[SourceDataT, SourceBArrT, SourceBDeviceT, SourceBDTypeT, SourceBDRNGT],
        transformation: DataTransformation,
        metadata_transformation: DataTransformation | None = None,
    ) -> None:
        metadata_space: Any = batch.single_metadata_space
        if metadata_space is None:
            metadata_transformation = None
        if metadata_transformation is not None:
            metadata_space = metadata_transformation.get_target_space_from_source(metadata_space)
            if not isinstance(metadata_space, DictSpace):
                found = type(metadata_space).__name__
                raise SpaceError(f"metadata_transformation: expected a dictionary of it, got a {found}")
        super().__init__(transformation.get_target_space_from_source(batch.single_space), metadata_space)
        self.batch = batch
        self.transformation = transformation
        self.metadata_transformation = metadata_transformation
        self._inverse = (
            transformation.direction_inverse(batch.single_space) if transformation.has_inverse else None
        )
        self.is_mutable = batch.is_mutable and self._inverse is not None

    def __len__(self) -> int:
        return self.batch._indexed_length()

    def get_segments(self) -> list[tuple[int, int]] | None:
        """The segments of the batch."""
        return self.batch.get_segments()

    def _read(self, rows: RowIndex) -> tuple[BatchT, dict[str, Any] | None]:
        (source,), metadata = self.batch._read_parts(rows, ((),))
        value = self.transformation.transform(self.batch._batched_space, source)
        if metadata is not None and self.metadata_transformation is not None:
            known: Any = self.batch._batched_metadata_space
            metadata = self.metadata_transformation.transform(known, metadata)
        return value, metadata

    def _expect(self, rows: RowIndex, paths: Sequence[Path]) -> Expectation:
        return self.batch._expect(rows, ((),))  # whatever is asked for, samples are transformed as a whole

    def _stream(self, buffer_bytes: int, *, shared: bool = False) -> None:
        self.batch._stream(buffer_bytes, shared=shared)

    def _write(self, rows: RowIndex, value: BatchT) -> None:
        index: Any = rows
        self.batch.set_at(index, self._led_back(value, len(rows)))

    def _extend(self, value: BatchT) -> None:
        count = batch_utils.batch_size_data(value)
        if count is None:
            raise SpaceValueError("", "a batch of rows", type(value).__name__)
        self.batch.extend(self._led_back(value, count))

    def _remove(self, rows: RowIndex) -> None:
        index: Any = rows
        self.batch.remove_at(index)

    def append(self, value: BatchT) -> None:
        self._require_mutable("appended to")
        self._require_open()
        led_back = self._led_back(self._batch_of_one(value), 1)
        self.batch.append(batch_utils.get_at(self.batch.single_space, led_back, 0))

    def _led_back(self, value: BatchT, count: int) -> Any:
        """The samples of the batch beneath that `count` values come from."""
        if self._inverse is None:
            raise SpaceError(f"{type(self.transformation).__name__} has no inverse for these samples")
        fitting = batch_utils.batch_space(self.single_space, count).coerce(value)
        return self._inverse.transform(self._batched_space, fitting)

    def _traffic(self) -> frozenset[Traffic]:
        return self.batch._traffic()

    def _blocks(self, paths: Sequence[Path]) -> Blocks:
        return self.batch._blocks(((),))  # whatever is asked for, samples are transformed as a whole

    def _numbering(self) -> Numbering:
        return self.batch._numbering()

    def _require_open(self) -> None:
        super()._require_open()
        self.batch._require_open()
