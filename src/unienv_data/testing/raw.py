"""Sealed datasets as plain zarr-python sees them, past everything that wrote them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import ColumnNode, columns_of
from unienv_data.testing.factories import AnySpace
from unienv_interface.space import (
    BatchedSpace,
    DictSpace,
    GraphInstance,
    GraphSpace,
    TextSpace,
    TupleSpace,
    UnionSpace,
)

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
    if isinstance(space, UnionSpace):
        tag = int(columns[_join(node.name, "tag")][row])
        return tag, _row(space.spaces[tag], node.child(tag), columns, row)
    if isinstance(space, BatchedSpace):
        return _batched_row(space, node, columns, row)
    if isinstance(space, GraphSpace):
        return _graph_row(space, node.name, columns, row)
    if isinstance(space, TextSpace):
        return _ragged(columns, node.name, row).tobytes().decode("utf-8", "surrogatepass")
    found = _ragged(columns, node.name, row) if node.name not in columns else columns[node.name][row]
    return space.backend.from_numpy(np.array(found), dtype=space.dtype)


def _ragged(columns: Mapping[str, NDArray[Any]], name: str, row: int) -> NDArray[Any]:
    start, *shape = columns[f"{name}/index"][row].tolist()
    return columns[f"{name}/values"][start : start + math.prod(shape)].reshape(shape)


def _batched_row(
    space: BatchedSpace[Any, Any, Any], node: ColumnNode, columns: Mapping[str, NDArray[Any]], row: int
) -> NDArray[Any]:
    """The columns of the elements of one row, then its elements."""
    single, count = columns_of(space.single_space, node.name), math.prod(space.batch_shape)
    elements: dict[str, NDArray[Any]] = {}
    for spec in single.specs:
        if spec.ragged_axes is None:
            elements[spec.name] = columns[spec.name][row].reshape(count, *spec.shape)
            continue
        shapes = columns[f"{spec.name}/shapes"][row]
        sizes = shapes.prod(axis=1)
        starts = np.cumsum(sizes) - sizes
        elements[f"{spec.name}/index"] = np.concatenate([starts[:, None], shapes], axis=1)
        elements[f"{spec.name}/values"] = _ragged(columns, spec.name, row)
    found = np.empty(count, dtype=object)
    for i in range(count):
        found[i] = _row(space.single_space, single, elements, i)
    return found.reshape(space.batch_shape)


def _graph_row(
    space: GraphSpace[Any, Any, Any, Any], name: str, columns: Mapping[str, NDArray[Any]], row: int
) -> GraphInstance[Any]:
    """Graphs of a row, each padded with zeros to the largest of them."""
    b, integer = space.backend, space.backend.default_integer_dtype
    counts = {"n_nodes": columns[_join(name, "n_nodes")][row]}
    parts = {"nodes_features": ("n_nodes", space.node_feature_space)}
    if space.is_edge:
        counts["n_edges"] = columns[_join(name, "n_edges")][row]
        parts |= {"edges": ("n_edges", None), "edges_features": ("n_edges", space.edge_feature_space)}
    found = {part: b.from_numpy(np.array(number), dtype=integer) for part, number in counts.items()}
    for part, (counted, element) in parts.items():
        if part != "edges" and element is None:
            continue
        flat, number = _ragged(columns, _join(name, part), row), counts[counted].reshape(-1)
        padded = np.zeros((len(number), int(number.max(initial=0)), *flat.shape[1:]), dtype=flat.dtype)
        ends = np.cumsum(number)
        for i, end in enumerate(ends.tolist()):
            padded[i, : number[i]] = flat[end - number[i] : end]
        dtype = integer if element is None else element.dtype
        found[part] = b.from_numpy(padded.reshape(*space.batch_shape, *padded.shape[1:]), dtype=dtype)
    return GraphInstance(**found)


def _join(name: str, part: str) -> str:
    return f"{name}/{part}" if name else part
