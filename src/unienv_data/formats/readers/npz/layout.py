"""Which arrays of .npz files are columns, and which rows are an episode. Pure functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unienv_data.formats.readers.npz.members import Member

__all__ = ["Layout", "of_episode_files", "of_one_file"]

Members = Mapping[str, Member]
_MOST_SAID = 4096
"""Values of an array that is said of an episode, at most."""


@dataclass(frozen=True)
class Layout:
    """What the arrays are.

    Args:
        columns: those with a row for each step; the header of the first file's.
        final: those of them with one row more in each episode.
        said: those that are said of an episode.
        unreadable: why others cannot be read.
    """

    columns: Mapping[str, Member]
    final: frozenset[str] = frozenset()
    said: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)


def of_episode_files(files: Sequence[tuple[str, Members]]) -> tuple[Layout, list[int]]:
    """The layout of files of an episode each, and how many rows each has.

    An episode has as many rows as most of its arrays. Arrays with as many rows in every file are columns, and
    with one row more what was observed after the last step too. What else is small is said of the episode.

    Args:
        files: the address of each, and its arrays.
    """
    rows = [_usual_length(members) for _, members in files]
    columns: dict[str, Member] = {}
    final, said, unreadable = set(), [], {}
    for name, first in files[0][1].items():
        reason = _unreadable(first)
        found = [members.get(name) for _, members in files]
        fits = [each for each in found if each is not None and each.shape]
        lengths = [each.shape[0] for each in fits]
        if reason is not None:
            unreadable[name] = f"{files[0][0]}: the array {name} {reason}"
        elif lengths == rows or (len(fits) == len(rows) and lengths == [count + 1 for count in rows]):
            columns[name] = first
            if lengths != rows:
                final.add(name)
        elif all(each is None or math.prod(each.shape) <= _MOST_SAID for each in found):
            said.append(name)
        else:
            number = next(n for n, each in enumerate(found) if each is None or each.shape[:1] != (rows[n],))
            shape = "is missing" if found[number] is None else f"has the shape {list(_shape(found[number]))}"
            unreadable[name] = (
                f"{files[number][0]}: the array {name} {shape}, but the episode has {rows[number]} rows"
            )
    return Layout(columns, frozenset(final), tuple(said), unreadable), rows


def of_one_file(where: str, members: Members, rows: int, episodes: int, ends: str | None) -> Layout:
    """The layout of a file of all rows.

    Args:
        where: its address.
        members: its arrays.
        rows: how many there are.
        episodes: how many there are.
        ends: the array that says where they end.
    """
    columns: dict[str, Member] = {}
    said, unreadable = [], {}
    for name, member in members.items():
        reason = _unreadable(member)
        if name == ends:
            continue
        if reason is not None:
            unreadable[name] = f"{where}: the array {name} {reason}"
        elif member.shape[:1] == (rows,):
            columns[name] = member
        elif member.shape[:1] == (episodes,) and ends is not None:
            said.append(name)
        else:
            unreadable[name] = (
                f"{where}: the array {name} has the shape {list(member.shape)}, but there are {rows} rows"
            )
    return Layout(columns, said=tuple(said), unreadable=unreadable)


def _usual_length(members: Members) -> int:
    counts = Counter(member.shape[0] for member in members.values() if member.shape)
    return max(counts, key=lambda length: (counts[length], -length)) if counts else 0


def _unreadable(member: Member) -> str | None:
    if member.dtype.kind == "O":
        return "holds Python objects, pickled, which are never loaded: a pickle runs whatever code is in it"
    if member.dtype.kind not in "biufSU":
        return f"has values of the type {member.dtype}, which have no place in a store"
    if member.is_text and len(member.shape) > 1:
        return f"has texts of the shape {list(member.shape)}; one a row can be read"
    return None


def _shape(member: Member | None) -> tuple[int, ...]:
    return () if member is None else member.shape
