"""The contract of a storage that makes its changes durable by commits of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from unienv_data.base import SpaceStorage
from unienv_data.base.batch import BatchT
from unienv_data.base.traffic import Traffic
from unienv_data.columns import ColumnInfo
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.store.objects import ObjectStore
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["CommittingStorage"]


class CommittingStorage(SpaceStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """A storage into whose commits a replay buffer hands its state.

    A commit is all or nothing: rows, slots and the buffer's state of one moment.
    """

    supports_commit: ClassVar[bool] = True
    keeps_nothing: ClassVar[bool] = True

    @property
    def is_durable(self) -> bool:
        """Whether commits outlive the process.

        Where they do not, as in memory, nobody need commit: `committed` says with what the storage was
        made, or what was last handed over, and `copy_to` writes what there is.
        """
        return True

    @property
    @abstractmethod
    def objects(self) -> ObjectStore:
        """Where the dataset stands: the buffer keeps the episode table there.

        Raises:
            SpaceError: nowhere, because the storage is not durable.
        """

    def traffic(self) -> frozenset[Traffic]:
        is_remote = self.is_durable and not self.objects.is_local
        return frozenset((self.objects.traffic,)) if is_remote else frozenset()

    @property
    @abstractmethod
    def committed(self) -> Commit:
        """The commit that is read, or that was written last."""

    @property
    @abstractmethod
    def seconds_since_commit(self) -> float:
        """How long ago it was written, or read."""

    def options_for_readers(self) -> dict[str, Any]:
        """What `load_from` is given in processes that read along, beside what it was given here."""
        return {}

    @property
    def commit_number(self) -> int:
        """Its number."""
        return self.committed.number

    @property
    def is_sealed(self) -> bool:
        """Whether plain readers of the underlying format see every row, in order."""
        return self.committed.sealed and self.committed.is_in_order

    def savepoint(self) -> object | None:
        """What `restore` needs to bring the slots back to how they are now; None where it cannot.

        It is good until the next commit.
        """
        return None

    def restore(self, savepoint: object) -> None:
        """Bring the slots back to how they were at a savepoint."""

    @abstractmethod
    def describe(self) -> tuple[ColumnInfo, ...]:
        """What each stored column is."""

    @abstractmethod
    def commit(
        self, buffer: BufferState, attributes: Mapping[str, Any] | None = None, *, force: bool = False
    ) -> Commit:
        """Make every change since the last commit durable, together with the buffer's state.

        Args:
            buffer: the buffer's state.
            attributes: what is said of the data; None leaves it as it was.
            force: commit even where nothing has changed.

        Raises:
            FencedError: another writer has taken over.
            ReadOnlyError: opened for reading.
        """

    @abstractmethod
    def refresh(self) -> bool:
        """Move a reader forward to the newest commit; returns whether there was a newer one."""

    @abstractmethod
    def seal(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> Commit:
        """Commit so that plain readers of the underlying format see every row."""

    @abstractmethod
    def compact(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> Commit:
        """As `seal`, with every row written anew in order where removal and overwriting have left gaps."""

    @abstractmethod
    def copy_to(self, target: ObjectStore, buffer: BufferState, attributes: Mapping[str, Any]) -> None:
        """Write the last commit as a dataset of its own, encoded data copied as it is.

        Args:
            target: where to write; nothing is there.
            buffer: the buffer's state, whose episode table has been copied.
            attributes: what is said of the data.
        """

    @abstractmethod
    def release(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> None:
        """Commit, and close so that the next writer may continue at once."""

    @abstractmethod
    def begin_turn(self) -> None:
        """Where processes share the storage: wait for the turn to write, and go to the newest commit.

        Raises:
            WriterLockedError: another process does not give its turn back.
        """

    @abstractmethod
    def end_turn(self) -> None:
        """Give the turn back; what has not been committed is given up."""

    @abstractmethod
    def abandon(self) -> None:
        """Close without committing."""
