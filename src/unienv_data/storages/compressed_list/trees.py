"""Trees of arrays: taken apart into a plan and leaves, and put together again.

A plan is strict JSON: {"leaf": number}, {"dict": {key: plan}}, {"list": [plan]}, {"tuple": [plan]}, or
{"tensordict": {key: plan}, "batch_size": [...], "names": [...] or null, "device": whether it had one}. A leaf
in a TensorDict that is no tensor is {"data": number}.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unienv_data.errors import SpaceValueError
from unienv_data.storages.compressed_list.leaves import Leaf, Rows, array_leaf, bytes_of
from unienv_data.storages.compressed_list.scalars import is_scalar, row_of, scalar_leaf
from unienv_interface._optional import import_optional

__all__ = ["Taken", "is_tensor_collection", "put_together", "take_apart"]


@dataclass
class Taken:
    """What a value was taken apart into.

    Attributes:
        count: B where it is a batch of values, None where it is one.
        plan: how the leaves stand together in one value.
        leaves: what the leaves of one value are.
        rows: of each leaf, B of them, or one.
    """

    count: int | None
    plan: Any = None
    leaves: list[Leaf] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)


def take_apart(value: Any, count: int | None = None) -> Taken:
    """The leaves of a tree of dicts, lists, tuples and TensorDicts.

    Args:
        value: one value, or a batch, in which every array has an axis of `count` in front.
        count: B; None for one value.

    Raises:
        SpaceValueError: something in it cannot be held; names the path.
    """
    taken = Taken(count)
    taken.plan = _plan(value, "", taken)
    return taken


def is_tensor_collection(value: Any) -> bool:
    """Whether a value is a TensorDict, or the like."""
    tensordict: Any = sys.modules.get("tensordict")
    return tensordict is not None and bool(tensordict.is_tensor_collection(value))


def _plan(value: Any, path: str, taken: Taken) -> Any:
    if is_tensor_collection(value):
        return _plan_of_tensordict(value, path, taken)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise SpaceValueError(path, "keys that are texts", repr(key))
        return {"dict": {key: _plan(value[key], _join(path, key), taken) for key in value}}
    if taken.count is not None and _is_column(value, taken.count):
        return _add(scalar_leaf(path), [row_of(item) for item in value], taken)
    if type(value) in (list, tuple):
        parts = [_plan(part, _join(path, str(number)), taken) for number, part in enumerate(value)]
        return {type(value).__name__: parts}
    if is_scalar(value):
        if taken.count is not None:
            raise SpaceValueError(path, f"{taken.count} values in a list, one an item", repr(value))
        return _add(scalar_leaf(path), [row_of(value)], taken)
    array = np.asarray(value) if isinstance(value, np.generic) else value
    leaf = array_leaf(path, array, 0 if taken.count is None else 1)
    count = 1 if taken.count is None else taken.count
    if taken.count is not None and (array.ndim == 0 or len(array) != count):
        raise SpaceValueError(path, f"a first axis of {count} items", f"shape {tuple(array.shape)}")
    data = bytes_of(array)
    return _add(leaf, data.reshape(count, leaf.nbytes), taken)


def _plan_of_tensordict(value: Any, path: str, taken: Taken) -> Any:
    tensordict: Any = sys.modules["tensordict"]
    if tensordict.is_non_tensor(value):
        items = [value.data] if taken.count is None else value.tolist()
        if not all(map(is_scalar, items)) or len(items) != (taken.count or 1):
            raise SpaceValueError(path, "a number, text, bytes or None for each item", repr(items))
        return {"data": _add(scalar_leaf(path), [row_of(item) for item in items], taken)["leaf"]}
    if tensordict.is_tensorclass(value):
        value = value.to_tensordict()
    batch_size = list(value.batch_size)
    names = list(value.names)
    if taken.count is not None:
        if batch_size[:1] != [taken.count]:
            raise SpaceValueError(path, f"a batch of {taken.count} items", f"batch size {batch_size}")
        batch_size, names = batch_size[1:], names[1:]
    parts = {}
    for key in value.keys():  # noqa: SIM118  # a TensorDict iterates over its first axis
        part = value.get(key)
        parts[key] = _plan(part, _join(path, key), taken)
    return {
        "tensordict": parts,
        "batch_size": batch_size,
        "names": names if any(name is not None for name in names) else None,
        "device": value.device is not None,
    }


def _add(leaf: Leaf, rows: Rows, taken: Taken) -> dict[str, int]:
    taken.leaves.append(leaf)
    taken.rows.append(rows)
    return {"leaf": len(taken.leaves) - 1}


def _is_column(value: Any, count: int) -> bool:
    """Whether a value is a list of what is no array, one an item."""
    return type(value) is list and len(value) == count and all(map(is_scalar, value))


def _join(path: str, key: str) -> str:
    return f"{path}/{key}" if path else key


def put_together(plan: Any, leaf: Callable[[int], Any], count: int | None, device: Any) -> Any:
    """The value of a plan.

    Args:
        plan: how the leaves stand together.
        leaf: gives the leaf of a number; of a batch an array with an axis of `count` in front, or a list.
        count: B of a batch; None for one value.
        device: of TensorDicts that had one.
    """
    if "leaf" in plan:
        return leaf(plan["leaf"])
    if "dict" in plan:
        return {key: put_together(part, leaf, count, device) for key, part in plan["dict"].items()}
    if "list" in plan:
        return [put_together(part, leaf, count, device) for part in plan["list"]]
    if "tuple" in plan:
        return tuple(put_together(part, leaf, count, device) for part in plan["tuple"])
    return _tensordict(plan, leaf, count, device)


def _tensordict(plan: Any, leaf: Callable[[int], Any], count: int | None, device: Any) -> Any:
    tensordict: Any = import_optional("tensordict", extra="torchrl")
    batch_size = [*([] if count is None else [count]), *plan["batch_size"]]
    names: Sequence[str | None] | None = plan["names"]
    parts = {}
    for key, part in plan["tensordict"].items():
        if "data" not in part:
            parts[key] = put_together(part, leaf, count, device)
            continue
        found = leaf(part["data"])
        wrap = tensordict.NonTensorData
        if count is None:
            parts[key] = wrap(data=found, batch_size=batch_size)
        elif count:
            parts[key] = tensordict.lazy_stack(
                [wrap(data=item, batch_size=plan["batch_size"]) for item in found]
            )
    return tensordict.TensorDict(
        parts,
        batch_size=batch_size,
        names=None if names is None else [*([] if count is None else [None]), *names],
        device=device if plan["device"] else None,
    )
