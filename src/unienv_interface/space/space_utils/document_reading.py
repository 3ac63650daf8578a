"""Reading JSON documents strictly, with every problem told where it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from unienv_interface.errors import SpaceError

__all__ = ["Problems", "array_of", "count", "count_or_none", "flag", "shape", "text_or_none"]

T = TypeVar("T")


@dataclass(frozen=True)
class Problems:
    """A place in a document, and the problems found in the whole of it.

    Attributes:
        location: the place, as `$.spaces.image.shape[2]`.
        found: problems so far, each with its location; shared by all places of the document.
    """

    location: str = "$"
    found: list[str] = field(default_factory=list)

    def at(self, step: str | int) -> Problems:
        """The place of a key or position within this one."""
        plain = isinstance(step, str) and step.isidentifier()
        suffix = f".{step}" if plain else f"[{json.dumps(step, ensure_ascii=False)}]"
        return Problems(self.location + suffix, self.found)

    def add(self, expected: str, actual: Any) -> None:
        """Note that something else was expected here."""
        text = repr(actual)
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        self.found.append(f"{self.location}: expected {expected}, got {shown}")

    def fields(
        self, document: Mapping[str, Any], readers: Mapping[str, Callable[[Any, Problems], Any]]
    ) -> dict[str, Any] | None:
        """Every key of an object, read by its reader.

        Args:
            document: the object; its key "type" has been read.
            readers: reader of each key that must be there.

        Returns:
            What the readers gave; None where a key is missing, unknown or wrong.
        """
        before = len(self.found)
        for key in document:
            if key != "type" and key not in readers:
                self.at(key).found.append(f"{self.at(key).location}: expected no such key")
        values = {}
        for key, reader in readers.items():
            if key in document:
                values[key] = reader(document[key], self.at(key))
            else:
                self.found.append(f"{self.at(key).location}: missing")
        return values if len(self.found) == before else None

    def build(self, make: Callable[..., T], arguments: Mapping[str, Any] | None) -> T | None:
        """What `make` makes of the arguments; what it refuses is a problem of the argument it names."""
        if arguments is None:
            return None
        try:
            return make(**arguments)
        except SpaceError as exc:
            name, colon, message = str(exc).partition(": ")
            place = self.at(name) if colon and name in arguments else self
            self.found.append(f"{place.location}: {message if place is not self else exc}")
            return None


def count(value: Any, problems: Problems) -> int:
    """An integer that is at least 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        problems.add("an integer that is at least 0", value)
        return 0
    return value


def count_or_none(value: Any, problems: Problems) -> int | None:
    """An integer that is at least 0, or null."""
    return None if value is None else count(value, problems)


def shape(value: Any, problems: Problems) -> tuple[int, ...]:
    """An array of integers that are at least 0."""
    return tuple(array_of(count)(value, problems))


def flag(value: Any, problems: Problems) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        problems.add("true or false", value)
    return bool(value)


def text_or_none(value: Any, problems: Problems) -> str | None:
    """A string, or null."""
    if value is not None and not isinstance(value, str):
        problems.add("a string or null", value)
        return None
    return value


def array_of(reader: Callable[[Any, Problems], T]) -> Callable[[Any, Problems], list[T]]:
    """The reader of an array of what `reader` reads."""

    def read(value: Any, problems: Problems) -> list[T]:
        if not isinstance(value, list):
            problems.add("an array", value)
            return []
        return [reader(item, problems.at(position)) for position, item in enumerate(value)]

    return read
