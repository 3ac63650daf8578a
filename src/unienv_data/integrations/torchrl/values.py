"""Values of a space as TensorDicts and tensors, and back. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from unienv_data.errors import SpaceError, SpaceValueError
from unienv_interface._optional import import_optional
from unienv_interface.backends import load_backend
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace, Space, TextSpace, TupleSpace

if TYPE_CHECKING:
    import tensordict
    import torch
else:
    torch = import_optional("torch", extra="torchrl")
    tensordict = import_optional("tensordict", extra="torchrl")

__all__ = ["AnySpace", "check_space", "members", "tensors_of", "value_of"]

AnySpace = Space[Any, Any, Any, Any]


def check_space(space: AnySpace, path: str = "") -> None:
    """Check that values of a space can be TensorDicts.

    Raises:
        SpaceError: they cannot; names the path.
    """
    parts = members(space)
    if parts is not None:
        for key, part in parts.items():
            check_space(part, f"{path}/{key}" if path else key)
    elif not isinstance(space, BoxSpace | BinarySpace | TextSpace):
        raise SpaceError(
            f"{path or 'the space'}: TorchRL has no tensor for values of a {type(space).__name__}; give a "
            "dataset without them"
        )


def members(space: AnySpace) -> dict[str, AnySpace] | None:
    """What becomes the keys of a TensorDict; None where the space is no group."""
    if isinstance(space, DictSpace):
        return dict(space.spaces)
    if isinstance(space, TupleSpace):
        return {str(number): part for number, part in enumerate(space.spaces)}
    return None


def tensors_of(space: AnySpace, value: Any, count: int | None, device: Any) -> Any:
    """A value, or a batch of them, as TorchRL has it.

    Args:
        space: of one value.
        value: of the space's backend.
        count: B of a batch; None for one value.
        device: of the tensors; None leaves them where they are.

    Returns:
        A TensorDict of batch size (B,) for a group, whose keys are those of the space, places in tuples as
        texts; non-tensor data for texts; a tensor otherwise.
    """
    parts = members(space)
    if parts is not None:
        keys: list[Any] = list(parts) if isinstance(space, DictSpace) else list(range(len(parts)))
        named = {
            name: tensors_of(part, value[key], count, device)
            for key, (name, part) in zip(keys, parts.items(), strict=True)
        }
        return tensordict.TensorDict(named, batch_size=[] if count is None else [count], device=device)
    if isinstance(space, TextSpace):
        if count is None:
            return tensordict.NonTensorData(data=value)
        if not count:
            return tensordict.NonTensorData(data="", batch_size=[0])
        return tensordict.NonTensorStack(*[tensordict.NonTensorData(data=text) for text in value])
    if space.backend.simplified_name != "pytorch":
        value = load_backend("pytorch").from_numpy(space.backend.to_numpy(value))
    return value if device is None else value.to(device)


def value_of(space: AnySpace, data: Any, count: int | None, path: str = "") -> Any:
    """What TorchRL gives as a value of a space, or a batch of them; whether it fits is seen on writing.

    Args:
        space: of one value.
        data: a TensorDict, tensor ...
        count: B of a batch; None for one value.
        path: where it stands, for messages.

    Raises:
        SpaceValueError: it is of another kind.
    """
    parts = members(space)
    if parts is None:
        return _leaf_of(space, data, count, path)
    if isinstance(data, list | tuple) and isinstance(space, TupleSpace):
        data = {str(number): part for number, part in enumerate(data)}
    if not (tensordict.is_tensor_collection(data) or isinstance(data, Mapping)):
        raise SpaceValueError(path, "a TensorDict or a mapping", type(data).__name__)
    keys = list(data.keys())
    found = {
        key: value_of(parts[key], data.get(key), count, f"{path}/{key}" if path else key)
        if key in parts
        else data.get(key)
        for key in keys
    }
    if isinstance(space, TupleSpace):
        if found.keys() != parts.keys():
            raise SpaceValueError(path, f"the keys {', '.join(parts)}", ", ".join(map(str, found)))
        return tuple(found[key] for key in parts)
    return found


def _leaf_of(space: AnySpace, data: Any, count: int | None, path: str) -> Any:
    if isinstance(space, TextSpace):
        if tensordict.is_non_tensor(data):
            data = data.data if count is None else data.tolist()
        if count is None:
            return data
        texts = np.empty(len(data), dtype=object)
        texts[:] = data
        return texts
    if not isinstance(data, torch.Tensor):
        return data
    if space.backend.simplified_name == "pytorch":
        return data if space.device is None else data.to(space.device)
    return space.backend.from_numpy(load_backend("pytorch").to_numpy(data))
