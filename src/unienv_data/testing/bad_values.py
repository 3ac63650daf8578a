"""Writes that do not fit their space, and where the fault is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from unienv_data.testing.factories import AnyBackend, AnySpace, box, full_box
from unienv_interface.space import BinarySpace, DictSpace, TextSpace, TupleSpace
from unienv_interface.space.space_utils import batch_utils

__all__ = ["BadWrite", "bad_batches", "bad_rows", "checked_space", "good_row"]


@dataclass(frozen=True)
class BadWrite:
    """One write that must be refused.

    Attributes:
        name: what is wrong with it.
        value: what is written.
        path: where in the value the fault is.
    """

    name: str
    value: Any
    path: str


def checked_space(b: AnyBackend) -> AnySpace:
    """A space with something of everything that is checked."""
    return DictSpace(
        b,
        {
            "image": full_box(b, "uint8", (2,)),
            "inner": DictSpace(b, {"state": box(b, -1, 1, "float32", (3,)), "n": full_box(b, "int64", ())}),
            "pair": TupleSpace(b, [BinarySpace(b, (2,)), full_box(b, "float32", (1,))]),
            "task": TextSpace(b, 5, charset="abcdef"),
        },
    )


def good_row(b: AnyBackend, number: int = 0) -> dict[str, Any]:
    """A row of that space; rows of different numbers differ."""
    return {
        "image": b.from_numpy(np.array([number % 256, 255], dtype=np.uint8)),
        "inner": {
            "n": b.from_numpy(np.array(number, dtype=np.int64)),
            "state": b.from_numpy(np.array([-1, 0, 1], dtype=np.float32)),
        },
        "pair": (
            b.from_numpy(np.array([number % 2 == 0, True])),
            b.from_numpy(np.array([number / 2], dtype=np.float32)),
        ),
        "task": "abcdef"[number % 6],
    }


def bad_rows(b: AnyBackend) -> Iterator[BadWrite]:
    """Rows that must be refused."""
    for name, (path, leaf) in _bad_leaves(b).items():
        yield BadWrite(name, _with(good_row(b), path, leaf), path)
    row = good_row(b)
    yield BadWrite("an extra key", {**row, "more": row["image"]}, "")
    yield BadWrite("an extra key within", {**row, "inner": {**row["inner"], "more": 1}}, "inner")
    yield BadWrite("a missing key", {key: row[key] for key in row if key != "task"}, "")
    yield BadWrite("a missing key within", {**row, "inner": {"n": row["inner"]["n"]}}, "inner")
    yield BadWrite("no key", {}, "")
    yield BadWrite("no mapping", row["image"], "")
    yield BadWrite("None", None, "")
    yield BadWrite("a mapping for a tuple", {**row, "pair": {0: row["pair"][0], 1: row["pair"][1]}}, "pair")
    yield BadWrite("a short tuple", {**row, "pair": row["pair"][:1]}, "pair")
    yield BadWrite("a long tuple", {**row, "pair": (*row["pair"], 1)}, "pair")
    yield BadWrite("a tuple for a mapping", {**row, "inner": tuple(row["inner"].values())}, "inner")


def bad_batches(b: AnyBackend, count: int = 3) -> Iterator[BadWrite]:
    """Batches of `count` rows, at least 2, that must be refused, the fault in the last row."""
    space = checked_space(b)
    batch = batch_utils.concatenate(space, [good_row(b, number) for number in range(count)])

    def cut(path: str, start: int) -> Any:
        return _with(batch, path, _at(batch, path)[start:])

    image = np.tile(np.array([0, 255]), (count, 1))
    yield BadWrite("values too large", _with(batch, "image", [*image[:-1].tolist(), [300, 1]]), "image")
    yield BadWrite(
        "fault 4",
        _with(batch, "image", b.from_numpy(np.concatenate([image[1:] * 1.0, [[300.7, -1]]]))),
        "image",
    )
    outside = np.zeros((count, 3), dtype=np.float32)
    outside[-1, 1] = 1.5
    yield BadWrite("out of bounds", _with(batch, "inner/state", b.from_numpy(outside)), "inner/state")
    last = f"task/{count - 1}"
    yield BadWrite("texts too long", _with(batch, "task", _texts(["a"] * (count - 1) + ["aaaaaa"])), last)
    yield BadWrite("texts of others", _with(batch, "task", _texts(["a"] * (count - 1) + ["g"])), last)
    yield BadWrite("no texts", _with(batch, "task", _texts([*["a"] * (count - 1), 3])), last)
    yield BadWrite("one leaf shorter", cut("image", 1), "")
    yield BadWrite("one text fewer", cut("task", 1), "")
    yield BadWrite("an extra key", {**batch, "more": batch["image"]}, "")
    yield BadWrite("a missing key", {key: batch[key] for key in batch if key != "image"}, "")
    yield BadWrite("a leaf without batch axis", _with(batch, "inner/n", b.from_numpy(np.array(1))), "")
    yield BadWrite("an axis too many", _with(batch, "image", b.from_numpy(image[..., None])), "image")
    yield BadWrite("no batch", None, "")
    yield BadWrite("a number", 3, "")
    yield BadWrite("a row", good_row(b), "")


def _bad_leaves(b: AnyBackend) -> dict[str, tuple[str, Any]]:
    def array(values: Any, dtype: Any = None) -> Any:
        return b.from_numpy(np.array(values, dtype=dtype))

    return {
        "fault 4: [300.7, -1] into uint8": ("image", array([300.7, -1])),
        "numbers that do not fit": ("image", [300, -1]),
        "whole floats": ("image", array([1.0, 2.0])),
        "negative": ("image", array([1, -1])),
        "wrong shape": ("image", array([1, 2, 3], np.uint8)),
        "wrong rank": ("image", array([[1, 2]], np.uint8)),
        "no axis": ("image", array(1, np.uint8)),
        "None": ("image", None),
        "text for numbers": ("image", "ab"),
        "complex": ("image", [1j, 0]),
        "above": ("inner/state", array([0, 1.5, 0], np.float32)),
        "below": ("inner/state", array([0, 0, -1.0000001], np.float32)),
        "NaN within bounds": ("inner/state", array([0, np.nan, 0], np.float32)),
        "infinite within bounds": ("inner/state", array([0, np.inf, 0], np.float32)),
        "not held by float32": ("pair/1", array([0.1], np.float64)),
        "integer not held by float32": ("pair/1", array([2**24 + 1], np.int64)),
        "float for an integer": ("inner/n", array(0.5)),
        "beyond int64": ("inner/n", 2**63),
        "numbers for booleans": ("pair/0", array([0, 1], np.uint8)),
        "text too long": ("task", "aaaaaa"),
        "text of other characters": ("task", "xyz"),
        "number for text": ("task", 3),
        "bytes for text": ("task", b"ab"),
    }


def _texts(items: list[Any]) -> Any:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _at(value: Any, path: str) -> Any:
    for key in path.split("/"):
        value = value[key] if isinstance(value, dict) else value[int(key)]
    return value


def _with(value: Any, path: str, leaf: Any) -> Any:
    """`value` with another leaf at `path`."""
    key, _, rest = path.partition("/")
    if isinstance(value, dict):
        return {**value, key: _with(value[key], rest, leaf) if rest else leaf}
    changed = list(value)
    changed[int(key)] = _with(changed[int(key)], rest, leaf) if rest else leaf
    return tuple(changed)
