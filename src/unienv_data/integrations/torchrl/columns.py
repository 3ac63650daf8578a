"""A TensorDict of many rows, each of whose columns is read when somebody asks for it.

TorchRL's samplers take `storage[:]["done"]`, which must not decode the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from unienv_data.integrations.torchrl.values import AnySpace, members
from unienv_interface._optional import import_optional
from unienv_interface.space import DictSpace

if TYPE_CHECKING:
    import tensordict
else:
    tensordict = import_optional("tensordict", extra="torchrl")

__all__ = ["lazy_tensordict"]


def lazy_tensordict(
    space: AnySpace,
    count: int,
    device: Any,
    read: Callable[[tuple[Any, ...]], Any],
    path: tuple[Any, ...] = (),
) -> Any:
    """A TensorDict of `count` values of a group.

    Args:
        space: of one value: a group.
        count: how many.
        device: of the tensors.
        read: gives the tensor, or what stands for it, of all values at a path of keys.
        path: where the group stands.
    """
    found = tensordict.TensorDict({}, batch_size=[count], device=device)
    loaders: dict[str, Callable[[], Any]] = {}
    for number, (key, part) in enumerate((members(space) or {}).items()):
        inner = (*path, key if isinstance(space, DictSpace) else number)
        if members(part) is None:
            loaders[key] = partial(read, inner)
        else:
            loaders[key] = partial(lazy_tensordict, part, count, device, read, inner)
    if hasattr(found, "_tensordict"):
        found._tensordict = _Leaves(loaders)
    else:  # another version keeps its leaves elsewhere
        for key, load in loaders.items():
            found.set(key, load())
    return found


class _Leaves(dict[str, Any]):
    """A dict whose values are made when they are first asked for.

    Args:
        loaders: make the values.
    """

    def __init__(self, loaders: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__(dict.fromkeys(loaders))
        self._loaders = dict(loaders)

    def __getitem__(self, key: str) -> Any:
        if key in self._loaders:
            super().__setitem__(key, self._loaders[key]())
            del self._loaders[key]
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._loaders.pop(key, None)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self._loaders.pop(key, None)
        super().__delitem__(key)

    def __iter__(self) -> Iterator[str]:  # with one of its own, dict() and | do not look past __getitem__
        return iter([*super().__iter__()])

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self:
            return default
        return self[key]

    def items(self) -> Any:
        return {key: self[key] for key in self}.items()

    def values(self) -> Any:
        return {key: self[key] for key in self}.values()

    def pop(self, key: str, *default: Any) -> Any:
        if key in self:
            value = self[key]
            del self[key]
            return value
        return super().pop(key, *default)

    def copy(self) -> dict[str, Any]:
        return dict(self.items())
