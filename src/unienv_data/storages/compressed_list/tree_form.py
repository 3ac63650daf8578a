"""Items that are trees of arrays, as TorchRL's users store them; each says by itself what it is."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from unienv_data.base.paths import Path
from unienv_data.errors import CorruptDataError, PathError, SpaceValueError
from unienv_data.indexing import RowIndex
from unienv_data.storages.compressed_list.compression import Compression
from unienv_data.storages.compressed_list.form import Form, Item
from unienv_data.storages.compressed_list.leaves import Leaf, Rows, array_of
from unienv_data.storages.compressed_list.packing import PREFIX, Packing
from unienv_data.storages.compressed_list.scalars import scalar_of
from unienv_data.storages.compressed_list.trees import (
    Taken,
    is_tensor_collection,
    put_together,
    take_apart,
)
from unienv_interface._optional import import_optional

__all__ = ["TreeForm"]


class TreeForm(Form):
    """Dicts, lists, tuples and TensorDicts of arrays and tensors, numbers, texts, bytes and None.

    Items that are made alike share a layout; an item begins with the number of its own.

    Args:
        compression: of the leaves.
        device: where tensors are given.
    """

    def __init__(self, compression: Compression, device: Any) -> None:
        self._compression = compression
        self._device = device
        self._layouts: list[tuple[Any, Packing]] = []
        self._numbers: dict[str, int] = {}

    @property
    def layouts(self) -> list[Any]:
        return [_document(plan, packing.leaves) for plan, packing in self._layouts]

    def adopt(self, layouts: Sequence[Any]) -> None:
        found: list[tuple[Any, Packing]] = []
        try:
            for document in layouts:
                leaves = [
                    Leaf(**{**leaf, "shape": None if leaf["shape"] is None else tuple(leaf["shape"])})
                    for leaf in document["leaves"]
                ]
                found.append((document["plan"], Packing(leaves, self._compression)))
                _check_plan(document["plan"], len(leaves))
        except (TypeError, KeyError, ValueError, RecursionError) as exc:
            raise CorruptDataError(f"layout {len(found)} of the items cannot be understood ({exc})") from exc
        self._layouts = found
        self._numbers = {json.dumps(document): number for number, document in enumerate(self.layouts)}

    # Encoding

    def encode_one(self, value: Any) -> bytes:
        return self._packed(take_apart(value), 1)[0]

    def encode(self, value: Any, count: int) -> list[bytes]:
        if isinstance(value, list | tuple) or _is_uneven(value):
            if len(value) != count:
                raise SpaceValueError("", f"{count} items", f"{len(value)}")
            return [self.encode_one(item) for item in value]
        return self._packed(take_apart(value, count), count)

    def _packed(self, taken: Taken, count: int) -> list[bytes]:
        key = json.dumps(_document(taken.plan, taken.leaves))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._layouts)
            self._layouts.append((taken.plan, Packing(taken.leaves, self._compression)))
        return self._layouts[number][1].pack(taken.rows, count, number)

    # Decoding

    def decode_one(self, item: Item, slot: int) -> Any:
        return self._decoded([item], [slot], single=True)

    def decode(self, items: Sequence[Item], slots: RowIndex, paths: Sequence[Path]) -> tuple[Any, ...]:
        if any(paths):
            raise PathError("items that are trees have no parts by path; read them whole")
        if not items:
            return tuple([] for _ in paths)
        names = slots if isinstance(slots, range) else slots.tolist()
        numbers = [self._layout_of(item, name) for item, name in zip(items, names, strict=True)]
        for name, number in zip(names, numbers, strict=True):
            if number != numbers[0]:
                return (self._unlike(items, names, name, numbers[0], number),) * len(paths)
        return (self._decoded(items, names, single=False),) * len(paths)

    def _decoded(self, items: Sequence[Item], slots: Sequence[int], *, single: bool) -> Any:
        plan, packing = self._layouts[self._layout_of(items[0], slots[0])]
        rows = packing.unpack(items, range(len(packing.leaves)), slots)
        count = None if single else len(items)

        def leaf(number: int) -> Any:
            return _leaf_value(packing.leaves[number], rows[number], count, self._device)

        return put_together(plan, leaf, count, self._device)

    def _layout_of(self, item: Item, slot: int) -> int:
        number = -1 if item is None or len(item) < PREFIX.size else int(PREFIX.unpack_from(item)[0])
        if not 0 <= number < len(self._layouts):
            raise CorruptDataError(f"item {slot} is damaged: it has no layout")
        return number

    def _unlike(self, items: Sequence[Item], slots: Sequence[int], slot: int, first: int, other: int) -> Any:
        """Items of several layouts: TensorDicts stack lazily, nothing else stacks."""
        if all("tensordict" in self._layouts[number][0] for number in (first, other)):
            values = [self.decode_one(item, name) for item, name in zip(items, slots, strict=True)]
            if all(map(is_tensor_collection, values)):
                tensordict: Any = import_optional("tensordict", extra="torchrl")
                return tensordict.lazy_stack(values)
        expected, found = (_summary(self._layouts[number][1].leaves) for number in (first, other))
        raise SpaceValueError(
            f"item {slot}",
            f"the arrays of item {slots[0]} ({expected}), which it is stacked with",
            f"{found}; read such items one by one",
        )


def _is_uneven(value: Any) -> bool:
    """Whether a TensorDict batch has items that are not alike, or other things than tensors."""
    if not is_tensor_collection(value):
        return False
    tensordict: Any = import_optional("tensordict", extra="torchrl")
    if tensordict.is_non_tensor(value) or isinstance(value, tensordict.LazyStackedTensorDict):
        return True
    return any(map(_is_uneven, value.values()))


def _leaf_value(leaf: Leaf, rows: Rows, count: int | None, device: Any) -> Any:
    if isinstance(rows, list):
        values = [scalar_of(row) for row in rows]
        return values[0] if count is None else values
    shape = leaf.shape or ()
    if count is not None:
        shape = (count, *shape)
    if not math.prod(shape):
        rows = np.empty(0, np.uint8)
    return array_of(leaf, rows, shape, device)


def _document(plan: Any, leaves: Sequence[Leaf]) -> dict[str, Any]:
    return {
        "plan": plan,
        "leaves": [
            {
                "path": leaf.path,
                "library": leaf.library,
                "dtype": leaf.dtype,
                "itemsize": leaf.itemsize,
                "shape": None if leaf.shape is None else list(leaf.shape),
                "axes": leaf.axes,
            }
            for leaf in leaves
        ],
    }


def _check_plan(plan: Any, leaves: int) -> None:
    """Check that a plan that was read is one.

    Raises:
        ValueError: it is not.
    """
    match plan:
        case {"leaf": int(number)} | {"data": int(number)} if 0 <= number < leaves:
            return
        case {"list": list(parts)} | {"tuple": list(parts)}:
            children: list[Any] = parts
        case {"tensordict": dict(named), "batch_size": list(), "names": _, "device": bool()}:
            children = [*named.values()]
        case {"dict": dict(named)}:
            children = [*named.values()]
        case _:
            raise ValueError(f"no plan: {plan!r}")
    for part in children:
        _check_plan(part, leaves)


def _summary(leaves: Sequence[Leaf]) -> str:
    parts = [f"{leaf.path or 'value'}: {leaf.dtype} {leaf.shape}" for leaf in leaves]
    return ", ".join(parts) or "none"
