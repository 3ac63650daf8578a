"""The values of a batch on another backend or device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from unienv_data.base import BatchBase
from unienv_data.base.batch import BatchT
from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path, subspace
from unienv_data.base.traffic import Traffic
from unienv_data.errors import SpaceValueError
from unienv_data.indexing import RowIndex
from unienv_data.order import Blocks
from unienv_data.selection import Numbering
from unienv_interface.backends import (
    ArrayAPIArray,
    BArrayType,
    BDeviceType,
    BDtypeType,
    BRNGType,
    ComputeBackend,
)
from unienv_interface.space.space_utils import batch_utils

__all__ = ["ToBackendOrDeviceBatch"]

WrapperBatchT = TypeVar("WrapperBatchT")
WrapperBArrayT = TypeVar("WrapperBArrayT", bound=ArrayAPIArray)
WrapperBDeviceT = TypeVar("WrapperBDeviceT")
WrapperBDtypeT = TypeVar("WrapperBDtypeT")
WrapperBRngT = TypeVar("WrapperBRngT")


class ToBackendOrDeviceBatch(
    BatchBase[WrapperBatchT, WrapperBArrayT, WrapperBDeviceT, WrapperBDtypeT, WrapperBRngT],
    Generic[
        WrapperBatchT,
        WrapperBArrayT,
        WrapperBDeviceT,
        WrapperBDtypeT,
        WrapperBRngT,
        BatchT,
        BArrayType,
        BDeviceType,
        BDtypeType,
        BRNGType,
    ],
):
    """Another batch with its values, and metadata, on another backend or device.

    It can be changed wherever the batch can: values are moved back.

    Args:
        batch: what is viewed; it stays open when the view is closed.
        backend: what arrays are made by; None leaves the batch's.
        device: where they are made; None leaves the batch's, or, on another backend, leaves it to that one.

    Attributes:
        batch: as given.

    Raises:
        SpaceError: the backend has no such device, or lacks a data type.
    """

    def __init__(
        self,
        batch: BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        backend: ComputeBackend[WrapperBArrayT, WrapperBDeviceT, WrapperBDtypeT, WrapperBRngT] | None = None,
        device: WrapperBDeviceT | None = None,
    ) -> None:
        space: Any = batch.single_space.to(backend, device)
        metadata_space: Any = batch.single_metadata_space
        if metadata_space is not None:
            metadata_space = metadata_space.to(backend, device)
        super().__init__(space, metadata_space)
        self.batch = batch
        self.is_mutable = batch.is_mutable
        self.keeps_nothing = batch.keeps_nothing
        self.reads_parts = batch.reads_parts

    def __len__(self) -> int:
        return self.batch._indexed_length()

    def get_segments(self) -> list[tuple[int, int]] | None:
        """The segments of the batch."""
        return self.batch.get_segments()

    def _read(self, rows: RowIndex) -> tuple[WrapperBatchT, dict[str, Any] | None]:
        (value,), metadata = self._read_parts(rows, ((),))
        return value, metadata

    def _read_parts(
        self, rows: RowIndex, paths: Sequence[Path]
    ) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        values, metadata = self.batch._read_parts(rows, paths)
        moved = tuple(
            self._moved(subspace(self.batch._batched_space, path), value)
            for path, value in zip(paths, values, strict=True)
        )
        return moved, self._moved_metadata(metadata)

    def _read_flattened(self, rows: RowIndex) -> tuple[WrapperBArrayT, dict[str, Any] | None]:
        # Flattened where the data is: one array to move, and values are looked at without a transfer back.
        flat, metadata = self.batch._read_flattened(rows)
        moved: Any = self.backend.from_other_backend(self.batch.backend, flat)
        if self.device is not None:
            moved = self.backend.to_device(moved, self.device)
        return moved, self._moved_metadata(metadata)

    def _expect(self, rows: RowIndex, paths: Sequence[Path]) -> Expectation:
        return self.batch._expect(rows, paths)

    def _stream(self, buffer_bytes: int, *, shared: bool = False) -> None:
        self.batch._stream(buffer_bytes, shared=shared)

    def _moved(self, space: Any, value: Any) -> Any:
        return space.data_to(value, backend=self.backend, device=self.device)

    def _moved_metadata(self, metadata: dict[str, Any] | None) -> dict[str, Any] | None:
        if metadata is None:
            return None
        moved: dict[str, Any] = self._moved(self.batch._batched_metadata_space, metadata)
        return moved

    def _write(self, rows: RowIndex, value: WrapperBatchT) -> None:
        index: Any = rows
        self.batch.set_at(index, self._moved_back(value, len(rows)))

    def _extend(self, value: WrapperBatchT) -> None:
        count = batch_utils.batch_size_data(value)
        if count is None:
            raise SpaceValueError("", "a batch of rows", type(value).__name__)
        self.batch.extend(self._moved_back(value, count))

    def _remove(self, rows: RowIndex) -> None:
        index: Any = rows
        self.batch.remove_at(index)

    def append(self, value: WrapperBatchT) -> None:
        self._require_mutable("appended to")
        self._require_open()
        space = self.single_space
        moved: Any = space.data_to(space.coerce(value), backend=self.batch.backend, device=self.batch.device)
        self.batch.append(moved)

    def _moved_back(self, value: WrapperBatchT, count: int) -> BatchT:
        space = batch_utils.batch_space(self.single_space, count)
        back: BatchT = space.data_to(
            space.coerce(value), backend=self.batch.backend, device=self.batch.device
        )
        return back

    def _traffic(self) -> frozenset[Traffic]:
        return self.batch._traffic()

    def _blocks(self, paths: Sequence[Path]) -> Blocks:
        return self.batch._blocks(paths)

    def _numbering(self) -> Numbering:
        return self.batch._numbering()

    def _require_open(self) -> None:
        super()._require_open()
        self.batch._require_open()
