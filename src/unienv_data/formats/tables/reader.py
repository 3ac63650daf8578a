"""What the readers of tables share."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from itertools import accumulate
from typing import ClassVar, Self

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
from unienv_data.formats.source import Source
from unienv_data.formats.tables.columns import TableColumn, leaf_fields, table_column
from unienv_data.formats.tables.episodes import EPISODE_COLUMNS, Span, runs_of, spans_of_runs
from unienv_data.formats.tables.parts import Part, PartRows
from unienv_data.formats.tabular.about import About
from unienv_data.formats.tabular.episode_columns import episode_table

__all__ = ["TableReader"]

EPISODE_COLUMN = "episode_column"
EPISODES = "episodes"
NULLS = "nulls"
LARGEST_BATCH = 16384


class TableReader(Reader):
    """Reads rows from files that follow one another; episodes may go on in the next file."""

    extra = "images"
    option_help: ClassVar[Mapping[str, str]] = {
        EPISODE_COLUMN: "the column that tells episodes apart (--episode-column); without it, one of "
        + ", ".join(EPISODE_COLUMNS),
        NULLS: "`nan`: floats that are missing become NaN, which pandas writes so; refused without it",
        EPISODES: "where no column tells episodes apart: `file`, each file is one; `one`, all rows are one",
    }

    def __init__(
        self, source: Source, episode_column: str | None, episodes: str | None, nulls_are_nan: bool
    ) -> None:
        self._source = source
        self._nulls_are_nan = nulls_are_nan
        self._given_column = episode_column
        self._given_episodes = episodes

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the table."""
        given = check_options(cls, options)
        episodes = given.get(EPISODES)
        if episodes not in (None, "file", "one"):
            raise ConversionError(f"option {EPISODES}: `file` or `one` was expected, not {episodes!r}")
        if episodes is not None and EPISODE_COLUMN in given:
            raise ConversionError(f"option {EPISODES}: it is for tables without a column of episodes")
        nulls = given.get(NULLS)
        if nulls not in (None, "nan"):
            raise ConversionError(f"option {NULLS}: `nan` was expected, not {nulls!r}")
        return cls(source, given.get(EPISODE_COLUMN), episodes, nulls is not None)

    @abstractmethod
    def load_parts(self) -> Sequence[Part]:
        """The files in order, none of which is read but for footers and headers.

        Raises:
            ConversionError: a file is missing or damaged, or there are none.
        """

    @abstractmethod
    def about(self, first: Part) -> About:
        """What is said beside the rows."""

    def facts(self) -> Facts:
        """What the table holds."""
        return self._facts

    @cached_property
    def _parts(self) -> Sequence[Part]:
        parts = [part for part in self.load_parts() if part.rows]
        if not parts:
            raise ConversionError(f"{self._source.where()}: there are no rows")
        return parts

    @cached_property
    def _starts(self) -> list[int]:
        """The first row of each part, and the number of all rows."""
        return list(accumulate((part.rows for part in self._parts), initial=0))

    @cached_property
    def _about(self) -> About:
        return self.about(self._parts[0])

    @cached_property
    def _episode_column(self) -> str | None:
        """What tells episodes apart; None where files do, or nothing does."""
        names = self._parts[0].schema.names
        if self._given_episodes is not None:
            return None
        if self._given_column is not None:
            if self._given_column not in names:
                raise ConversionError(
                    f"{self._source.where(self._parts[0].name)}: there is no column {self._given_column!r}, "
                    f"which should tell episodes apart; the columns are {', '.join(names)}"
                )
            return self._given_column
        said = self._about.others.get(EPISODE_COLUMN)
        found = [name for name in (said, *EPISODE_COLUMNS) if name in names]
        if not found:
            raise ConversionError(
                f"{self._source.where()}: nothing tells episodes apart; name the column that does "
                f"(--episode-column NAME; the columns are {', '.join(names)}), or say that each file is an "
                f"episode (--option {EPISODES}=file) or all rows are one (--option {EPISODES}=one)"
            )
        return str(found[0])

    @cached_property
    def _spans(self) -> Sequence[Span]:
        column = self._episode_column
        if column is not None:
            return spans_of_runs(self._runs(column), self._source.where(), column)
        if self._given_episodes == "one":
            return [Span(0, 0, self._starts[-1])]
        return [
            Span(part.name or self._source.label, start, start + part.rows, part.split)
            for part, start in zip(self._parts, self._starts, strict=False)
        ]

    def _runs(self, column: str) -> Iterator[tuple[int | str, int, str | None]]:
        for part in self._parts:
            where = f"{self._source.where(part.name)}: the column {column}"
            if column not in part.schema.names:
                raise ConversionError(f"{where} is missing")
            with closing(part.open([column], LARGEST_BATCH)) as rows:
                for name, count in runs_of(rows.read(0, part.rows)[column], where):
                    yield name, count, part.split

    @cached_property
    def _columns(self) -> tuple[dict[str, TableColumn], dict[str, str]]:
        """The columns in the order of the first file, and why others cannot be read."""
        first = self._parts[0]
        known: dict[str, TableColumn] = {}
        unreadable: dict[str, str] = {}
        with closing(first.open(first.schema.names, 1)) as rows:
            row = rows.read(0, 1)
        for place, field in leaf_fields(first.schema):
            name = ".".join(place)
            try:
                known[name] = table_column(place, field, row, self._source)
            except ConversionError as exc:
                unreadable[name] = str(exc)
        if not known:
            raise ConversionError(f"{self._source.where(first.name)}: there are no columns that can be read")
        return known, unreadable

    @cached_property
    def _facts(self) -> Facts:
        columns, unreadable = self._columns
        paths = nested_paths(columns)
        about = self._about
        spans = self._spans
        said = about.of_episodes(len(spans))
        for each, span in zip(said, spans, strict=True):
            if span.split is not None:
                each.setdefault("split", span.split)
        return Facts(
            format=self.name,
            version="",
            columns=tuple(
                SourceColumn(
                    name,
                    paths[name],
                    column.space,
                    column.lossy,
                    {**column.attributes, **about.columns.get(name, {})},
                    column.encoded,
                )
                for name, column in columns.items()
            ),
            episodes=episode_table([span.stop - span.start for span in spans], _names(spans), said),
            source_bytes=self._source.total_bytes,
            unreadable=unreadable,
            attributes=about.attributes,
        )

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """See that all files have the columns, and that images can be decoded."""
        known = {name: self._columns[0][name] for name in columns}
        first = self._parts[0]
        types = {place: field.type for place, field in leaf_fields(first.schema)}
        problems = []
        for part in self._parts[1:]:
            mine = {place: field.type for place, field in leaf_fields(part.schema)}
            for name, column in known.items():
                if mine.get(column.place) != types[column.place]:
                    other = mine.get(column.place, "missing")
                    problems.append(
                        f"{self._source.where(part.name)}: the column {name} is {other}, in {first.name} it "
                        f"is {types[column.place]}"
                    )
        if problems:
            more = f"; and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
            raise ConversionError("; ".join(problems[:_MOST_PROBLEMS]) + more)
        with closing(first.open(_roots(known.values()), 1)) as rows:
            row = rows.read(0, 1)
        for column in known.values():
            column.read(
                row,
                self._source,
                self._source.where(first.name),
                as_encoded=False,
                nulls_are_nan=self._nulls_are_nan,
            )

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes; each file is read once where the episodes are in order."""
        known = {name: self._columns[0][name] for name in columns}
        weight = row_bytes([column.space for name, column in known.items() if name not in encoded])
        forms = [known[name].encoded for name in encoded if name in known]
        weight += sum(form.row_bytes for form in forms if form is not None)
        rows_at_once = max(1, target_bytes // max(1, weight))
        with closing(_OpenPart(_roots(known.values()), min(rows_at_once, LARGEST_BATCH))) as current:
            for position in episodes:
                span = self._spans[position]
                start = span.start
                while start < span.stop:
                    number = bisect_right(self._starts, start) - 1
                    stop = min(start + rows_at_once, span.stop, self._starts[number + 1])
                    part, first = self._parts[number], self._starts[number]
                    table = current.of(part).read(start - first, stop - first)
                    where = f"{self._source.where(part.name)}, rows {start - first} to {stop - first - 1}"
                    values = {
                        name: column.read(
                            table,
                            self._source,
                            where,
                            as_encoded=name in encoded,
                            nulls_are_nan=self._nulls_are_nan,
                        )
                        for name, column in known.items()
                    }
                    rows = stop - start
                    yield Chunk(position, start - span.start, rows, values, ends_episode=stop == span.stop)
                    start = stop

    def close(self) -> None:
        """Nothing stays open between calls."""


_MOST_PROBLEMS = 8


class _OpenPart:
    """The files, of which one is open at a time."""

    def __init__(self, columns: Sequence[str], batch_rows: int) -> None:
        self._columns = columns
        self._batch_rows = batch_rows
        self._part: Part | None = None
        self._rows: PartRows | None = None

    def of(self, part: Part) -> PartRows:
        """The rows of a file."""
        if self._rows is None or self._part is not part:
            self.close()
            self._part, self._rows = part, part.open(self._columns, self._batch_rows)
        return self._rows

    def close(self) -> None:
        """Close the open file."""
        if self._rows is not None:
            self._rows.close()
            self._part = self._rows = None


def _roots(columns: Collection[TableColumn]) -> list[str]:
    return list(dict.fromkeys(column.place[0] for column in columns))


def _names(spans: Sequence[Span]) -> list[int] | list[str]:
    """What the table calls each, each once: in several splits, the split before it."""
    names = [span.name for span in spans]
    if len(set(names)) == len(names) and len({type(name) for name in names}) == 1:
        return names  # type: ignore[return-value]  # all of one kind
    return [str(span.name) if span.split is None else f"{span.split}/{span.name}" for span in spans]
