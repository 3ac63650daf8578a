"""A TensorDict of all rows, each of whose columns is read when somebody asks for it.

TorchRL's samplers take `storage[:]["done"]`, which must not decode the images; and its replay buffers change
rows by `storage[:].set_at_(...)`, which must not change a copy.
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

__all__ = ["AllRows", "WriteColumn", "all_rows", "with_writes"]

WriteColumn = Callable[[Any, Any, Any], None]
"""Writes a value under a key to the rows of an index."""


class AllRows(tensordict.TensorDict):  # type: ignore[misc]  # a class that mypy may not see
    """A TensorDict whose changes in place go to where its rows come from."""

    _write: WriteColumn | None = None

    def set_at_(self, key: Any, value: Any, index: Any, *, non_blocking: bool = False) -> Any:
        """Set some rows of a column, here and where they come from."""
        if self._write is None:
            return super().set_at_(key, value, index, non_blocking=non_blocking)
        self._write(key, value, index)
        return super().set_at_(key, value, index)

    def set_(self, key: Any, item: Any, *, non_blocking: bool = False) -> Any:
        """Set a column, here and where it comes from."""
        if self._write is not None:
            self._write(key, item, slice(None))
        return super().set_(key, item, non_blocking=non_blocking)

    def update_(self, input_dict_or_td: Any, clone: bool = False, **options: Any) -> Any:
        """Set columns, here and where they come from."""
        if self._write is None:
            return super().update_(input_dict_or_td, clone, **options)
        chosen = options.get("keys_to_update")
        given = tensordict.TensorDict.from_any(input_dict_or_td, auto_batch_size=False)
        for key, value in (given if chosen is None else given.select(*chosen)).items(True, True):
            self.set_(key, value)
        return self

    def __getstate__(self) -> Any:
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_write"}


def all_rows(
    space: AnySpace, count: int, device: Any, read: Callable[[tuple[Any, ...]], Any], write: WriteColumn
) -> Any:
    """A TensorDict of `count` values of a group.

    Args:
        space: of one value: a group.
        count: how many.
        device: of the tensors.
        read: gives the tensor, or what stands for it, of all values at a path of keys.
        write: called with a key, a value and an index for changes in place.
    """
    found = _lazily(AllRows({}, batch_size=[count], device=device), space, read, ())
    found._write = write
    return found


def with_writes(rows: Any, write: WriteColumn) -> Any:
    """A TensorDict of all rows that has been read, whose changes in place go through `write`."""
    parts = {key: rows.get(key) for key in rows.keys()}  # noqa: SIM118  # iterating goes along the first axis
    found = AllRows(parts, batch_size=rows.batch_size, names=rows.names, device=rows.device)
    found._write = write
    return found


def _lazily(
    found: Any, space: AnySpace, read: Callable[[tuple[Any, ...]], Any], path: tuple[Any, ...]
) -> Any:
    """The empty TensorDict `found` with the members of the group at `path`."""
    loaders: dict[str, Callable[[], Any]] = {}
    for number, (key, part) in enumerate((members(space) or {}).items()):
        inner = (*path, key if isinstance(space, DictSpace) else number)
        if members(part) is None:
            loaders[key] = partial(read, inner)
        else:
            group = tensordict.TensorDict({}, batch_size=found.batch_size, device=found.device)
            loaders[key] = partial(_lazily, group, part, read, inner)
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

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.copy(),)
