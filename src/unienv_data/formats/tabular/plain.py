"""Columns of numbers and texts: all that most foreign formats can hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Facts, SourceColumn
from unienv_data.formats.naming import Path, dotted_name, path_name
from unienv_interface.space import BinarySpace, BoxSpace, TextSpace

__all__ = ["PlainColumn", "episode_rows", "fixed_width", "plain_columns", "strict_json"]

SMALLEST_FRAME = 8
"""Pixels on a side: what is smaller is no picture."""


@dataclass(frozen=True)
class PlainColumn:
    """A column of numbers of one dtype and shape, or of texts.

    Args:
        source: what the source calls it.
        path: where it stands in a nested row.
        dtype: of the numbers; None for texts.
        shape: of a row; `()` for texts.
        column: all that is known of it.
    """

    source: str
    path: Path
    dtype: np.dtype[Any] | None
    shape: tuple[int, ...]
    column: SourceColumn

    @property
    def name(self) -> str:
        """Its path as one name, with dots."""
        return dotted_name(self.path)

    @property
    def row_bytes(self) -> int:
        """What a row weighs in memory."""
        return 64 if self.dtype is None else int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def is_frame(self) -> bool:
        """Whether its rows are pictures: uint8 (H, W, 1 or 3)."""
        return (
            self.dtype == np.uint8
            and len(self.shape) == 3
            and self.shape[2] in (1, 3)
            and min(self.shape[:2]) >= SMALLEST_FRAME
        )

    def checked(self, values: Any, rows: int) -> NDArray[Any]:
        """A chunk's values (B, *shape), as promised.

        Raises:
            ConversionError: they are others than the facts say.
        """
        array = np.asarray(values)
        fits = array.dtype.kind == "O" if self.dtype is None else array.dtype == self.dtype
        if array.shape != (rows, *self.shape) or not fits:
            raise ConversionError(
                f"the column {path_name(self.path)} came as {array.dtype} {list(array.shape)}, where "
                f"{self.dtype or 'text'} {[rows, *self.shape]} was promised"
            )
        return array


def plain_columns(facts: Facts, title: str, *, texts: bool = True) -> list[PlainColumn]:
    """The columns, all of which are plain.

    Args:
        facts: of what will be written.
        title: what people call the format that is to hold them.
        texts: whether it can hold texts.

    Raises:
        ConversionError: every column that is not, or that the format has no name for.
    """
    found: list[PlainColumn] = []
    problems: list[tuple[SourceColumn, str]] = []
    for column in facts.columns:
        space = column.space
        if isinstance(space, TextSpace):
            if not texts:
                problems.append((column, "holds texts"))
            found.append(PlainColumn(column.name, column.path, None, (), column))
        elif isinstance(space, (BoxSpace, BinarySpace)):
            dtype, shape = np.dtype(space.dtype), tuple(int(size) for size in space.shape)
            found.append(PlainColumn(column.name, column.path, dtype, shape, column))
        else:
            problems.append((column, f"is a {type(space).__name__}"))
        if not column.path:
            problems.append((column, "has no name, as the only leaf of its row"))
    if problems:
        told = "; ".join(f"{path_name(column.path) or column.name} {why}" for column, why in problems)
        leave_out = " ".join(f"--exclude '{path_name(column.path) or column.name}'" for column, _ in problems)
        raise ConversionError(
            f"{title} cannot hold {len(problems)} of the columns: {told}. To convert the rest, leave them "
            f"out: {leave_out}"
        )
    _refuse_shared(found, title)
    return found


def _refuse_shared(columns: Iterable[PlainColumn], title: str) -> None:
    names: dict[str, PlainColumn] = {}
    for column in columns:
        other = names.setdefault(column.name, column)
        if other is not column:
            raise ConversionError(
                f"{title} would call two columns {column.name}: {path_name(other.path)!r} and "
                f"{path_name(column.path)!r}; rename or leave out one of them"
            )


def episode_rows(facts: Facts) -> list[dict[str, Any]]:
    """What is said of each episode beside its length and the source's name for it."""
    known = [name for name in facts.episodes.column_names if name not in ("length", "source_episode")]
    rows: list[dict[str, Any]] = facts.episodes.select(known).to_pylist()
    return rows or [{} for _ in facts.lengths]


def fixed_width(texts: Sequence[str] | NDArray[Any], name: str, title: str) -> NDArray[np.str_]:
    """Texts as NumPy keeps them without pickling, all of one width.

    Args:
        texts: of a column.
        name: what it is called, for messages.
        title: what people call the format.

    Raises:
        ConversionError: one ends in a NUL character, which is what NumPy fills up with.
    """
    if any(text.endswith("\0") for text in texts):
        raise ConversionError(
            f"{title}: a text of the column {name} ends in a NUL character, which NumPy's fixed widths lose; "
            f"leave it out: --exclude '{name}'"
        )
    return np.array(texts, dtype=np.str_)


def strict_json(document: Any) -> str:
    """A document as strict JSON; what JSON has no form for (times, bytes) as text, numbers that are none as
    the strings NaN and Infinity."""
    return json.dumps(_strict(document), ensure_ascii=False, allow_nan=False)


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _strict(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
