"""Which columns a pattern such as `observation/*` means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

from unienv_data.errors import PathError

__all__ = ["choose", "matches"]

T = TypeVar("T")


def matches(pattern: str, name: str) -> bool:
    """Whether `pattern` means the column `name`.

    `*` and `?` stand for characters within one part of a path, `**` for any number of parts. A pattern
    that means a group means every column below it.

    Example:
        >>> matches("observation/*", "observation/images/top"), matches("**/top", "observation/images/top")
        (True, True)
        >>> matches("obs*", "action")
        False
    """
    return _compiled(pattern).match(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    translated = ""
    for token in re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/")):
        translated += {"**/": r"(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(
            token, re.escape(token)
        )
    return re.compile(f"{translated}(?:/.*)?\\Z")


def choose(options: Mapping[str, T] | None, names: Iterable[str]) -> dict[str, T]:
    """The option of each column that a pattern means; of several patterns the last counts.

    Raises:
        PathError: a pattern means no column.
    """
    known = list(names)
    chosen: dict[str, T] = {}
    for pattern, option in (options or {}).items():
        found = [name for name in known if matches(pattern, name)]
        if not found:
            raise PathError(f"no column matches {pattern!r}; the columns are {', '.join(known) or 'none'}")
        chosen.update(dict.fromkeys(found, option))
    return chosen
