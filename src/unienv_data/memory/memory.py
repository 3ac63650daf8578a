"""A circular memory of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unienv_data.memory.indexes import cells_of
from unienv_data.memory.keeping import KeptTensors
from unienv_data.memory.position import spans_of
from unienv_data.memory.sampling import every_sequence, first_ages
from unienv_data.memory.sizes import at_least_one
from unienv_interface._optional import import_optional
from unienv_interface.errors import SpaceValueError

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["Memory"]


class Memory(KeptTensors):
    """Tensors `(memory_size, num_envs, *D)` in which the newest samples take the places of the oldest.

    Samples are recorded row by row, at a memory index and an environment index. Before a sample is recorded,
    a cell holds NaN where the tensor is of floating-point numbers, else 0. Tensors are addressed as such, or
    as cells `(memory_size * num_envs, *D)`: the sample of environment e in row m is cell `m * num_envs + e`.

    This class says nothing of which samples a batch takes: subclasses implement `sample`.

    Args:
        memory_size: rows.
        num_envs: parallel environments, a column each.
        device: where the tensors are; None for "cuda:0" where there is one, else "cpu".
        export: save the memory whenever its last cell is recorded.
        export_format: the format of that, see `save`.
        export_directory: a folder or any fsspec URL to save to; empty for the current folder.
        storage_options: handed to the fsspec filesystem of `export_directory`; never stored.

    Raises:
        SpaceValueError: there is no such format, or a size is less than 1.
        SpaceError: there is no such device.
        MissingDependencyError: PyTorch is not installed.

    Example:
        >>> import torch
        >>> from unienv_data.memory import Memory
        >>> memory = Memory(memory_size=3, num_envs=2, device="cpu")
        >>> memory.create_tensor("states", size=4)
        True
        >>> memory.add_samples(states=torch.ones(2, 4))
        >>> len(memory), memory.memory_index
        (2, 1)
    """

    _sampled: torch.Tensor | None = None

    def __len__(self) -> int:
        """How many samples there are: `memory_size * num_envs` once the memory has been filled."""
        return self._place.position().recorded

    # Recording

    def reset(self) -> None:
        """Have nothing recorded. What the tensors hold stays there until it is overwritten."""
        with self._place.turn():
            self._place.move_to(self._place.position().reset())

    def add_samples(self, /, **tensors: Any) -> None:
        """Record samples: `(n, *D)` of n environments, or `(*D)` of one.

        The samples of `num_envs` environments are a row. Those of fewer are of the next environments in
        order, and several calls complete the row. With one environment, n are its next n samples. A tensor of
        which no samples are given keeps what its cells hold. Other types of numbers are converted as PyTorch
        does.

        Args:
            **tensors: samples by the tensor's name; names of no tensor are passed over.

        Raises:
            SpaceValueError: no samples are given; they do not fit their tensors or each other; or there are
                more than the row has room for. Nothing has been recorded.
            DatasetError, OSError: the memory was filled and could not be exported. The samples up to
                there have been recorded.
        """
        if not tensors:
            raise SpaceValueError("samples", "name=tensor for one tensor at least", "none")
        samples, count = self._tensors.samples(tensors)
        with self._place.turn():
            position = self._place.position()
            room = position.room_in_row
            if count > room and self.num_envs > 1:
                what = f"at most {room}, which complete the row of {self.num_envs} environments"
                raise SpaceValueError("samples", what, f"{count}")
            for span, after in spans_of(position, count):
                self._tensors.record(samples, span)
                self._place.move_to(after)
                if self.export and after.head == 0:
                    self.save(
                        self.export_directory, self.export_format, storage_options=self._storage_options
                    )

    # Sampling

    def sample(
        self, names: Sequence[str], batch_size: int, mini_batches: int = 1, sequence_length: int = 1
    ) -> list[list[torch.Tensor]]:
        """Sample a batch; for subclasses to implement.

        Args:
            names: the tensors to sample.
            batch_size: sequences to sample, which are single samples by default.
            mini_batches: parts that the batch is divided into.
            sequence_length: samples of each sequence.

        Returns:
            For each mini-batch, a tensor for each name, `(sequences * sequence_length, *D)`, the samples of a
            sequence one after the other.

        Raises:
            NotImplementedError: by `Memory` itself, which has no order to sample in.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say what a batch takes: use RandomMemory, or implement sample()"
        )

    def sample_by_index(
        self, names: Sequence[str], indexes: Any, mini_batches: int = 1
    ) -> list[list[torch.Tensor]]:
        """The samples at given cells, copied.

        Args:
            names: the tensors to sample.
            indexes: (n,) cells, in a tensor, an array or a sequence; negative ones count from the last. Cells
                that have not been recorded hold what is there.
            mini_batches: parts that these are divided into, in order, of sizes that differ by at most 1.

        Returns:
            For each mini-batch, a tensor for each name, `(n, *D)`.

        Raises:
            PathError: there is no such tensor.
            IndexOutOfRangeError: there is no such cell.
            InvalidIndexError: the indexes are not integers, or not one after the other.
            SpaceValueError: there are fewer indexes than mini-batches.
        """
        cells = cells_of(indexes, self.memory_size * self.num_envs, self.device)
        with self._place.turn():
            return self._sampled_at(names, cells[:, None], mini_batches)

    def sample_all(
        self, names: Sequence[str], mini_batches: int = 1, sequence_length: int = 1
    ) -> list[list[torch.Tensor]]:
        """All recorded samples, copied.

        Single samples come in the order of the cells. Sequences come environment by environment, each from
        its oldest sample on; its newest samples are left out where they make no whole sequence, so that
        nowhere the newest is followed by the oldest. `view(-1, sequence_length, *D)` has an axis of
        sequences.

        Args:
            names: the tensors to sample.
            mini_batches: parts that these are divided into, in order, of whole sequences, whose numbers
                differ by at most 1.
            sequence_length: samples of a sequence.

        Returns:
            For each mini-batch, a tensor for each name, `(n, *D)`; in all `memory_size * num_envs` samples,
            once the memory has been filled and if `sequence_length` divides `memory_size`.

        Raises:
            PathError: there is no such tensor.
            EmptyDataError: nothing is recorded, or no whole sequence.
            SpaceValueError: there are fewer sequences than mini-batches.
        """
        length = at_least_one("sequence_length", sequence_length)
        with self._place.turn():
            position = self._place.position()
            first_ages(position, length)
            if length == 1:
                cells = torch.arange(position.recorded, device=self.device)[:, None]
            else:
                cells = every_sequence(position, length, self.device)
            return self._sampled_at(names, cells, mini_batches)

    def get_sampling_indexes(self) -> torch.Tensor | None:
        """The cells that the last batch was taken from, (n,) in its order; None before the first."""
        return self._sampled

    def _sampled_at(
        self, names: Sequence[str], cells: torch.Tensor, mini_batches: int
    ) -> list[list[torch.Tensor]]:
        """The samples at cells (S, L), in parts of whole sequences."""
        if isinstance(names, str):
            raise SpaceValueError("names", "a tuple or list of names", repr(names))
        parts = at_least_one("mini_batches", mini_batches)
        if parts > max(len(cells), 1):
            raise SpaceValueError("mini_batches", f"at most {len(cells)}, as many as are sampled", f"{parts}")
        sampled = self._tensors.sampled(names, [part.flatten() for part in cells.tensor_split(parts)])
        self._sampled = cells.flatten()
        return sampled
