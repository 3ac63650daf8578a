"""Strings."""

from __future__ import annotations

import string
from collections.abc import Hashable, Iterable, Mapping, Set
from types import MappingProxyType
from typing import Any

from unienv_interface.backends.base import AnyBackend, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space import BoundedManner, Space, validate_count
from unienv_interface.space.spaces.values import describe

__all__ = ["TextSpace"]

_SAMPLED_WITHOUT_CHARSET = tuple(sorted(string.ascii_letters + string.digits))


class TextSpace(Space[str, BDeviceType, BDtypeType, BRNGType]):
    """Strings of `min_length` to `max_length` characters (Unicode code points).

    Args:
        backend: the backend of the arrays beside the text; the values are `str` on every backend.
        max_length: greatest number of characters.
        min_length: least number of characters.
        charset: the characters that may occur, as a set or as a string, in which order and
            repetition mean nothing; None allows every character.
        device: where arrays that are made from the text (flattened data) belong.

    Attributes:
        min_length: as given.
        max_length: as given.

    Raises:
        SpaceError: a length is no integer, negative, or the least above the greatest; the charset
            holds something other than single characters, or none where some are needed.
    """

    dtype: None

    def __init__(
        self,
        backend: ComputeBackend[Any, BDeviceType, BDtypeType, BRNGType],
        max_length: int,
        *,
        min_length: int = 0,
        charset: Set[str] | str | None = None,
        device: BDeviceType | None = None,
    ) -> None:
        self.min_length = validate_count(min_length, "min_length")
        self.max_length = validate_count(max_length, "max_length")
        if min_length > max_length:
            raise SpaceError(f"min_length: expected at most max_length {max_length}, got {min_length}")
        self._charset_list = None if charset is None else _characters(charset)
        if self._charset_list == () and min_length > 0:
            raise SpaceError(f"charset: expected characters for at least {min_length} of them, got none")
        index = {char: position for position, char in enumerate(self._charset_list or ())}
        self._charset_index = None if charset is None else MappingProxyType(index)
        super().__init__(backend, None, device)

    @property
    def charset(self) -> frozenset[str] | None:
        """The characters that may occur, None for all."""
        return None if self._charset_list is None else frozenset(self._charset_list)

    @property
    def charset_list(self) -> tuple[str, ...] | None:
        """The characters that may occur, in order of their code points; None for all."""
        return self._charset_list

    @property
    def charset_index(self) -> Mapping[str, int] | None:
        """Position of each character in `charset_list`; None where all may occur."""
        return self._charset_index

    def character_index(self, char: str) -> int | None:
        """Position of `char` in `charset_list`, None where it has none."""
        return None if self._charset_index is None else self._charset_index.get(char)

    def _arguments(self) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "max_length": self.max_length,
            "min_length": self.min_length,
            "charset": self.charset,
            "device": self._device,
        }

    def _identity(self) -> Hashable:
        return (self.min_length, self.max_length, self._charset_list)

    def to(self, backend: AnyBackend | None = None, device: Any | None = None) -> TextSpace[Any, Any, Any]:
        destination = self._destination(backend, device)
        if destination is None:
            return self
        target, device = destination
        return self._replace(backend=target, device=device)

    def coerce(self, x: Any, *, path: str = "") -> str:
        if not isinstance(x, str):
            raise SpaceValueError(path, "str", describe(x))
        if not self.min_length <= len(x) <= self.max_length:
            raise SpaceValueError(
                path, f"{self.min_length} to {self.max_length} characters", f"{len(x)} characters"
            )
        if self._charset_index is not None:
            for position, char in enumerate(x):
                if char not in self._charset_index:
                    raise SpaceValueError(path, "characters of the charset", f"{char!r} at {position}")
        return str(x)

    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, str]:
        """Draw a text: its length uniformly, then each character of the charset as likely.

        Without a charset, ASCII letters and digits are drawn.
        """
        chars = _SAMPLED_WITHOUT_CHARSET if self._charset_list is None else self._charset_list
        random = self.backend.random
        longest = self.max_length if chars else 0
        rng, length = random.random_discrete_uniform((), self.min_length, longest + 1, rng=rng)
        if int(length) == 0:
            return rng, ""
        rng, indexes = random.random_discrete_uniform((int(length),), 0, len(chars), rng=rng)
        return rng, "".join(chars[index] for index in self.backend.to_numpy(indexes).tolist())

    def create_empty(self) -> str:
        """The empty text."""
        return ""

    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Below always; above only with a charset."""
        return manner == "below" or self._charset_list is not None

    def data_to(self, data: str, backend: AnyBackend | None = None, device: Any | None = None) -> str:
        return data

    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        charset = None if self._charset_list is None else "".join(self._charset_list)
        if abbreviate:
            return f"str {self.min_length}..{self.max_length}" + (
                "" if charset is None else f" of {charset!r}"
            )
        parts = [str(self.max_length), f"min_length={self.min_length}", f"charset={charset!r}"]
        return self._format(parts, include_backend, include_device, include_dtype)


def _characters(charset: Iterable[Any]) -> tuple[str, ...]:
    for char in charset:
        if not isinstance(char, str) or len(char) != 1:
            raise SpaceError(f"charset: expected single characters, got {char!r}")
    return tuple(sorted(set(charset)))
