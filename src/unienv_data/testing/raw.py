"""Sealed datasets as plain zarr-python sees them, past everything that wrote them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import ColumnNode, columns_of
from unienv_data.testing.spaces import AnySpace
from unienv_interface.space import DictSpace, TextSpace, TupleSpace

__all__ = ["raw_columns", "raw_rows"]


def raw_columns(url: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    """Every array of the dataset at `url`, by its path within the group of columns.

    Args:
        url: a folder or any fsspec URL.
    """
    import zarr
    from fsspec.core import url_to_fs
    from zarr.core.buffer import default_buffer_prototype
    from zarr.storage import MemoryStore

    fs, root = url_to_fs(str(url))
    root = root.rstrip("/")
    objects = {name.removeprefix(root).lstrip("/"): fs.cat_file(name) for name in fs.find(root)}
    newest = max(name for name in objects if name.startswith("storage/commits/"))
    group = f"storage/{json.loads(objects[newest])['group']}/"
    to_buffer = default_buffer_prototype().buffer.from_bytes
    inside = {
        name.removeprefix(group): to_buffer(data) for name, data in objects.items() if name.startswith(group)
    }
    opened = zarr.open_group(store=MemoryStore(store_dict=inside), mode="r")
    found: dict[str, NDArray[Any]] = {}
    for name, member in opened.members(max_depth=None):
        if isinstance(member, zarr.Array):
            found[name] = np.asarray(member[...])
    return found


def raw_rows(space: AnySpace, columns: Mapping[str, NDArray[Any]], count: int) -> list[Any]:
    """The rows of `space` that stand in the columns; only names are asked of the code under test.

    Args:
        space: of one row.
        columns: from `raw_columns`.
        count: how many rows there are.
    """
    node = columns_of(space)
    return [_row(space, node, columns, row) for row in range(count)]


def _row(space: AnySpace, node: ColumnNode, columns: Mapping[str, NDArray[Any]], row: int) -> Any:
    if isinstance(space, DictSpace):
        return {key: _row(part, node.child(key), columns, row) for key, part in space.spaces.items()}
    if isinstance(space, TupleSpace):
        return tuple(_row(part, node.child(i), columns, row) for i, part in enumerate(space.spaces))
    if isinstance(space, TextSpace):
        start, length = columns[f"{node.name}/index"][row].tolist()
        packed = columns[f"{node.name}/values"][start : start + length].tobytes()
        return packed.decode("utf-8", "surrogatepass")
    return space.backend.from_numpy(columns[node.name][row], dtype=space.dtype)
