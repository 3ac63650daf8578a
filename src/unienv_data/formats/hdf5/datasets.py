"""Datasets of an HDF5 file, whose headers are read once each.

h5py's own Dataset asks the library anew for its shape and dtype at each look, and takes any selection of
values. For datasets of a few dozen rows, of which recordings of demonstrations have thousands, that takes
longer than reading them.
"""

from __future__ import annotations

from functools import cache, cached_property
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface._optional import import_optional

__all__ = ["OpenDataset", "open_dataset"]


class OpenDataset:
    """What lies in a dataset, and its values.

    Args:
        id: h5py's, of its low level.

    Attributes:
        id: the same.
        shape: of all of it.
        chunks: of a chunk; None where the values lie in one piece, or elsewhere.
        lies_elsewhere: whether it only names other files that hold its values: whoever wrote it chose which.
    """

    def __init__(self, id: Any) -> None:
        h5d = _h5py().h5d
        created = id.get_create_plist()
        layout = created.get_layout()
        self.id = id
        self.shape: tuple[int, ...] = id.shape
        self.chunks: tuple[int, ...] | None = created.get_chunk() if layout == h5d.CHUNKED else None
        self.lies_elsewhere = layout == h5d.VIRTUAL or created.get_external_count() > 0

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Of a value.

        Raises:
            TypeError: NumPy has no such type.
        """
        dtype: np.dtype[Any] = self.id.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """How many axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """What the values weigh in memory."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __getitem__(self, place: Any) -> Any:
        """The values there, as h5py gives them."""
        return _h5py().Dataset(self.id)[place]

    def read_rows(self, start: int, stop: int, out: NDArray[Any]) -> None:
        """Read the rows from `start` to before `stop`.

        Args:
            start: the first row.
            stop: the row after the last.
            out: (stop - start, *D), contiguous, of any dtype that HDF5 turns its own into.

        Raises:
            OSError: they are damaged.
        """
        h5s = _h5py().h5s
        if start == 0 and stop == self.shape[0]:
            self.id.read(h5s.ALL, h5s.ALL, out)
            return
        here = self.id.get_space()
        here.select_hyperslab((start, *(0 for _ in self.shape[1:])), (stop - start, *self.shape[1:]))
        self.id.read(h5s.create_simple(out.shape), here, out)


def open_dataset(file: Any, place: str) -> OpenDataset | None:
    """A dataset of a file; None where there is none of that name.

    Args:
        file: an `h5py.File`.
        place: the dataset's name from the file's root.

    Raises:
        OSError, RuntimeError, ValueError: the file is damaged.
    """
    try:
        return OpenDataset(_h5py().h5d.open(file.id, place.encode()))
    except KeyError:
        if not hasattr(file.get(place), "shape"):
            return None
        raise


@cache
def _h5py() -> ModuleType:
    return import_optional("h5py", extra="hdf5")
