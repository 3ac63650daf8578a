"""Batches of different spaces, brought together by the names of their columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np

from unienv_data.base import BatchBase
from unienv_data.base.batch import BatchT
from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path, assembled, leaves, part_of, subspace
from unienv_data.base.traffic import Traffic
from unienv_data.batches.column_names import named_leaves
from unienv_data.errors import PathError, SpaceError
from unienv_data.indexing import RowIndex
from unienv_data.order import Blocks
from unienv_data.selection import Numbering
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space.space import AnySpace, Space
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.space.space_utils.align_utils import align_spaces
from unienv_interface.space.space_utils.default_values import default_value
from unienv_interface.space.spaces import BinarySpace, DictSpace

__all__ = ["COLUMN_VALID_MASK", "AlignedBatch", "align_batches"]

COLUMN_VALID_MASK: Final = "column_valid_mask"
"""Where metadata says, column by column, (B,) booleans, whether a row has it."""


class AlignedBatch(BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Another batch in a space that shares columns with its own, by their names.

    Columns that only the batch has are not read. Those that only the space has are filled with what says
    nothing: zeros (or the bound next to 0), the shortest text, the smallest graph. `metadata`'s
    `"column_valid_mask"` says of each column in `masked` which rows have it, (B,) booleans by the column's
    name, such as `observation/wrist`.

    This is a read-only batch.

    Args:
        batch: what is viewed; it stays open when the view is closed.
        space: of the samples that are shown. A column that both have must hold all values of the batch's.
        metadata_space: of the metadata that is shown, whose columns the batch has; None for none of it.
        masked: names of columns that metadata speaks of, beside those that the batch lacks.

    Attributes:
        batch: as given.

    Raises:
        SpaceError: a column of the space does not hold all values of the batch's; metadata is not there.
        PathError: the space has no column of a name in `masked`.

    Example:
        >>> from unienv_data import CombinedBatch, align_batches
        >>> both = CombinedBatch(align_batches([one_robot, another], "union"))  # doctest: +SKIP
    """

    is_mutable = False

    def __init__(
        self,
        batch: BatchBase[Any, BArrayType, BDeviceType, BDtypeType, BRNGType],
        space: Space[BatchT, BDeviceType, BDtypeType, BRNGType],
        metadata_space: DictSpace[BDeviceType, BDtypeType, BRNGType] | None = None,
        masked: Collection[str] = (),
    ) -> None:
        self._there = _shared_columns(space, batch.single_space)
        names = dict(named_leaves(space))
        self._mask = {
            name: path in self._there
            for name, path in names.items()
            if name in masked or path not in self._there
        }
        if unknown := sorted(set(masked) - names.keys()):
            raise PathError(f"masked: expected columns among {', '.join(names)}, got {', '.join(unknown)}")
        if metadata_space is not None:
            known: Any = batch.single_metadata_space or DictSpace(space.backend, {})
            if len(_shared_columns(metadata_space, known)) < len(dict(leaves(metadata_space))):
                raise SpaceError(f"metadata_space: expected columns of {known}, got {metadata_space}")
        self._known = metadata_space
        super().__init__(space, self._with_mask(space, metadata_space))
        self.batch = batch
        self.keeps_nothing = batch.keeps_nothing
        self.reads_parts = batch.reads_parts

    def _with_mask(self, space: AnySpace, known: Any) -> DictSpace[Any, Any, Any] | None:
        if not self._mask:
            return None if known is None else known
        truth = BinarySpace(space.backend, (), device=space.device)
        mask = DictSpace(space.backend, dict.fromkeys(self._mask, truth))
        return DictSpace(space.backend, {**({} if known is None else known.spaces), COLUMN_VALID_MASK: mask})

    def __len__(self) -> int:
        return self.batch._indexed_length()

    def get_segments(self) -> list[tuple[int, int]] | None:
        """The segments of the batch."""
        return self.batch.get_segments()

    def _segment_descriptions(self) -> Mapping[int, Mapping[str, Any]]:
        return self.batch._segment_descriptions()

    def _read(self, rows: RowIndex) -> tuple[BatchT, dict[str, Any] | None]:
        (value,), metadata = self._read_parts(rows, ((),))
        return value, metadata

    def _read_parts(
        self, rows: RowIndex, paths: Sequence[Path]
    ) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        wanted, read = self._leaves(paths), self._read_of(paths)
        values, metadata = self.batch._read_parts(rows, read)
        found = dict(zip(read, values, strict=True))
        for leaf, space in wanted.items():
            if leaf not in found:
                found[leaf] = default_value(batch_utils.batch_space(space, len(rows)))
        parts = tuple(assembled(subspace(self.single_space, path), found, path) for path in paths)
        return parts, self._metadata(metadata, len(rows))

    def _expect(self, rows: RowIndex, paths: Sequence[Path]) -> Expectation:
        return self.batch._expect(rows, self._read_of(paths))

    def _stream(self, buffer_bytes: int, *, shared: bool = False) -> None:
        self.batch._stream(buffer_bytes, shared=shared)

    def _traffic(self) -> frozenset[Traffic]:
        return self.batch._traffic()

    def _read_of(self, paths: Sequence[Path]) -> list[Path]:
        """What is read of the batch for parts."""
        return [leaf for leaf in self._leaves(paths) if leaf in self._there]

    def _leaves(self, paths: Sequence[Path]) -> dict[Path, AnySpace]:
        """The columns of parts."""
        shown = (leaves(subspace(self.single_space, path), path) for path in paths)
        return {leaf: space for part in shown for leaf, space in part}

    def _metadata(self, metadata: Any, count: int) -> dict[str, Any] | None:
        if self.single_metadata_space is None:
            return None
        known: dict[str, Any] = {}
        if self._known is not None:
            found = {path: part_of(metadata, path) for path, _ in leaves(self._known)}
            known = assembled(self._known, found)
        if self._mask:
            known[COLUMN_VALID_MASK] = {
                name: self.backend.from_numpy(np.full(count, is_there), device=self.device)
                for name, is_there in sorted(self._mask.items())
            }
        return {key: known[key] for key in self.single_metadata_space}

    def _blocks(self, paths: Sequence[Path]) -> Blocks:
        return self.batch._blocks(self._read_of(paths))

    def _numbering(self) -> Numbering:
        return self.batch._numbering()

    def _require_open(self) -> None:
        super()._require_open()
        self.batch._require_open()


def align_batches(
    batches: Sequence[BatchBase[Any, Any, Any, Any, Any]] | Mapping[str, BatchBase[Any, Any, Any, Any, Any]],
    align: str = "strict",
) -> list[BatchBase[Any, Any, Any, Any, Any]]:
    """Batches in one space, so that they can be combined or mixed: columns of one name stand side by side.

    Columns of one name must be alike (kind, data type, shape); bounds and lengths become those of all. Where
    a batch has that space already, it is given as it is, else as an `AlignedBatch`.

    Args:
        batches: one or more, of one backend and device; by name, errors use the names.
        align: "strict": all must have the same columns, also of metadata. "intersect": only the columns that
            all have are shown. "union": those that any has; where a row's batch lacks one, it is filled, and
            `metadata["column_valid_mask"]` says so. The latter two show such metadata as all have.

    Raises:
        ValueError: `align` is none of these.
        SpaceError: the batches differ, with every difference; or they have no column in common.
    """
    named = dict(batches.items() if isinstance(batches, Mapping) else _numbered(batches))
    space = align_spaces({name: batch.single_space for name, batch in named.items()}, align)
    empty = DictSpace[Any, Any, Any](space.backend, {}, device=space.device)
    known = {f"metadata of {name}": batch.single_metadata_space or empty for name, batch in named.items()}
    metadata_space: Any = None
    if align == "strict" or set.intersection(*(set(part.keys()) for part in known.values())):
        metadata_space = align_spaces(known, "strict" if align == "strict" else "intersect")
        metadata_space = metadata_space if len(metadata_space) else None
    names = {path: name for name, path in named_leaves(space)}
    lacking = {
        names[path]
        for batch in named.values()
        for path in names.keys() - dict(leaves(batch.single_space)).keys()
    }
    return [
        batch
        if (batch.single_space, batch.single_metadata_space) == (space, metadata_space) and not lacking
        else AlignedBatch(batch, space, metadata_space, lacking)
        for batch in named.values()
    ]


def _numbered(batches: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(f"batches[{position}]", batch) for position, batch in enumerate(batches)]


def _shared_columns(space: AnySpace, other: AnySpace) -> frozenset[Path]:
    """The columns of `space` that `other` has too.

    Raises:
        SpaceError: one does not hold all values of the other's.
    """
    joined = align_spaces({"space": space, "batch": other}, "union")
    theirs = {path for path, _ in leaves(other)}
    shared = {path: part for path, part in leaves(space) if path in theirs}
    for path, part in shared.items():
        least = subspace(joined, path)
        if least != part:
            name = "/".join(map(str, path)) or "space"
            raise SpaceError(f"{name}: expected what holds the batch's values, as {least}, got {part}")
    return frozenset(shared)
