"""Which columns a shaped source has, and how each is made of the source's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from unienv_data.conversion.planning.selection import means
from unienv_data.conversion.shaping.casting import cast_column, parse_cast
from unienv_data.conversion.shaping.changes import Change
from unienv_data.conversion.shaping.finals import (
    COLUMN,
    NONE,
    ROW,
    check_next_paths,
    final_encoded,
    next_path,
    padding_column,
)
from unienv_data.conversion.shaping.instructions import TASK, fill_texts, task_column
from unienv_data.conversion.shaping.pictures import (
    flip_column,
    parse_size,
    reorder_column,
    resize_column,
)
from unienv_data.conversion.shaping.renaming import check_tree, renamed_paths
from unienv_data.conversion.shaping.rules import ShapingRules
from unienv_data.errors import ConversionError
from unienv_data.formats import SourceColumn
from unienv_data.formats.naming import Path, path_name

__all__ = ["MASK", "NEXT", "SAME", "TEXT", "ShapedColumn", "shape_columns"]

SAME, NEXT, MASK, TEXT = "same", "next", "mask", "text"
"""What a column has in a row: its source's value; that after the row; whether it is padding; the task."""

T = TypeVar("T")


@dataclass(frozen=True)
class ShapedColumn:
    """One column of a shaped source.

    Args:
        column: what it is, as others see it.
        role: what it has in a row.
        origin: the source's column that it is made of; None where it is made of none.
        changes: what is done to the values, in turn.
    """

    column: SourceColumn
    role: str
    origin: SourceColumn | None = None
    changes: tuple[Change, ...] = ()


def shape_columns(columns: Sequence[SourceColumn], rules: ShapingRules) -> dict[str, ShapedColumn]:
    """Name -> column, in the source's order.

    Raises:
        ConversionError: a rule means no column, or one that it does not fit; two would have one path.
    """
    has_final = any(column.has_final for column in columns)
    choice = rules.next_observation if has_final else NONE
    shaped = _changed(_renamed(columns, rules, choice), rules)
    found: dict[str, ShapedColumn] = {}
    for column in columns:
        mine, after, changes = shaped[column.name]
        encoded = final_encoded(replace(mine, has_final=column.has_final), choice).encoded
        mine = replace(mine, has_final=False, encoded=encoded)
        found[mine.name] = ShapedColumn(mine, SAME, column, changes)
        if column.has_final and choice == COLUMN:
            name = _free(f"next_{mine.name}", (*found, *shaped))
            found[name] = ShapedColumn(replace(mine, name=name, path=after), NEXT, column, changes)
    if choice == ROW:
        name = _free(padding_column("").path[0], found)
        found[name] = ShapedColumn(padding_column(name), MASK)
    if rules.task is not None:
        _give_task(found, rules.task)
    check_tree({name: item.column.path for name, item in found.items()})
    return found


def _renamed(
    columns: Sequence[SourceColumn], rules: ShapingRules, choice: str
) -> list[tuple[SourceColumn, Path]]:
    """The columns at their places, and where what follows each of their rows would stand."""
    paths = {column.name: column.path for column in columns}
    follow = {column.name: next_path(column.path) for column in columns if column.has_final}
    if choice != COLUMN:
        follow = {}
    places = renamed_paths(paths, rules.rename, also=list(follow.values()))
    # A renaming may mean the new columns by themselves; else they follow those that they belong to.
    meant = {old: new for old, new in rules.rename.items() if _begins(old, follow.values())}
    named = renamed_paths({f"next_{name}": path for name, path in follow.items()}, meant)
    after = {}
    for name, path in follow.items():
        own = named[f"next_{name}"]
        after[name] = own if own != path else next_path(places[name])
    check_next_paths(after, places)
    return [(replace(column, path=places[column.name]), after.get(column.name, ())) for column in columns]


def _begins(old: str, paths: Iterable[Path]) -> bool:
    text = old.strip("/")
    return any(f"{path_name(path)}/".startswith(f"{text}/") for path in paths)


def _changed(
    columns: Sequence[tuple[SourceColumn, Path]], rules: ShapingRules
) -> dict[str, tuple[SourceColumn, Path, tuple[Change, ...]]]:
    """The columns as the rules make them: cast first, so that what is resized is rounded once."""
    known = [column for column, _ in columns]
    steps: list[tuple[Mapping[str, Any], Callable[..., tuple[SourceColumn, Change | None]]]] = [
        (_chosen("cast", rules.cast, known, parse_cast), cast_column),
        (_chosen("channel-order", rules.channel_order, known, str), reorder_column),
        (_chosen("flip-images", rules.flip_images, known, str), flip_column),
        (_chosen("resize", rules.resize, known, parse_size), resize_column),
    ]
    shaped = {}
    for column, after in columns:
        mine = column
        changes: list[Change] = []
        for chosen, make in steps:
            if column.name in chosen:
                mine, change = make(mine, chosen[column.name])
                changes.extend([change] if change is not None else [])
        shaped[column.name] = mine, after, tuple(changes)
    return shaped


def _chosen(
    option: str, texts: Mapping[str, str], columns: Sequence[SourceColumn], parse: Callable[[str], T]
) -> dict[str, T]:
    """What each column (by name) that a pattern means is given; the last pattern counts."""
    chosen: dict[str, T] = {}
    for pattern, text in texts.items():
        meant = [column.name for column in columns if means(pattern, column)]
        if not meant:
            names = ", ".join(path_name(column.path) for column in columns)
            raise ConversionError(f"{option}: no column matches {pattern!r}; the columns are {names}")
        chosen.update(dict.fromkeys(meant, parse(text)))
    return chosen


def _give_task(found: dict[str, ShapedColumn], task: str) -> None:
    given = next((item for item in found.values() if item.column.path == (TASK,)), None)
    if given is not None:
        fill = fill_texts(given.column, task)
        for name, item in found.items():
            if item.origin == given.origin:
                found[name] = replace(item, changes=(*item.changes, fill))
        return
    name = _free(TASK, found)
    found[name] = ShapedColumn(task_column(name), TEXT)


def _free(name: str, taken: Iterable[str]) -> str:
    names = set(taken)
    while name in names:
        name += "_"
    return name
