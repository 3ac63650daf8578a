"""What a sampler's batches look like."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from unienv_data.base.row_mask import with_row_mask, with_row_mask_space
from unienv_interface.space.space_utils import batch_utils

__all__ = ["SampledSpaces"]


class SampledSpaces:
    """The spaces of a sampler's batches; a sampler has what is listed.

    Attributes:
        single_space: the space of one sample.
        single_metadata_space: the space of one sample's metadata; None where there is none.
        batch_size: rows of a batch.
        world_size: how many ranks there are.
        uneven: what becomes of the last rows of an epoch.
    """

    backend: Any
    device: Any
    single_space: Any
    single_metadata_space: Any
    batch_size: int
    world_size: int
    uneven: str

    @cached_property
    def sampled_space(self) -> Any:
        """The space of a full batch."""
        return batch_utils.batch_space(self.single_space, self.batch_size)

    @cached_property
    def sampled_metadata_space(self) -> Any:
        """The space of a full batch's metadata; None where there is none."""
        space = self.single_metadata_space
        if space is not None:
            space = batch_utils.batch_space(space, self.batch_size)
        if self._pads:
            return with_row_mask_space(space, self.backend, self.device, self.batch_size)
        return space

    @property
    def _pads(self) -> bool:
        """Whether batches may hold repeated rows, and come with a mask."""
        return self.world_size > 1 and self.uneven == "pad"

    def _with_mask(self, metadata: dict[str, Any] | None, real: int) -> dict[str, Any]:
        """The metadata of a batch, of which the first `real` rows are no repetitions."""
        return with_row_mask(metadata, self.backend, self.device, self.batch_size, real)
