"""A memory that is sampled at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unienv_data.memory.memory import Memory
from unienv_data.memory.sampling import draw, first_ages, sequences_from
from unienv_data.memory.sizes import at_least_one
from unienv_interface._optional import import_optional
from unienv_interface.errors import SpaceValueError

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["RandomMemory"]


class RandomMemory(Memory):
    """A memory whose batches are recorded samples, or sequences of them, each as likely as the others.

    Args:
        memory_size: rows.
        num_envs: parallel environments, a column each.
        device: where the tensors are; None for "cuda:0" where there is one, else "cpu".
        export: save the memory whenever its last cell is recorded.
        export_format: the format of that, see `save`.
        export_directory: a folder or any fsspec URL to save to; empty for the current folder.
        replacement: whether a batch may hold a sample, or a sequence, more than once. Without it, a batch is
            at most as large as what is there.
        storage_options: handed to the fsspec filesystem of `export_directory`; never stored.
        seed: have the batches be a function of it; None for PyTorch's own generator of the device.
        generator: where chance comes from, in place of a seed.

    Example:
        >>> import torch
        >>> from unienv_data.memory import RandomMemory
        >>> memory = RandomMemory(memory_size=100, num_envs=2, device="cpu", seed=0)
        >>> memory.create_tensor("states", size=4)
        True
        >>> for _ in range(50):
        ...     memory.add_samples(states=torch.randn(2, 4))
        >>> [[states]] = memory.sample(["states"], batch_size=16, sequence_length=5)
        >>> states.view(16, 5, 4).shape
        torch.Size([16, 5, 4])
    """

    def __init__(
        self,
        memory_size: int,
        num_envs: int = 1,
        device: str | torch.device | None = None,
        export: bool = False,
        export_format: str = "pt",
        export_directory: str = "",
        replacement: bool = True,
        *,
        storage_options: Mapping[str, Any] | None = None,
        seed: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(
            memory_size,
            num_envs,
            device,
            export,
            export_format,
            export_directory,
            storage_options=storage_options,
        )
        if seed is not None and generator is not None:
            raise SpaceValueError("generator", "a seed or a generator", "both")
        self.replacement = replacement
        self._generator = generator
        if seed is not None:
            self._generator = torch.Generator(device=self.device).manual_seed(seed)

    def sample(
        self, names: Sequence[str], batch_size: int, mini_batches: int = 1, sequence_length: int = 1
    ) -> list[list[torch.Tensor]]:
        """Sample a batch at random, copied.

        A sequence is of one environment, in order of time; none goes on from the newest sample to the oldest.
        `view(-1, sequence_length, *D)` has an axis of sequences.

        Args:
            names: the tensors to sample.
            batch_size: B, sequences to sample, which are single samples by default.
            mini_batches: parts that the batch is divided into, of whole sequences, whose numbers differ by at
                most 1.
            sequence_length: L, samples of each sequence.

        Returns:
            For each mini-batch, a tensor for each name; `(B, *D)` of single samples, `(B * L, *D)` of
            sequences, the samples of a sequence one after the other.

        Raises:
            PathError: there is no such tensor.
            EmptyDataError: nothing is recorded, or no whole sequence.
            SpaceValueError: a number is less than 1, or there are fewer sequences than mini-batches.
        """
        count = at_least_one("batch_size", batch_size)
        length = at_least_one("sequence_length", sequence_length)
        with self._place.turn():
            position = self._place.position()
            ages = draw(
                first_ages(position, length),
                count,
                replacement=self.replacement,
                generator=self._generator,
                device=self.device,
            )
            return self._sampled_at(names, sequences_from(position, ages, length), mini_batches)
