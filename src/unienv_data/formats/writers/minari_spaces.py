"""Minari's description of observations and actions: Gymnasium's spaces as JSON.

Source: minari/serialization.py. Bounds that are not finite stand there as Infinity, which is no strict JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unienv_data.formats.naming import Path
from unienv_data.formats.tabular.plain import PlainColumn
from unienv_data.formats.writers.minari_roles import Role
from unienv_interface.space import BoxSpace

__all__ = ["Texts", "as_text", "hdf5_path", "space_document"]

Texts = Mapping[Path, tuple[int, str]]
"""Of each column of texts: how long the longest is, and which characters there are."""


def space_document(roles: Sequence[Role], root: str, kept: Any, texts: Texts) -> Any:
    """The space of the columns below `root`.

    Args:
        roles: of all columns.
        root: `observations` or `actions`.
        kept: what the source's own Minari metadata said, which is taken where it fits: it knows of bounds.
        texts: what is known of texts.
    """
    leaves = {role.path[1:]: role.column for role in roles if role.path[0] == root}
    if kept is not None and _fits(kept, leaves):
        return _with_numbers(kept)
    found = {path: _leaf(column, texts.get((root, *path), (1, ""))) for path, column in leaves.items()}
    return _nested(found)


def hdf5_path(path: Path, document: Any) -> Path:
    """Where a column stands in the file: members of tuples are called `_index_0`.

    Args:
        path: below the space's root.
        document: the space.
    """
    found: list[str] = []
    for key in path:
        inside = document["subspaces"]
        is_tuple = isinstance(inside, list)
        found.append(f"_index_{key}" if is_tuple else key)
        document = inside[int(key)] if is_tuple else inside[key]
    return tuple(found)


def _nested(leaves: Mapping[Path, Any]) -> Any:
    if () in leaves:
        return leaves[()]
    keys = dict.fromkeys(path[0] for path in leaves)
    return {
        "type": "Dict",
        "subspaces": {
            key: _nested({path[1:]: leaf for path, leaf in leaves.items() if path[0] == key}) for key in keys
        },
    }


def _leaf(column: PlainColumn, text: tuple[int, str]) -> dict[str, Any]:
    if column.dtype is None:
        longest, characters = text
        return {"type": "Text", "max_length": max(longest, 1), "min_length": 0, "charset": characters or " "}
    space = column.column.space
    low: Any = False
    high: Any = True
    if isinstance(space, BoxSpace):
        low, high = np.asarray(space.low), np.asarray(space.high)
    bounds = [
        np.broadcast_to(np.asarray(bound, column.dtype), column.shape).tolist() for bound in (low, high)
    ]
    shape = [int(size) for size in column.shape]
    return {"type": "Box", "dtype": column.dtype.name, "shape": shape, "low": bounds[0], "high": bounds[1]}


def _fits(document: Any, leaves: Mapping[Path, PlainColumn]) -> bool:
    """Whether a space has exactly these leaves, as boxes of the same type and shape."""
    found = dict(_boxes(document, ()))
    return found.keys() == leaves.keys() and all(
        column.dtype is not None and found[path] == (column.dtype.name, column.shape)
        for path, column in leaves.items()
    )


def _boxes(document: Any, path: Path) -> list[tuple[Path, Any]]:
    if not isinstance(document, Mapping):
        return [(path, None)]
    inside = document.get("subspaces")
    if isinstance(inside, Mapping):
        return [pair for key, each in inside.items() for pair in _boxes(each, (*path, str(key)))]
    if isinstance(inside, list):
        return [pair for key, each in enumerate(inside) for pair in _boxes(each, (*path, str(key)))]
    kind = document.get("type")
    if kind == "Discrete":
        return [(path, ("int64", ()))]
    shape = document.get("shape")
    if kind != "Box" or not isinstance(shape, list):
        return [(path, None)]
    return [(path, (document.get("dtype"), tuple(shape)))]


def _with_numbers(value: Any) -> Any:
    """A kept document, in which what is not finite stands as text, with numbers again."""
    if isinstance(value, Mapping):
        return {key: _with_numbers(each) if key in ("subspaces", "low", "high") or key not in _WORDS else each
                for key, each in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [_with_numbers(each) for each in value]
    return _INFINITIES.get(value, value) if isinstance(value, str) else value


_WORDS = ("type", "dtype", "charset")
_INFINITIES = {"Infinity": np.inf, "-Infinity": -np.inf, "NaN": np.nan}


def as_text(document: Any) -> str:
    """A space as Minari's metadata hold it."""
    return json.dumps(document)
