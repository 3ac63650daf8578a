"""Parts in order."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from unienv_interface.backends.base import AnyBackend, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.errors import SpaceValueError
from unienv_interface.space.space import BoundedManner, Space, check_backend, check_children, join_path
from unienv_interface.space.spaces.values import describe

__all__ = ["TupleSpace"]


class TupleSpace(Space[tuple[Any, ...], BDeviceType, BDtypeType, BRNGType]):
    """Tuples of a fixed length, each value in the space of its position. Lists are taken for tuples.

    Args:
        backend: the backend of all the spaces.
        spaces: space of each position.
        device: moves all the spaces there; None leaves them where they are.

    Attributes:
        spaces: space of each position.

    Raises:
        SpaceError: a space is of another backend.
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
        check_children(backend, dict(enumerate(children)))
        if device is not None:
            children = tuple(space.to(device=device) for space in children)
        self.spaces = children
        super().__init__(backend, None, self.abbr_device(children) if children else device)

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

    def to(self, backend: AnyBackend | None = None, device: Any | None = None) -> TupleSpace[Any, Any, Any]:
        children = tuple(space.to(backend, device) for space in self.spaces)
        destination = self._destination(backend, device)
        if destination is None and all(new is old for new, old in zip(children, self.spaces, strict=True)):
            return self
        target, device = destination or (self.backend, device)
        return TupleSpace(target, children, device)

    def coerce(self, x: Any, *, path: str = "") -> tuple[Any, ...]:
        if not isinstance(x, tuple | list) or len(x) != len(self.spaces):
            actual = f"{len(x)} values" if isinstance(x, tuple | list) else describe(x)
            raise SpaceValueError(path, f"tuple of {len(self.spaces)} values", actual)
        return tuple(
            space.coerce(value, path=join_path(path, index))
            for index, (space, value) in enumerate(zip(self.spaces, x, strict=True))
        )

    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, tuple[Any, ...]]:
        """Draw a tuple, its parts independently."""
        drawn = []
        for space in self.spaces:
            rng, value = space.sample(rng, **kwargs)
            drawn.append(value)
        return rng, tuple(drawn)

    def create_empty(self) -> tuple[Any, ...]:
        """A tuple of values that are not initialized."""
        return tuple(space.create_empty() for space in self.spaces)

    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Whether all the spaces are."""
        return all(space.is_bounded(manner) for space in self.spaces)

    def data_to(
        self, data: tuple[Any, ...], backend: AnyBackend | None = None, device: Any | None = None
    ) -> tuple[Any, ...]:
        pairs = zip(self.spaces, data, strict=True)
        return tuple(space.data_to(value, backend, device) for space, value in pairs)

    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        child_device = include_device and self._device is None
        shown = [space.get_repr(abbreviate, False, child_device, include_dtype) for space in self.spaces]
        parts = f"({', '.join(shown)}{',' if len(shown) == 1 else ''})"
        return parts if abbreviate else self._format([parts], include_backend, include_device, include_dtype)
