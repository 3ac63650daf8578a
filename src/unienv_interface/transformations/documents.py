"""Reading the parameters of a transformation strictly, with every problem told where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from unienv_interface.backends.dtypes import DTYPE_NAMES
from unienv_interface.errors import DocumentError
from unienv_interface.space.space_utils.document_numbers import number_reader
from unienv_interface.space.space_utils.document_reading import Problems

__all__ = ["dtype_or_none", "numbers", "object_of", "one_of", "read_parameters", "text"]

T = TypeVar("T")
Reader = Callable[[Any, Problems], Any]

numbers = number_reader("float64", nested=True)
"""Reads a number, or nested arrays of numbers; integers stay integers."""


def read_parameters(
    document: Any,
    make: Callable[..., T],
    readers: Mapping[str, Reader],
    defaults: Mapping[str, Any] | None = None,
    check: Callable[[Mapping[str, Any], Problems], None] | None = None,
) -> T:
    """What `make` makes of the parameters that a document gives.

    Args:
        document: an object; its key "type" is not looked at.
        make: takes the parameters by name.
        readers: reader of each parameter.
        defaults: the values of parameters that may be left out, as documents have them.
        check: notes problems of parameters that are of the right form.

    Raises:
        DocumentError: there are problems; all of them, each with its location.
    """
    problems = Problems()
    made = None
    if isinstance(document, Mapping):
        arguments = problems.fields({**(defaults or {}), **document}, readers)
        if arguments is not None and check is not None:
            check(arguments, problems)
        if not problems.found:
            made = problems.build(make, arguments)
    else:
        problems.add("an object", document)
    if made is None:
        raise DocumentError("transformation", problems.found)
    return made


def text(value: Any, problems: Problems) -> str:
    """A string."""
    if not isinstance(value, str):
        problems.add("a string", value)
        return ""
    return value


def one_of(*choices: str) -> Callable[[Any, Problems], str]:
    """The reader of one of these strings."""

    def read(value: Any, problems: Problems) -> str:
        if not isinstance(value, str) or value not in choices:
            problems.add(f"one of {', '.join(choices)}", value)
            return choices[0]
        return value

    return read


_dtype_name = one_of(*DTYPE_NAMES)


def dtype_or_none(value: Any, problems: Problems) -> str | None:
    """The name of a data type, or null."""
    return None if value is None else _dtype_name(value, problems)


def object_of(reader: Callable[[Any, Problems], T]) -> Callable[[Any, Problems], dict[str, T]]:
    """The reader of an object whose values are what `reader` reads."""

    def read(value: Any, problems: Problems) -> dict[str, T]:
        if not isinstance(value, Mapping):
            problems.add("an object", value)
            return {}
        return {key: reader(item, problems.at(key)) for key, item in value.items()}

    return read
