"""What writes a foreign format: it takes what a Reader gives, facts first, then chunks of columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from unienv_data.formats.base import Chunk, Facts
from unienv_data.formats.naming import path_name
from unienv_data.formats.source import Source

__all__ = ["Writer"]


class Writer(ABC):
    """Writes one format. Made by `open`, used as a context manager.

    What is left before `finish` is no recording, and is removed by whoever opened the writer. A module
    that defines a writer imports without the format's extra; what needs it says so when first used.
    """

    name: ClassVar[str]
    """What `--to` takes: the name of the format's reader, where there is one."""
    title: ClassVar[str]
    """What people call the format."""
    extensions: ClassVar[tuple[str, ...]] = ()
    """Endings of destinations that choose this format, with the dot."""
    extra: ClassVar[str | None] = None
    """The extra of this distribution that writing needs."""
    option_help: ClassVar[Mapping[str, str]] = {}
    """The options that `open` takes, each with a sentence about it."""
    members: ClassVar[tuple[str, ...]] = ()
    """Patterns of the names of all files in such a folder, `meta/*.json`; `*` goes across slashes. A folder
    that holds anything else is never replaced; without patterns none is."""

    @classmethod
    def is_recording(cls, source: Source) -> bool:
        """Whether what stands there is such a recording and nothing else, so that it may be replaced."""
        if source.is_file:
            return source.label.lower().endswith(cls.extensions)
        names = source.files
        return bool(names) and all(any(fnmatchcase(name, each) for each in cls.members) for name in names)

    @classmethod
    @abstractmethod
    def check(cls, facts: Facts, options: Mapping[str, str] | None = None) -> None:
        """See that the format can hold what is to be written.

        Args:
            facts: of exactly the columns and episodes that will be written; no column has a value after an
                episode's last row.
            options: what this format lets a user choose.

        Raises:
            ConversionError: every column or episode that it cannot hold, and what to do about it; an unknown
                option.
            MissingDependencyError: writing needs a package that is not installed.
        """

    @classmethod
    def places(cls, facts: Facts, options: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Where the format's reader will find each column: source name -> path, its parts joined by slashes.

        Args:
            facts: of exactly the columns and episodes that will be written.
            options: what this format lets a user choose.
        """
        return {column.name: path_name(column.path) for column in facts.columns}

    @classmethod
    def encoded_columns(cls, facts: Facts, options: Mapping[str, str] | None = None) -> Sequence[str]:
        """The columns (source names) that are rather taken as they are encoded, of those that can be had so.

        Args:
            facts: of exactly the columns and episodes that will be written.
            options: what this format lets a user choose.
        """
        return ()

    @classmethod
    def notes(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Sequence[str]:
        """What a person should know before: what is left out or changed, a sentence each.

        Args:
            place: of which the name is the destination's.
            facts: of exactly the columns and episodes that will be written.
            options: what this format lets a user choose.
        """
        return ()

    @classmethod
    @abstractmethod
    def open(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Self:
        """A writer of a new recording.

        Args:
            place: a local path where nothing stands; its folder does. Its name is the destination's: a file
                or a folder, whichever the format makes of that name.
            facts: of exactly the columns and episodes that will be written, in that order.
            options: what this format lets a user choose.
        """

    @abstractmethod
    def write(self, chunk: Chunk) -> None:
        """Write rows. Chunks come in the order of the episodes, each from its first row to its last.

        Args:
            chunk: decoded, but for `encoded_columns`; `Chunk.episode` counts the episodes of the facts that
                `open` was given.
        """

    @abstractmethod
    def finish(self) -> None:
        """Write what stands at the end: footers, statistics, tables of episodes. All files are complete then;
        that they are on the disk is seen to by whoever opened the writer."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is open. May be called twice, and without `finish`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
