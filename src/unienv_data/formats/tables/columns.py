"""The columns of a table: numbers, lists of numbers, texts and images; those of structs taken apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import ConversionError
from unienv_data.formats.base import EncodedForm
from unienv_data.formats.media.image_cells import ImageCells, image_cells, is_image_type
from unienv_data.formats.naming import Path, dotted_name
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.arrow import ArrowColumn
from unienv_interface.space.space import AnySpace

__all__ = ["TableColumn", "leaf_fields", "table_column"]


@dataclass(frozen=True)
class TableColumn:
    """One column.

    Args:
        place: the outermost column, and the fields of structs within it.
        values: how its cells are read.
        time: the type of times and durations, which are read as the whole numbers that stand for them.
    """

    place: Path
    values: ArrowColumn | ImageCells
    time: pa.DataType | None = None

    @property
    def name(self) -> str:
        """The fields with dots between them."""
        return dotted_name(self.place)

    @property
    def space(self) -> AnySpace:
        """One row's value."""
        return self.values.space

    @property
    def attributes(self) -> dict[str, Any]:
        """What the store keeps about it: what its numbers mean, where they are times."""
        return {} if self.time is None else {"arrow_type": str(self.time)}

    @property
    def lossy(self) -> str | None:
        """What has changed the values."""
        return self.values.lossy if isinstance(self.values, ImageCells) else None

    @property
    def encoded(self) -> EncodedForm | None:
        """How they can be stored as they are."""
        return self.values.encoded if isinstance(self.values, ImageCells) else None

    def read(
        self, table: pa.Table, source: Source, where: str, *, as_encoded: bool, nulls_are_nan: bool = False
    ) -> NDArray[Any] | EncodedRows:
        """The values of a table's rows (B, *D).

        Args:
            table: the rows.
            source: where image files that are only named lie.
            where: the rows' address, for messages.
            as_encoded: whether images are wanted as they are.
            nulls_are_nan: whether floats that are missing become NaN; pandas writes NaN as missing.

        Raises:
            ConversionError: they are others than the first row's.
            MissingDependencyError: imagecodecs is not installed.
        """
        cells = _cells(table, self.place)
        if isinstance(self.values, ArrowColumn):
            if self.time is not None:
                cells = cells.cast(self.time).cast(_whole_number(self.time))
            if cells.null_count and pa.types.is_floating(cells.type):
                if not nulls_are_nan:
                    row = int(pc.index(cells.is_null(), True).as_py())
                    raise ConversionError(
                        f"{where}: the column {self.name} has no value (null) in row {row}; if that stands "
                        f"for NaN, as pandas writes it, say so: --option nulls=nan"
                    )
                nan: Any = float("nan")
                cells = pc.fill_null(cells, nan)
            return self.values.to_numpy(cells, where)
        read = self.values.kept if as_encoded else self.values.decoded
        return read(cells, source, where)


def leaf_fields(schema: pa.Schema) -> Iterator[tuple[Path, pa.Field[Any]]]:
    """Every column, those of structs by the way to them; images are none."""
    for field in schema:
        yield from _leaves(field, (field.name,))


def _leaves(field: pa.Field[Any], place: Path) -> Iterator[tuple[Path, pa.Field[Any]]]:
    if not pa.types.is_struct(field.type) or is_image_type(field.type):
        yield place, field
        return
    for number in range(field.type.num_fields):
        inner = field.type.field(number)
        yield from _leaves(inner, (*place, inner.name))


def table_column(place: Path, field: pa.Field[Any], first: pa.Table, source: Source) -> TableColumn:
    """The column of a field.

    Args:
        place: where it stands.
        field: its type, and what is said of it.
        first: the first row, from which lists whose lengths are nowhere said have theirs, or no row.
        source: where image files that are only named lie.

    Raises:
        ConversionError: the type has no place in a store.
        MissingDependencyError: there are images, and imagecodecs is not installed.
    """
    cells = _cells(first, place)
    if is_image_type(field.type):
        return TableColumn(place, image_cells(dotted_name(place), cells, source))
    if pa.types.is_temporal(field.type) and not pa.types.is_interval(field.type):
        numbers = ArrowColumn.of(dotted_name(place), _whole_number(field.type), None)
        return TableColumn(place, numbers, field.type)
    shape = _declared_shape(field)
    if shape is None and len(cells) and _is_open_list(field.type):
        shape = _shape_of(cells[0].as_py())
    return TableColumn(place, ArrowColumn.of(dotted_name(place), field.type, shape))


def _cells(table: pa.Table, place: Path) -> pa.ChunkedArray[Any]:
    cells = table[place[0]]
    for key in place[1:]:
        cells = pc.struct_field(cells, key)
    return cells


def _whole_number(time: pa.DataType) -> pa.DataType:
    """What stands for a time on disk."""
    return pa.int32() if time.bit_width == 32 else pa.int64()


def _declared_shape(field: pa.Field[Any]) -> tuple[int, ...] | None:
    """What Hugging Face's Array2D ... Array5D say of themselves."""
    said = (field.metadata or {}).get(b"ARROW:extension:metadata")
    try:
        shape, _ = json.loads(said) if said else (None, None)
        return None if shape is None else tuple(int(size) for size in shape)
    except (ValueError, TypeError):
        return None


def _is_open_list(type_: pa.DataType) -> bool:
    while pa.types.is_fixed_size_list(type_):
        type_ = type_.value_type
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_))


def _shape_of(value: Any) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)
