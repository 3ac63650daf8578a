"""TorchRL's replay buffer, sampled without replacement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.loaders.base import INDEX, Loaded, Loader, Work
from benchmarks.readers.torchrl_memmap import filled_storage


class TorchRLLoader(Loader):
    """Uncompressed rows, sampled ahead by threads."""

    name = "TorchRL LazyMemmapStorage"
    modules = ("torchrl", "tensordict")
    distribution = "torchrl"
    settings = "SamplerWithoutReplacement, prefetch=2; uncompressed"

    def setup(self, work: Work) -> None:
        from torchrl.data import SamplerWithoutReplacement, TensorDictReplayBuffer

        self._count = len(work)
        self._buffer = TensorDictReplayBuffer(
            storage=filled_storage(work.recording),
            sampler=SamplerWithoutReplacement(drop_last=False),
            batch_size=work.batch,
            prefetch=2,
        )

    def epoch(self) -> Iterator[Any]:
        return (self._buffer.sample() for _ in range(self._count))

    def loaded(self, batch: Any) -> Loaded:
        columns = {name: batch[name].numpy() for name in batch.keys()}  # noqa: SIM118  it iterates rows
        return Loaded(columns[INDEX], columns, {})
