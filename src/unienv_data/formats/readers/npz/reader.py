"""The reader of NumPy's .npz files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.base import (
    DEFAULT_CHUNK_BYTES,
    Chunk,
    Facts,
    Reader,
    SourceColumn,
    check_options,
    row_bytes,
)
from unienv_data.formats.naming import nested_paths
from unienv_data.formats.readers.npz.layout import Layout, of_episode_files, of_one_file
from unienv_data.formats.readers.npz.members import Member, MemberRows, NpzFile
from unienv_data.formats.source import Source
from unienv_data.formats.tables.parts import in_natural_order
from unienv_data.formats.tabular.about import About
from unienv_data.formats.tabular.arrow import array_space, text_space
from unienv_data.formats.tabular.episode_columns import episode_table
from unienv_interface.space.space import AnySpace

__all__ = ["NpzReader"]

ENDS = "ends"
USUAL_ENDS = "episode_ends"
ABOUT = "about.json"
_ENDING = ".npz"


class NpzReader(Reader):
    """Reads .npz files: a folder of one an episode, or one of all rows with `episode_ends`."""

    name = "npz"
    title = "NPZ"
    layout = "a .npz file, or a folder of them"
    extensions = (_ENDING,)
    option_help: ClassVar[Mapping[str, str]] = {
        ENDS: f"of a single file: the array that says after which row each episode ends; {USUAL_ENDS} if it "
        "is there, and else all rows are one episode"
    }

    def __init__(self, source: Source, ends: str | None) -> None:
        self._source = source
        self._given_ends = ends

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there are .npz files, and none but them and what is said of them."""
        if source.is_file:
            return source.label.lower().endswith(_ENDING)
        return bool(_npz_files(source))

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the files."""
        return cls(source, check_options(cls, options).get(ENDS))

    def facts(self) -> Facts:
        """What the files hold."""
        return self._facts

    @cached_property
    def _names(self) -> list[str]:
        names = [""] if self._source.is_file else _npz_files(self._source)
        if not names:
            raise ConversionError(f"{self._source.where()}: there are no {_ENDING} files")
        if self._given_ends is not None and len(names) > 1:
            raise ConversionError(
                f"option {ENDS}: it is for a single file; here are {len(names)}, each of them an episode"
            )
        return names

    @cached_property
    def _members(self) -> list[Mapping[str, Member]]:
        """The headers of each file's arrays."""
        found = []
        for name in self._names:
            with closing(NpzFile(self._source, name)) as file:
                found.append(file.members())
        return found

    @cached_property
    def _ends_array(self) -> str | None:
        """What says where episodes end, if it is said in a file of all rows."""
        members = self._members[0]
        if self._given_ends is not None and self._given_ends not in members:
            raise ConversionError(
                f"{self._source.where(self._names[0])}: there is no array {self._given_ends!r}, which should "
                f"say where episodes end; the arrays are {', '.join(members)}"
            )
        name = self._given_ends or USUAL_ENDS
        return name if len(self._names) == 1 and name in members else None

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """(E,) the row after each episode's last, of a single file of all rows."""
        where = self._source.where(self._names[0])
        member = self._members[0][self._ends_array or ""]
        if member.dtype.kind not in "iu" or len(member.shape) != 1:
            raise ConversionError(
                f"{where}: integers, one an episode, were expected in {member.name}, not {member.dtype} "
                f"{list(member.shape)}"
            )
        with closing(NpzFile(self._source, self._names[0])) as file:
            ends = file.rows(member).read(0, member.shape[0]).astype(np.int64)
        if (np.diff(ends, prepend=0) < 0).any():
            raise ConversionError(f"{where}: the ends in {member.name} do not rise: {ends.tolist()[:8]} ...")
        rows = int(ends[-1]) if len(ends) else 0
        others = [each for each in self._members[0].values() if each.name != member.name and each.shape]
        if others and all(each.shape[0] != rows for each in others):
            raise ConversionError(
                f"{where}: the last episode ends after row {rows}, by {member.name}, but no array has as "
                f"many rows: {', '.join(f'{each.name} has {each.shape[0]}' for each in others[:8])}"
            )
        return ends

    @cached_property
    def _layout(self) -> tuple[Layout, list[int]]:
        if self._ends_array is not None:
            lengths = np.diff(self._ends, prepend=0).tolist()
            where = self._source.where(self._names[0])
            return of_one_file(where, self._members[0], sum(lengths), len(lengths), self._ends_array), lengths
        files = zip(map(self._source.where, self._names), self._members, strict=True)
        return of_episode_files(list(files))

    @cached_property
    def _facts(self) -> Facts:
        layout, lengths = self._layout
        if not layout.columns:
            reasons = "; ".join(layout.unreadable.values()) or "there are no arrays with a row a step"
            raise ConversionError(f"{self._source.where()}: there are no columns: {reasons}")
        about = self._about
        said = about.of_episodes(len(lengths))
        for number, values in enumerate(self._said(layout, len(lengths))):
            said[number] |= values
        paths = nested_paths(layout.columns)
        names: list[int] | list[str] = list(range(len(lengths)))
        if self._ends_array is None and about.others.get("written_as") != self.name:
            names = [name.removesuffix(_ENDING) or self._source.label for name in self._names]
        notes = []
        if self._ends_array is None and len(self._names) == 1 and self._source.is_file:
            notes.append("Nothing says where episodes end: all rows are one (--option ends=ARRAY).")
        return Facts(
            format=self.name,
            version="",
            columns=tuple(
                SourceColumn(
                    name,
                    paths[name],
                    _space(member),
                    attributes=about.columns.get(name, {}),
                    has_final=name in layout.final,
                )
                for name, member in layout.columns.items()
            ),
            episodes=episode_table(lengths, names, said),
            source_bytes=self._source.total_bytes,
            unreadable=layout.unreadable,
            attributes=about.attributes,
            notes=tuple(notes),
        )

    @cached_property
    def _about(self) -> About:
        known = not self._source.is_file and ABOUT in self._source.files
        return About.of(self._source.read(ABOUT)) if known else About()

    def _said(self, layout: Layout, episodes: int) -> list[dict[str, Any]]:
        """What arrays that are no columns say of each episode."""
        said: list[dict[str, Any]] = [{} for _ in range(episodes)]
        if not layout.said:
            return said
        for number, (name, members) in enumerate(zip(self._names, self._members, strict=True)):
            with closing(NpzFile(self._source, name)) as file:
                for array in layout.said:
                    if array not in members:
                        continue
                    member = members[array]
                    # A scalar is a row of one without an axis of rows.
                    whole = Member(array, member.dtype, member.shape or (1,), member.is_fortran)
                    values = file.rows(whole).read(0, whole.shape[0]).tolist()
                    if self._ends_array is None:
                        said[number][array] = values if member.shape else values[0]
                        continue
                    for each, value in zip(said, values, strict=True):
                        each[array] = value
        return said

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """See that the arrays are alike in all files."""
        known = self._layout[0].columns
        problems = []
        for name, members in zip(self._names, self._members, strict=True):
            for column in columns:
                mine, first = members[column], known[column]
                if mine.shape[1:] != first.shape[1:] or (mine.dtype != first.dtype and not first.is_text):
                    problems.append(
                        f"{self._source.where(name)}: the array {column} is {mine.dtype} "
                        f"{list(mine.shape[1:])} a row, in {self._names[0]} it is {first.dtype} "
                        f"{list(first.shape[1:])}"
                    )
        if problems:
            more = f"; and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
            raise ConversionError("; ".join(problems[:_MOST_PROBLEMS]) + more)

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes; each file is unpacked once where the episodes are in order."""
        layout, lengths = self._layout
        weight = row_bytes([_space(layout.columns[name]) for name in columns])
        rows_at_once = max(1, target_bytes // max(1, weight))
        starts = np.cumsum([0, *lengths])
        opened: tuple[int, dict[str, MemberRows]] | None = None
        with ExitStack() as stack:
            for episode in episodes:
                number = 0 if self._ends_array is not None else episode
                first = int(starts[episode]) if self._ends_array is not None else 0
                if lengths[episode] and (opened is None or opened[0] != number):
                    stack.close()
                    file = stack.enter_context(closing(NpzFile(self._source, self._names[number])))
                    members = self._members[number]
                    opened = number, {name: file.rows(members[name]) for name in columns}
                for start in range(0, lengths[episode], rows_at_once):
                    stop = min(start + rows_at_once, lengths[episode])
                    arrays = opened[1] if opened is not None else {}
                    values = {
                        name: rows.read(first + start, first + stop + (name in layout.final))
                        for name, rows in arrays.items()
                    }
                    yield Chunk(episode, start, stop - start, values, ends_episode=stop == lengths[episode])

    def close(self) -> None:
        """Nothing stays open between calls."""


_MOST_PROBLEMS = 8


def _space(member: Member) -> AnySpace:
    return text_space() if member.is_text else array_space(member.row_dtype, member.shape[1:])


def _npz_files(source: Source) -> list[str]:
    """Those of a folder."""
    return in_natural_order(name for name in source.files if name.lower().endswith(_ENDING))
