"""What is said of episodes, as Arrow columns whose types widen as far as no value changes. Pure functions."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unienv_data.errors import SpaceValueError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "RESERVED",
    "EpisodeColumns",
    "conformed",
    "joined",
    "table_schema",
    "to_parquet",
    "typed_values",
    "user_columns",
    "widened",
]

RESERVED = ("start", "length")
"""Columns that every episode table has."""


@dataclass(frozen=True)
class EpisodeColumns:
    """What is said of one episode, checked against the table that it goes into.

    Attributes:
        values: by column.
        schema: the user's columns of that table with this episode in it; None where it brings no values.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    schema: pa.Schema | None = None


def typed_values(columns: Mapping[Any, Any]) -> dict[str, pa.Array[Any]]:
    """Each value as an Arrow array of one element.

    Raises:
        SpaceValueError: a column has a reserved name, or a value that Arrow cannot hold.
    """
    import pyarrow as pa

    arrays = {}
    for name, value in columns.items():
        path = f"episode/{name}"
        if not isinstance(name, str) or name in RESERVED:
            raise SpaceValueError(path, f"a name other than {' and '.join(RESERVED)}", repr(name))
        try:
            pa.field(name, pa.null())  # a name is UTF-8 too
            arrays[name] = pa.array([value])
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as exc:
            raise SpaceValueError(path, "a value that Arrow can hold", f"{value!r} ({exc})") from exc
    return arrays


def widened(schema: pa.Schema, arrays: Mapping[str, pa.Array[Any]]) -> pa.Schema:
    """The user's columns once `arrays` are among them.

    Raises:
        SpaceValueError: a value does not go with those of its column, or cannot be written to Parquet.
    """
    import pyarrow as pa

    for name, array in arrays.items():
        index = schema.get_field_index(name)
        new = pa.field(name, array.type)
        if index < 0:
            schema = schema.append(_writable(new))
            continue
        old = schema.field(index)
        if old.type == array.type:
            continue
        try:
            both = pa.unify_schemas([pa.schema([old]), pa.schema([new])], promote_options="permissive").field(
                0
            )
            if pa.types.is_binary(both.type) and not _is_binary_or_null(old.type, array.type):
                raise pa.ArrowTypeError("texts are not bytes")
            array.cast(both.type)
        except pa.ArrowException as exc:
            raise SpaceValueError(
                f"episode/{name}",
                f"a value that goes with the column's {old.type}",
                f"{array[0].as_py()!r}, {array.type} ({exc})",
            ) from exc
        if both.type != old.type:
            schema = schema.set(index, _writable(both))
    return schema


def table_schema(schema: pa.Schema) -> pa.Schema:
    """Every column of an episode table with the user's columns of `schema`."""
    import pyarrow as pa

    return pa.schema([*(pa.field(name, pa.int64()) for name in RESERVED), *schema])


def user_columns(tables: Sequence[pa.Table]) -> pa.Schema:
    """The user's columns of episode tables, of each name the first."""
    import pyarrow as pa

    found: dict[str, pa.Field[Any]] = {}
    for table in tables:
        for column in table.schema:
            if column.name not in RESERVED:
                found.setdefault(column.name, column.remove_metadata())
    return pa.schema(list(found.values()))


def conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """An episode table with the user's columns of `schema`, null where it has none.

    Raises:
        pa.ArrowInvalid: a value would change.
    """
    import pyarrow as pa

    full = table_schema(schema)
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in full
    ]
    return pa.Table.from_arrays(columns, schema=full)


def joined(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Episode tables one after another, with the user's columns of `schema`."""
    import pyarrow as pa

    empty = table_schema(schema).empty_table()
    return pa.concat_tables([conformed(table, schema) for table in tables] or [empty])


def to_parquet(table: pa.Table) -> bytes:
    """The table as a Parquet file."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _is_binary_or_null(*types: pa.DataType) -> bool:
    import pyarrow as pa

    return all(pa.types.is_binary(kind) or pa.types.is_null(kind) for kind in types)


def _writable(column: pa.Field[Any]) -> pa.Field[Any]:
    """The column, if Parquet can hold it."""
    import pyarrow as pa

    try:
        to_parquet(pa.schema([column]).empty_table())
    except (pa.ArrowException, ValueError) as exc:
        raise SpaceValueError(f"episode/{column.name}", "a type that Parquet can hold", str(exc)) from exc
    return column
