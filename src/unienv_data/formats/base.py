"""What a foreign format is: facts first, then chunks of columns.

A Reader knows one format. Its facts (columns, episodes, lengths) are known before any bulk data is read; its
chunks are bounded in bytes, whatever the length of an episode. Whoever converts picks columns and episodes
and decides what the columns are called; a reader only says where it would put them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.naming import Path, nest
from unienv_data.formats.source import Source
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import DictSpace
from unienv_interface.space.space import AnySpace

__all__ = [
    "DEFAULT_CHUNK_BYTES",
    "Chunk",
    "EncodedForm",
    "Facts",
    "Reader",
    "SourceColumn",
    "check_options",
    "row_bytes",
    "space_of",
]

DEFAULT_CHUNK_BYTES = 16 << 20
"""How large a chunk may be, decoded. One row is the least, however large it is."""

TEXT_BYTES = 64
"""What a text is taken to weigh where only its space is known."""


@dataclass(frozen=True)
class EncodedForm:
    """How a store keeps a column in the form that it has in the source, without decoding it.

    Args:
        codec: the codec specification of such a column; rows that are appended later are encoded by it.
        chunk_rows: rows in a chunk.
        row_bytes: what a row weighs, about.
    """

    codec: str
    chunk_rows: int
    row_bytes: int


@dataclass(frozen=True)
class SourceColumn:
    """One column of a source.

    Args:
        name: what the source calls it.
        path: where it would stand in a nested row.
        space: one row's value, on the NumPy backend.
        lossy: what has already changed the recorded values (`video`, `jpeg`), or None where nothing has.
        attributes: what the store keeps about the column (names of its entries, units), strict JSON.
        encoded: how its rows can be stored as they are encoded in the source; None where they are decoded.
        has_final: whether an episode of T rows has T + 1 values of it, the last one after the last row: what
            was observed when the episode was over.
    """

    name: str
    path: Path
    space: AnySpace
    lossy: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    encoded: EncodedForm | None = None
    has_final: bool = False


@dataclass(frozen=True, eq=False)
class Facts:
    """All that is known of a source before its bulk data is read.

    Args:
        format: the reader's name.
        version: the format's version as the source gives it, or "".
        columns: every column that can be read.
        episodes: one row an episode, in order: `length` (int64, rows), `source_episode` (what the source
            calls it, a number or a text, each once), and any user columns (task, split, success).
        source_bytes: what the source weighs.
        unreadable: columns that the source has and no store can hold, each with the reason.
        attributes: what the store keeps about all of it (rates, the robot), strict JSON.
        notes: what a person should know before converting, a sentence each.
    """

    format: str
    version: str
    columns: tuple[SourceColumn, ...]
    episodes: pa.Table
    source_bytes: int
    unreadable: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Rows of each episode."""
        return tuple(int(length) for length in self.episodes["length"].to_numpy())

    @property
    def rows(self) -> int:
        """Rows of all episodes together."""
        return sum(self.lengths)

    @property
    def space(self) -> AnySpace:
        """One row, all columns nested as their paths say."""
        return space_of({column.path: column.space for column in self.columns})


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive rows of one episode.

    Args:
        episode: which, as a position in `Facts.episodes`.
        start: the first row's number within the episode.
        rows: how many rows (B).
        columns: source name -> batched value: arrays (B, *D) of the space's dtype, text as object arrays (B,)
            of str, other spaces as `batch_space` batches them; EncodedRows where such were asked for. Columns
            with `has_final` have (B + 1) values: the last one is the next chunk's first, or what follows the
            episode's last row.
        ends_episode: whether these are the episode's last rows.
    """

    episode: int
    start: int
    rows: int
    columns: Mapping[str, Any]
    ends_episode: bool


class Reader(ABC):
    """Reads one format. Made by `open`, used as a context manager.

    A module that defines a reader imports without the format's extra; what needs it says so when first used.
    """

    name: ClassVar[str]
    """What `--from` takes."""
    title: ClassVar[str]
    """What people call the format."""
    layout: ClassVar[str]
    """What `probe` looks for, said in messages: `a folder with meta/info.json`."""
    extensions: ClassVar[tuple[str, ...]] = ()
    """Endings of single files of this format, with the dot."""
    extra: ClassVar[str | None] = None
    """The extra of this distribution that some or all such sources need."""
    option_help: ClassVar[Mapping[str, str]] = {}
    """The options that `open` takes, each with a sentence about it."""

    @classmethod
    @abstractmethod
    def probe(cls, source: Source) -> bool:
        """Whether this looks like the format, damaged or of a version that cannot be read included.

        Cheap: listings and headers only.
        """

    @classmethod
    @abstractmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the source.

        Args:
            source: where the recording lies.
            options: what this format lets a user choose, of those in `option_help`.

        Raises:
            ConversionError: an option is unknown, see `check_options`, or its value is of no use.
        """

    @abstractmethod
    def facts(self) -> Facts:
        """What the source holds. Reads metadata only, once.

        Raises:
            ConversionError: something is missing, damaged, contradictory or of another version; the message
                names the files.
        """

    @abstractmethod
    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Find what would make `chunks` fail, as far as listings, headers and footers tell.

        Args:
            columns: source names.
            episodes: positions in the episode table.

        Raises:
            ConversionError: every problem found, with the files' names.
            MissingDependencyError: a column needs a package that is not installed.
        """

    @abstractmethod
    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes, in the order asked, in chunks of about `target_bytes`.

        Episodes without rows give no chunk. Reading in the order of the episode table reads each file once.
        What is wrong with an episode is raised where its rows are due, so that all before it have come;
        another call with the episodes after it goes on.

        Args:
            columns: source names.
            episodes: positions in the episode table.
            target_bytes: the size of a chunk's columns together, decoded but for those of `encoded`.
            encoded: those of the columns, with an encoded form, that are wanted in it.

        Raises:
            ConversionError: what is read is damaged or contradicts the facts.
            MissingDependencyError: a column needs a package that is not installed.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what is open. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def check_options(of: type[Any], options: Mapping[str, str] | None) -> dict[str, str]:
    """The options given for a format, all of which it knows.

    Args:
        of: a Reader or a Writer.
        options: what was given.

    Raises:
        ConversionError: it has no such option.
    """
    given = dict(options or {})
    unknown = sorted(set(given) - set(of.option_help))
    if unknown:
        known = "; ".join(f"{name}: {text}" for name, text in sorted(of.option_help.items())) or "none"
        raise ConversionError(f"{of.title} has no option {', '.join(unknown)}; its options are {known}")
    return given


def space_of(leaves: Mapping[Path, AnySpace]) -> AnySpace:
    """The row that these leaves make: DictSpaces nested by path, or the leaf itself if its path is empty."""
    return _as_space(nest(leaves))


def _as_space(tree: Any) -> AnySpace:
    if not isinstance(tree, dict):
        space: AnySpace = tree
        return space
    return DictSpace(NumpyComputeBackend, {key: _as_space(branch) for key, branch in tree.items()})


def row_bytes(spaces: Sequence[AnySpace]) -> int:
    """About how many bytes a row of these spaces takes in memory."""
    return sum(_space_bytes(space) for space in spaces)


def _space_bytes(space: AnySpace) -> int:
    if space.shape is None or space.dtype is None:
        return TEXT_BYTES
    return int(np.prod(space.shape, dtype=np.int64)) * int(np.dtype(space.dtype).itemsize)
