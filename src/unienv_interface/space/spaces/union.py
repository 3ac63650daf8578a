"""One of several spaces."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import numpy as np

from unienv_interface.backends.base import AnyBackend, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space import BoundedManner, Space, check_backend, check_children, join_path
from unienv_interface.space.spaces.values import describe

__all__ = ["UnionSpace"]


class UnionSpace(Space[tuple[int, Any], BDeviceType, BDtypeType, BRNGType]):
    """Pairs of a position and a value of the space at that position.

    Args:
        backend: the backend of all the spaces.
        spaces: the alternatives, at least one.
        device: moves all the spaces there; None leaves them where they are.

    Attributes:
        spaces: the alternatives.

    Raises:
        SpaceError: there are none; one is of another backend.
    """

    spaces: tuple[Space[Any, BDeviceType, BDtypeType, BRNGType], ...]
    dtype: None

    def __init__(
        self,
        backend: ComputeBackend[Any, BDeviceType, BDtypeType, BRNGType],
        spaces: Iterable[Space[Any, BDeviceType, BDtypeType, BRNGType]],
        device: BDeviceType | None = None,
    ) -> None:
        check_backend(backend)
        children = tuple(spaces)
        if not children:
            raise SpaceError("spaces: expected at least one")
        check_children(backend, dict(enumerate(children)))
        if device is not None:
            children = tuple(space.to(device=device) for space in children)
        self.spaces = children
        super().__init__(backend, None, self.abbr_device(children))

    def __getitem__(self, index: int) -> Space[Any, BDeviceType, BDtypeType, BRNGType]:
        return self.spaces[index]

    def __iter__(self) -> Iterator[Space[Any, BDeviceType, BDtypeType, BRNGType]]:
        return iter(self.spaces)

    def __len__(self) -> int:
        return len(self.spaces)

    def _arguments(self) -> dict[str, Any]:
        return {"backend": self.backend, "spaces": self.spaces, "device": self._device}

    def _identity(self) -> Hashable:
        return self.spaces

    def to(self, backend: AnyBackend | None = None, device: Any | None = None) -> UnionSpace[Any, Any, Any]:
        children = tuple(space.to(backend, device) for space in self.spaces)
        destination = self._destination(backend, device)
        if destination is None and all(new is old for new, old in zip(children, self.spaces, strict=True)):
            return self
        target, device = destination or (self.backend, device)
        return UnionSpace(target, children, device)

    def coerce(self, x: Any, *, path: str = "") -> tuple[int, Any]:
        if not isinstance(x, tuple | list) or len(x) != 2:
            raise SpaceValueError(path, "pair of a position and a value", describe(x))
        index = x[0]
        is_integer = isinstance(index, int | np.integer) and not isinstance(index, bool)
        if not is_integer or not 0 <= index < len(self.spaces):
            raise SpaceValueError(join_path(path, 0), f"a position below {len(self.spaces)}", describe(index))
        return int(index), self.spaces[index].coerce(x[1], path=join_path(path, 1))

    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, tuple[int, Any]]:
        """Draw one of the spaces, each as likely, and a value of it."""
        rng, position = self.backend.random.random_discrete_uniform((), 0, len(self.spaces), rng=rng)
        index = int(position)
        rng, value = self.spaces[index].sample(rng, **kwargs)
        return rng, (index, value)

    def create_empty(self) -> tuple[int, Any]:
        """A value of the first space that is not initialized."""
        return 0, self.spaces[0].create_empty()

    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Whether all the spaces are."""
        return all(space.is_bounded(manner) for space in self.spaces)

    def data_to(
        self, data: tuple[int, Any], backend: AnyBackend | None = None, device: Any | None = None
    ) -> tuple[int, Any]:
        index, value = data
        return index, self.spaces[index].data_to(value, backend, device)

    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        child_device = include_device and self._device is None
        shown = [space.get_repr(abbreviate, False, child_device, include_dtype) for space in self.spaces]
        if abbreviate:
            return " | ".join(shown)
        return self._format([f"[{', '.join(shown)}]"], include_backend, include_device, include_dtype)
