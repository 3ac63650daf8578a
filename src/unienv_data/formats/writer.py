"""What writes a foreign format: it takes what a Reader gives, facts first, then chunks of columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from unienv_data.formats.base import Chunk, Facts

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
    is_file: ClassVar[bool] = False
    """Whether such a recording is a single file rather than a folder."""
    extensions: ClassVar[tuple[str, ...]] = ()
    """Endings of destinations that choose this format, with the dot."""
    extra: ClassVar[str | None] = None
    """The extra of this distribution that writing needs."""
    option_help: ClassVar[Mapping[str, str]] = {}
    """The options that `open` takes, each with a sentence about it."""

    @classmethod
    @abstractmethod
    def check(cls, facts: Facts, options: Mapping[str, str] | None = None) -> None:
        """See that the format can hold what is to be written.

        Args:
            facts: of exactly the columns and episodes that will be written.
            options: what this format lets a user choose.

        Raises:
            ConversionError: every column or episode that it cannot hold, and what to do about it; an unknown
                option.
            MissingDependencyError: writing needs a package that is not installed.
        """

    @classmethod
    @abstractmethod
    def open(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Self:
        """A writer of a new recording.

        Args:
            place: a local path where nothing stands; its folder does.
            facts: of exactly the columns and episodes that will be written, in that order.
            options: what this format lets a user choose.
        """

    @abstractmethod
    def write(self, chunk: Chunk) -> None:
        """Write rows. Chunks come in the order of the episodes, each from its first row to its last.

        Args:
            chunk: decoded; `Chunk.episode` counts the episodes of the facts that `open` was given.
        """

    @abstractmethod
    def finish(self) -> None:
        """Write what stands at the end: footers, statistics, tables of episodes. All is on the disk then."""

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
