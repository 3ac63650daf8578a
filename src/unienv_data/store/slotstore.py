"""What a `ZarrStorage` asks of the place where its slots are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from unienv_data.base.expectation import Expectation
from unienv_data.columns.data import ColumnData, ColumnInfo, EncodedRows
from unienv_data.errors import SpaceError
from unienv_data.indexing import RowIndex
from unienv_data.order import Blocks, even_blocks
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.store.objects import ObjectStore, StreamPlace

__all__ = ["SlotStore"]


class SlotStore(ABC):
    """Slots of columns: numbered places, each of which shows one row of every column.

    A slot that was never written shows zeros, and empty ragged rows. Slots given to a store are within
    [0, length), and columns hold what their specifications say: whoever calls has made sure. What fails
    leaves everything as it was.
    """

    is_durable: ClassVar[bool]
    """Whether commits outlive the process; where they do not, there is nothing to gain by committing."""

    # What is there

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the slots are, for messages."""

    @property
    @abstractmethod
    def root(self) -> ObjectStore:
        """Where the dataset stands, of which these slots are a part.

        Raises:
            SpaceError: it stands nowhere, because the store is not durable.
        """

    @property
    @abstractmethod
    def length(self) -> int:
        """Number of slots."""

    @property
    @abstractmethod
    def commit_read(self) -> Commit:
        """The commit that this store begins from: the last one that it made or read."""

    @property
    @abstractmethod
    def seconds_since_commit(self) -> float:
        """How long ago that was made or read; 0 where the store is not durable."""

    @property
    @abstractmethod
    def is_closed(self) -> bool:
        """Whether `close` or `abandon` has been called."""

    @abstractmethod
    def describe(self) -> tuple[ColumnInfo, ...]:
        """What each column is, and what it takes."""

    def blocks(self, columns: Sequence[str]) -> Blocks:
        """How the slots fall into groups that lie together, for reading some columns."""
        return even_blocks(self.length)

    # Slots

    @abstractmethod
    def get(self, slots: RowIndex, columns: Sequence[str]) -> dict[str, ColumnData]:
        """The rows that the slots show, of the named columns, in the order of `slots`.

        Nobody else holds or changes what is returned.
        """

    def gives_encoded(self, column: str) -> bool:
        """Whether `encoded` may be asked of a column."""
        return False

    def encoded(self, slots: RowIndex, column: str) -> EncodedRows | None:
        """The rows that the slots show, as they are encoded; None where one was never written.

        Raises:
            SpaceError: rows of this column can only be decoded.
        """
        raise SpaceError(f"{column}: its rows can only be decoded")

    def expect(self, slots: RowIndex, columns: Sequence[str]) -> Expectation:
        """Say that rows will be read soon, so that what holds them can be brought near; waits for nothing.

        Returns:
            What keeps it near until it is released.
        """
        return Expectation()

    def stream(
        self, buffer_bytes: int, place: StreamPlace | None = None, *, shared: bool = False
    ) -> StreamPlace | None:
        """Have what is expected kept in this machine's memory, where it is not near anyway.

        Args:
            buffer_bytes: how many bytes of it.
            place: where another process keeps it; None for a place of its own.
            shared: other processes are to find it there.

        Returns:
            Where it is kept, for processes that are to share it; None where nothing is.
        """
        return None

    @abstractmethod
    def set(self, slots: RowIndex, columns: Mapping[str, ColumnData]) -> None:
        """Have the slots show new rows.

        Args:
            slots: which slots; where one comes twice, the later row counts.
            columns: as many rows of every column, by name; not kept hold of.
        """

    @abstractmethod
    def end_run(self) -> None:
        """What is set next has nothing to do with what was set last: an episode has ended.

        Codecs that look at neighbouring rows begin anew.
        """

    @abstractmethod
    def extend_length(self, count: int) -> None:
        """Add `count` slots, which are unwritten, to a store that grows."""

    @abstractmethod
    def shrink_length(self, count: int) -> None:
        """Remove the last `count` slots of a store that grows."""

    @abstractmethod
    def clear(self) -> None:
        """Remove every slot of a store that grows; unwrite every slot of one of fixed capacity."""

    @abstractmethod
    def keep(self, spans: Sequence[tuple[int, int]]) -> None:
        """Have the slots of each span [start, stop), in this order, become the slots from 0 on.

        No others stay, or, where the capacity is fixed, are written.

        Args:
            spans: slots, none twice.
        """

    @abstractmethod
    def savepoint(self) -> object | None:
        """What `restore` needs to have the slots show again what they show now; None where it cannot.

        It is good until the next commit.
        """

    @abstractmethod
    def restore(self, savepoint: Any) -> None:
        """Have the slots show what they showed at a savepoint."""

    # Commits

    @abstractmethod
    def commit(
        self, buffer: BufferState, *, attributes: Mapping[str, Any] | None = None, force: bool = False
    ) -> Commit:
        """Make what has been written the newest commit; nothing is done where nothing has changed.

        Args:
            buffer: what the replay buffer hands over.
            attributes: what is said of the data; None leaves it as it was.
            force: commit in any case.

        Raises:
            FencedError: another writer has taken over.
            ReadOnlyError: opened for reading.
        """

    @abstractmethod
    def seal(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> Commit:
        """Commit so that plain Zarr readers see every row, where there is anything for them to read."""

    @abstractmethod
    def compact(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> Commit:
        """As `seal`, with every row in the order of the slots and without gaps."""

    @abstractmethod
    def refresh(self) -> bool:
        """Move a reader forward to the newest commit; returns whether there was a newer one."""

    @abstractmethod
    def copy_to(self, root: ObjectStore, buffer: BufferState, attributes: Mapping[str, Any]) -> None:
        """Write the slots, as of the last commit where the store is durable, as a dataset of its own.

        Args:
            root: where it is to stand; nothing of a storage is there.
            buffer: what its commit says of the buffer.
            attributes: what its commit says of the data.
        """

    # Turns of processes that share a dataset

    @abstractmethod
    def begin_turn(self) -> None:
        """Wait for the turn to write, and go to the newest commit.

        Raises:
            WriterLockedError: another process has held the lock for a minute.
            SpaceError: the store is not durable, and so cannot be shared.
        """

    @abstractmethod
    def end_turn(self) -> None:
        """Give the turn back; what has not been committed is given up."""

    # The end

    @abstractmethod
    def close(self, buffer: BufferState | None = None, attributes: Mapping[str, Any] | None = None) -> None:
        """Commit what has been written, where `buffer` is given, and let go of everything."""

    @abstractmethod
    def abandon(self) -> None:
        """Let go of everything without committing."""
