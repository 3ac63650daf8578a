"""Named parts."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, KeysView, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from unienv_interface.backends.base import AnyBackend, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space import (
    AnySpace,
    BoundedManner,
    Space,
    check_backend,
    check_children,
    join_path,
)
from unienv_interface.space.spaces.values import describe

__all__ = ["DictSpace"]


class DictSpace(Space[dict[str, Any], BDeviceType, BDtypeType, BRNGType]):
    """Dicts with exactly these keys, each value in the space of its key.

    Keys are strings and stand in sorted order, here and in all values made here.

    Args:
        backend: the backend of all the spaces.
        spaces: space of each key, as a mapping or as pairs.
        device: moves all the spaces there; None leaves them where they are.

    Attributes:
        spaces: space of each key, sorted, read-only.

    Raises:
        SpaceError: a key is no string or comes twice; a space is of another backend.
    """

    spaces: Mapping[str, Space[Any, BDeviceType, BDtypeType, BRNGType]]
    dtype: None

    def __init__(
        self,
        backend: ComputeBackend[Any, BDeviceType, BDtypeType, BRNGType],
        spaces: Mapping[str, Space[Any, BDeviceType, BDtypeType, BRNGType]]
        | Sequence[tuple[str, Space[Any, BDeviceType, BDtypeType, BRNGType]]]
        | None = None,
        device: BDeviceType | None = None,
    ) -> None:
        check_backend(backend)
        pairs = list(spaces.items() if isinstance(spaces, Mapping) else spaces or ())
        for key, _ in pairs:
            if not isinstance(key, str):
                raise SpaceError(f"spaces: expected strings as keys, got {key!r}")
        children = dict(sorted(pairs, key=lambda pair: pair[0]))
        if len(children) != len(pairs):
            raise SpaceError(f"spaces: expected each key once, got {sorted(key for key, _ in pairs)}")
        check_children(backend, children)
        if device is not None:
            children = {key: space.to(device=device) for key, space in children.items()}
        self.spaces = MappingProxyType(children)
        super().__init__(backend, None, self.abbr_device(children.values()) if children else device)

    def __getitem__(self, key: str) -> Space[Any, BDeviceType, BDtypeType, BRNGType]:
        return self.spaces[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.spaces)

    def __len__(self) -> int:
        return len(self.spaces)

    def keys(self) -> KeysView[str]:
        """The keys, sorted."""
        return self.spaces.keys()

    def _arguments(self) -> dict[str, Any]:
        return {"backend": self.backend, "spaces": dict(self.spaces), "device": self._device}

    def _identity(self) -> Hashable:
        return tuple(self.spaces.items())

    def to(self, backend: AnyBackend | None = None, device: Any | None = None) -> DictSpace[Any, Any, Any]:
        children: dict[str, AnySpace] = {key: space.to(backend, device) for key, space in self.spaces.items()}
        destination = self._destination(backend, device)
        if destination is None and all(children[key] is space for key, space in self.spaces.items()):
            return self
        target, device = destination or (self.backend, device)
        return DictSpace(target, children, device)

    def coerce(self, x: Any, *, path: str = "") -> dict[str, Any]:
        if not isinstance(x, Mapping):
            raise SpaceValueError(path, f"mapping with keys {list(self.spaces)}", describe(x))
        if x.keys() != self.spaces.keys():
            raise SpaceValueError(path, f"keys {list(self.spaces)}", f"keys {sorted(x, key=str)}")
        return {key: space.coerce(x[key], path=join_path(path, key)) for key, space in self.spaces.items()}

    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, dict[str, Any]]:
        """Draw a dict, its parts independently."""
        drawn = {}
        for key, space in self.spaces.items():
            rng, drawn[key] = space.sample(rng, **kwargs)
        return rng, drawn

    def create_empty(self) -> dict[str, Any]:
        """A dict of values that are not initialized."""
        return {key: space.create_empty() for key, space in self.spaces.items()}

    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Whether all the spaces are."""
        return all(space.is_bounded(manner) for space in self.spaces.values())

    def data_to(
        self, data: dict[str, Any], backend: AnyBackend | None = None, device: Any | None = None
    ) -> dict[str, Any]:
        return {key: space.data_to(data[key], backend, device) for key, space in self.spaces.items()}

    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        child_device = include_device and self._device is None
        parts = ", ".join(
            f"{key!r}: {space.get_repr(abbreviate, False, child_device, include_dtype)}"
            for key, space in self.spaces.items()
        )
        if abbreviate:
            return f"{{{parts}}}"
        return self._format([f"{{{parts}}}"], include_backend, include_device, include_dtype)
