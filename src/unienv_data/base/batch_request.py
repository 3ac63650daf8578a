"""Which batch a sampler is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from unienv_data.base.sampler_state import SamplerState

__all__ = ["BatchRequest"]


@dataclass(frozen=True)
class BatchRequest:
    """A batch, named by all that it depends on beside the data: whoever reads it gets the same.

    Attributes:
        state: where the sampler stood: in an epoch, or before a draw.
        number: number of the batch, counted from `state` on; None for the batch drawn there.
        flat: in flattened form.
        with_metadata: whether anybody wants the metadata.
    """

    state: SamplerState
    number: int | None
    flat: bool = False
    with_metadata: bool = False
