"""Tensors that are kept: looked up, created, shared, saved and loaded."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from unienv_data.memory.files.registry import check_format, format_named, format_of_path
from unienv_data.memory.layout import Snapshot, TensorLayout, mismatches
from unienv_data.memory.place import Place
from unienv_data.memory.position import Position
from unienv_data.memory.sizes import at_least_one, item_shape
from unienv_data.memory.tensors import Tensors
from unienv_data.store.objects import join_url, shown_url
from unienv_interface._optional import import_optional
from unienv_interface.backends.pytorch import PyTorchComputeBackend
from unienv_interface.errors import SpaceError

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["KeptTensors"]


class KeptTensors:
    """All of a memory but recording and sampling. The arguments are those of `Memory`."""

    def __init__(
        self,
        memory_size: int,
        num_envs: int = 1,
        device: str | torch.device | None = None,
        export: bool = False,
        export_format: str = "pt",
        export_directory: str = "",
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.memory_size = at_least_one("memory_size", memory_size)
        self.num_envs = at_least_one("num_envs", num_envs)
        self.export_format = check_format(export_format, "export_format")
        self.export = export
        self.export_directory = os.fspath(export_directory)
        chosen = device or ("cuda:0" if torch.cuda.is_available() else "cpu")
        self.device: torch.device = PyTorchComputeBackend.canonical_device(chosen)
        self._storage_options = storage_options
        self._tensors = Tensors(self.memory_size, self.num_envs, self.device)
        self._place = Place(Position(self.memory_size, self.num_envs))

    def __getattr__(self, name: str) -> torch.Tensor:
        if name.startswith("_tensor_") and (found := self._tensors.by_name.get(name[8:])) is not None:
            return found
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def filled(self) -> bool:
        """Whether every cell has been recorded since the last reset."""
        return self._place.position().filled

    @property
    def memory_index(self) -> int:
        """The row that the next sample goes to."""
        return self._place.position().memory_index

    @property
    def env_index(self) -> int:
        """The environment that the next sample is of."""
        return self._place.position().env_index

    def share_memory(self) -> None:
        """Share the tensors between processes, and how far they are recorded.

        Processes that are started from now on, and are handed the memory as an argument, use the same
        tensors: what one records, others sample. They take turns; while one records or samples, others wait.
        Tensors that are created later are seen by processes started after that.
        """
        self._tensors.share()
        self._place.share()

    # Tensors

    def get_tensor_names(self) -> tuple[str, ...]:
        """The names of the tensors, sorted."""
        return tuple(sorted(self._tensors.by_name))

    def get_tensor_by_name(self, name: str, keepdim: bool = True) -> torch.Tensor:
        """A tensor; it is the memory's own, no copy.

        Args:
            name: its name.
            keepdim: as `(memory_size, num_envs, *D)`; without it `(memory_size * num_envs, *D)`.

        Raises:
            PathError: there is no such tensor.
        """
        return self._tensors.get(name) if keepdim else self._tensors.cells(name)

    def set_tensor_by_name(self, name: str, tensor: Any) -> None:
        """Set all of a tensor, whatever has been recorded; the indexes stay where they are.

        Args:
            name: its name.
            tensor: `(memory_size, num_envs, *D)`, `(memory_size * num_envs, *D)`, or what broadcasts to the
                former. A scaler stands for the mean that it holds (`running_mean`, `mean_` or `mean`),
                `(*D)`.

        Raises:
            PathError: there is no such tensor.
            SpaceValueError: what is given has no such shape.
        """
        with self._place.turn():
            self._tensors.set(name, tensor)

    def create_tensor(
        self, name: str, size: Any, dtype: torch.dtype | None = None, keep_dimensions: bool = False
    ) -> bool:
        """Create a tensor, `(memory_size, num_envs, *D)`.

        Args:
            name: a Python identifier; the tensor is also the attribute `_tensor_<name>`.
            size: elements of a sample; their shape; or the space of a sample, of this package, Gymnasium or
                gym.
            dtype: the data type; None for PyTorch's default.
            keep_dimensions: have D be the shape that `size` says, rather than the number of elements.

        Returns:
            Whether it was created; False where there is one like it, which keeps what it holds.

        Raises:
            SpaceError: the name, size or type cannot be used, or a tensor of this name holds something else.
        """
        shape = item_shape(size, keep_dimensions)
        return self._tensors.create(name, TensorLayout(shape, dtype or torch.get_default_dtype()))

    # Files

    def save(
        self,
        directory: str | os.PathLike[str] = "",
        format: str = "pt",
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> str:
        """Save the memory to a file of its own.

        Formats:

        - "pt": of PyTorch, tensors `(memory_size, num_envs, *D)` by name;
        - "npz", or "np": of NumPy, the same as arrays;
        - "csv": a row a recorded sample, a column an element;
        - "zarr": a dataset, see `unienv_data.open`, with an episode for each environment.

        All hold the indexes, too. "csv" and "zarr" hold what has been recorded, the others all cells.

        Args:
            directory: a folder or any fsspec URL; empty for the one that the constructor was given.
            format: one of these.
            storage_options: handed to the fsspec filesystem; None for those of the constructor.

        Returns:
            Where it was saved, under a name that nothing else has.

        Raises:
            SpaceValueError: there is no such format.
            SpaceError: there are no tensors yet.
        """
        written = format_named(format)
        if not self._tensors.by_name:
            raise SpaceError("there is nothing to save: create tensors first")
        name = f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S-%f}_memory_{secrets.token_hex(4)}{written.suffix}"
        url = join_url(os.fspath(directory) or self.export_directory or os.curdir, name)
        options = self._storage_options if storage_options is None else storage_options
        with self._place.turn():
            tensors = {name: self._tensors.get(name).cpu() for name in self.get_tensor_names()}
            written.write(url, Snapshot(self._place.position(), tensors), options)
        return url

    def load(self, path: str | os.PathLike[str], *, storage_options: Mapping[str, Any] | None = None) -> None:
        """Load what a memory like this one has saved; the name of the file says the format.

        Tensors that the memory does not have are passed over; where it has none, it gets those of the file,
        which "csv" does not describe. Files that rofunc and skrl export are read too, as full.

        Args:
            path: the file or dataset, a path or any fsspec URL.
            storage_options: handed to the fsspec filesystem; None for those of the constructor.

        Raises:
            SpaceValueError: the name says no format.
            DatasetNotFoundError: nothing is there.
            CorruptDataError: it is damaged, or no saved memory.
            UnsupportedVersionError: it was written by a later version.
            SpaceError: it was saved by a memory of other sizes, or its tensors are of other shapes or types;
                names them all. The memory is as it was before, as with the others.
        """
        url = os.fspath(path)
        options = self._storage_options if storage_options is None else storage_options
        wanted = self._tensors.layout
        snapshot = format_of_path(url).read(url, wanted, options)
        problems = mismatches(wanted, snapshot.layout)
        if problems:
            raise SpaceError(f"{shown_url(url)}: {'; '.join(problems)}")
        with self._place.turn():
            if not wanted.tensors:
                try:
                    self._tensors.create_all(snapshot.layout)
                except SpaceError as exc:
                    raise SpaceError(f"{shown_url(url)}: {exc}") from exc
            for name, tensor in self._tensors.by_name.items():
                tensor.copy_(snapshot.tensors[name])
            self._place.move_to(snapshot.position)
