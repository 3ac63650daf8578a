"""What a view selects of what it views: rows, a column, steps around each row. Frozen, pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import IndexOutOfRangeError
from unienv_data.indexing import RowIndex, row_array
from unienv_data.selection.numbering import Numbering
from unienv_data.selection.offsets import Offsets
from unienv_data.selection.rowmaps import RowMap, SpanMap, row_map

__all__ = ["Selection"]


@dataclass(frozen=True, eq=False)
class Selection:
    """What a view shows. Views of views are one selection too: it composes.

    Attributes:
        rows: which rows; None for all that there are, as they come and go.
        anchor: how these were numbered when they were chosen.
        column: the path of the part of every sample that is shown; empty for all of it.
        offsets: the steps around each row; None for the row alone.
        is_complete: show only rows whose windows lie within the data, of those that `rows` names.
    """

    rows: RowMap | None = None
    anchor: Any = None
    column: tuple[Hashable, ...] = ()
    offsets: Offsets | None = None
    is_complete: bool = False

    def with_rows(self, positions: RowIndex, numbering: Numbering) -> Selection:
        """What is left when only some positions of the view are shown, which are fixed from now on.

        Args:
            positions: which.
            numbering: the rows of what is viewed.
        """
        if self.rows is not None:
            return replace(self, rows=self.rows.composed(positions))
        return replace(self, rows=row_map(positions), anchor=numbering.anchor)

    def with_spans(self, spans: NDArray[np.int64], numbering: Numbering) -> Selection:
        """As `with_rows`, of (K, 2) half-open, ascending ranges of positions, each within a run."""
        if self.rows is not None:
            return replace(self, rows=self.rows.kept(spans))
        chosen = SpanMap.of(spans[:, 0], spans[:, 1] - spans[:, 0])
        return replace(self, rows=chosen, anchor=numbering.anchor)

    def with_column(self, path: tuple[Hashable, ...]) -> Selection:
        """What is left when only a part of the part is shown."""
        return replace(self, column=(*self.column, *path))

    def locate(self, positions: RowIndex, numbering: Numbering) -> RowIndex:
        """The rows at positions of the view.

        Args:
            positions: within the view.
            numbering: the rows of what is viewed.

        Raises:
            IndexOutOfRangeError: a row is no longer there.
        """
        if self.rows is None:
            return positions
        rows = numbering.moved(self.rows.at(positions), self.anchor)
        if isinstance(rows, range) or not len(rows) or int(rows.min()) >= 0:
            return rows
        gone = int(row_array(positions)[rows < 0][0])
        raise IndexOutOfRangeError(
            f"row {gone} of the view is gone: it has been overwritten or removed since the view was made"
        )
