"""Which columns episodes have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from unienv_data.formats.hdf5.columns import Hdf5Column

__all__ = ["Found", "agreed", "first_middle_last", "with_others"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Found:
    """The columns of one episode.

    Args:
        where: what to call it in messages.
        columns: by name.
        unreadable: what no store can hold, by name, each with the reason.
    """

    where: str
    columns: Mapping[str, Hdf5Column]
    unreadable: Mapping[str, str]


def first_middle_last(items: Sequence[T]) -> list[T]:
    """Up to three of the items: enough to see that not all episodes are alike, where they are of two kinds.

    Example:
        >>> first_middle_last("abcdefg"), first_middle_last("ab"), first_middle_last("")
        (['a', 'd', 'g'], ['a', 'b'], [])
    """
    places = sorted({0, len(items) // 2, len(items) - 1}) if items else []
    return [items[place] for place in places]


def with_others(found: Sequence[Found]) -> Found:
    """The columns of the first episode; what only later ones have is told as what cannot be read.

    What later episodes lack or have in another form is for `check` to tell: they may be damaged.

    Args:
        found: of some episodes of one file that have rows.
    """
    if not found:
        return Found("", {}, {})
    first = found[0]
    unreadable = dict(first.unreadable)
    for other in found[1:]:
        for name in (*other.columns, *other.unreadable):
            if name not in first.columns and name not in unreadable:
                unreadable[name] = f"{name} is in {other.where} and not in {first.where}"
    return Found(first.where, first.columns, unreadable)


def agreed(found: Sequence[Found]) -> tuple[list[Hdf5Column], dict[str, str]]:
    """The columns that all have alike; and the others, with what they differ in.

    Args:
        found: of an episode of each file, which has rows.
    """
    unreadable = {name: reason for each in reversed(found) for name, reason in each.unreadable.items()}
    columns = []
    for name in dict.fromkeys(name for each in found for name in each.columns):
        if name in unreadable:
            continue
        first = next(each for each in found if name in each.columns)
        column = first.columns[name]
        other = next((each for each in found if each.columns.get(name) != column), None)
        if other is None:
            columns.append(column)
        elif name in other.columns:
            held = f"{_space(column)} in {first.where} and {_space(other.columns[name])} in {other.where}"
            unreadable[name] = f"{name} is {held}"
        else:
            unreadable[name] = f"{name} is in {first.where} and not in {other.where}"
    return columns, unreadable


def _space(column: Hdf5Column) -> str:
    space: Any = column.space
    final = ", with a value after the last row" if column.has_final else ""
    return f"{space.dtype or 'text'} {tuple(space.shape or ())}{final}"
