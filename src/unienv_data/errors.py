"""What can go wrong around stored data, continuing the tree of `unienv_interface.errors`.

UniEnvError
├── (SpaceError, SpaceValueError, InexactValueError, DocumentError, EnvError, MissingDependencyError)
├── IndexOutOfRangeError (IndexError)        a row that is not there
├── InvalidIndexError (TypeError, IndexError) not an index
├── PathError (KeyError)                     a column that is not there
├── CodecError (ValueError)                  a codec that cannot be understood or used
├── ClosedError (ValueError)                 used after close()
├── ReadOnlyError (PermissionError)          a change to what was opened for reading
├── SegmentError (RuntimeError)              an operation that the open segment forbids
├── EmptyDataError (ValueError)              sampling where there is nothing
├── ConversionError (ValueError)             a source that cannot be converted, or a plan that is refused
├── RecordingError (ValueError)              an environment that cannot be recorded, or a policy that fails
├── UnreachableError (ConnectionError)       a remote place has not answered in time
├── AccessRefusedError (PermissionError)     a remote place does not accept the credentials
├── WorkerError (RuntimeError)               something went wrong in a worker process
│   └── WorkerDiedError                      it has ended unasked
└── DatasetError (OSError)
    ├── DatasetExistsError (FileExistsError)
    ├── DatasetNotFoundError (FileNotFoundError)
    ├── UnsupportedVersionError (ValueError) written by a later version
    ├── CorruptDataError (ValueError)        what is stored is damaged or missing
    ├── StaleCommitError                     the pinned commit has been pruned
    ├── WriterLockedError (BlockingIOError)  somebody else is writing
    └── FencedError (PermissionError)        somebody else has taken over writing
"""

from __future__ import annotations

from unienv_interface.errors import (
    DocumentError,
    EnvError,
    InexactValueError,
    MissingDependencyError,
    SpaceError,
    SpaceValueError,
    UniEnvError,
)

__all__ = [
    "AccessRefusedError",
    "ClosedError",
    "CodecError",
    "ConversionError",
    "CorruptDataError",
    "DatasetError",
    "DatasetExistsError",
    "DatasetNotFoundError",
    "DocumentError",
    "EmptyDataError",
    "EnvError",
    "FencedError",
    "IndexOutOfRangeError",
    "InexactValueError",
    "InvalidIndexError",
    "MissingDependencyError",
    "PathError",
    "ReadOnlyError",
    "RecordingError",
    "SegmentError",
    "SpaceError",
    "SpaceValueError",
    "StaleCommitError",
    "UniEnvError",
    "UnreachableError",
    "UnsupportedVersionError",
    "WorkerDiedError",
    "WorkerError",
    "WriterLockedError",
]


class IndexOutOfRangeError(UniEnvError, IndexError):
    """An index addresses a row that is not there."""


class InvalidIndexError(UniEnvError, TypeError, IndexError):
    """Something that is not an index was used as one."""


class PathError(UniEnvError, KeyError):
    """A column, key or name that is not there."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a message is to be read.
        return str(self.args[0]) if self.args else ""


class CodecError(UniEnvError, ValueError):
    """A codec specification that cannot be understood, or a codec that does not fit its column."""


class ClosedError(UniEnvError, ValueError):
    """An object was used after it had been closed."""


class ReadOnlyError(UniEnvError, PermissionError):
    """A change was asked of something that is read-only, or was opened for reading."""


class SegmentError(UniEnvError, RuntimeError):
    """An operation that is not possible while a segment is open, or while none is."""


class EmptyDataError(UniEnvError, ValueError):
    """Samples were asked for where there are no rows."""


class ConversionError(UniEnvError, ValueError):
    """A source that cannot be converted, or a conversion that was refused before it began."""


class RecordingError(UniEnvError, ValueError):
    """An environment cannot be recorded, or a policy cannot be used or fails."""


class UnreachableError(UniEnvError, ConnectionError):
    """A remote place has not answered, though it was asked for as long as `retry_seconds` says."""


class AccessRefusedError(UniEnvError, PermissionError):
    """A remote place does not accept the credentials, or they do not allow what was asked."""


class WorkerError(UniEnvError, RuntimeError):
    """Something went wrong in or around a worker process.

    What is raised by the work itself arrives as what it is; only where it cannot be sent, it becomes this.
    """


class WorkerDiedError(WorkerError):
    """A worker process has ended without being asked to."""


class DatasetError(UniEnvError, OSError):
    """Base of what can be wrong with a dataset as a whole."""


class DatasetExistsError(DatasetError, FileExistsError):
    """A dataset was to be created where one, or something else, already stands."""


class DatasetNotFoundError(DatasetError, FileNotFoundError):
    """No dataset stands where one was expected."""


class UnsupportedVersionError(DatasetError, ValueError):
    """The dataset was written by a later version of the format."""


class CorruptDataError(DatasetError, ValueError):
    """Something that a commit refers to is missing, damaged, or another's.

    Attributes:
        object: the name within the storage of what came damaged; None where that is not known.
    """

    object: str | None = None


class StaleCommitError(DatasetError):
    """The commit that a reader was pinned to has been pruned; `refresh()` moves to the newest."""


class WriterLockedError(DatasetError, BlockingIOError):
    """Another writer holds the dataset."""


class FencedError(DatasetError, PermissionError):
    """Another writer has taken over; this one writes no more."""
