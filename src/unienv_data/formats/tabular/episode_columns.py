"""What a source says of each episode, as columns of the episode table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

__all__ = ["episode_table"]

_OWN = ("length", "source_episode")


def episode_table(
    lengths: Sequence[int], names: Sequence[int] | Sequence[str], about: Sequence[Mapping[str, Any]]
) -> pa.Table:
    """The episode table: `length`, `source_episode`, and a column for each key of what is known.

    Numbers, texts, booleans and lists of one of these keep their type; everything else becomes JSON. Keys
    that have no value anywhere are left out; those named like the table's own columns get `source_` before
    them.

    Args:
        lengths: rows of each episode.
        names: what the source calls each.
        about: what else it says of each, strict JSON.

    Example:
        >>> table = episode_table([3, 4], ["a", "b"], [{"seed": 1}, {"seed": 2, "info": {"x": None}}])
        >>> table.to_pylist()[1]
        {'length': 4, 'source_episode': 'b', 'info': '{"x": null}', 'seed': 2}
    """
    columns: dict[str, pa.Array[Any]] = {
        "length": pa.array(lengths, pa.int64()),
        "source_episode": pa.array(names, pa.int64() if _are(names, int) else pa.string()),
    }
    for key in sorted({key for each in about for key in each}):
        name = key
        while name in columns or name in _OWN:
            name = f"source_{name}"
        values = [each.get(key) for each in about]
        if any(value is not None for value in values):
            columns[name] = _array(values)
    return pa.table(columns)


def _are(values: Sequence[Any], kind: type) -> bool:
    return all(type(value) is kind for value in values)


def _array(values: Sequence[Any]) -> pa.Array[Any]:
    known = [value for value in values if value is not None]
    for kind, arrow in _KINDS:
        if all(type(value) in kind for value in known):
            try:
                return pa.array([_cast(value, arrow) for value in values], arrow)
            except (OverflowError, pa.ArrowException):
                break
    if all(isinstance(value, list) for value in known):
        for kind, arrow in _KINDS:
            if all(type(each) in kind for value in known for each in value):
                try:
                    return pa.array(values, pa.list_(arrow))
                except (OverflowError, pa.ArrowException):
                    break
    return pa.array([None if value is None else _json(value) for value in values], pa.string())


def _cast(value: Any, arrow: pa.DataType) -> Any:
    return float(value) if value is not None and pa.types.is_floating(arrow) else value


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


_KINDS: tuple[tuple[tuple[type, ...], pa.DataType], ...] = (
    ((bool,), pa.bool_()),
    ((int,), pa.int64()),
    ((float, int), pa.float64()),
    ((str,), pa.string()),
)
