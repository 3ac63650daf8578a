"""Batches of values one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.space.spaces import BinarySpace, BoxSpace, DictSpace, GraphSpace, TupleSpace

__all__ = ["joined"]


def joined(space: AnySpace, batches: Sequence[Any]) -> Any:
    """One batch of the values of several.

    Args:
        space: the space of one value.
        batches: at least one, as `batch_space(space)` describes them.
    """
    if len(batches) == 1:
        return batches[0]
    if isinstance(space, DictSpace):
        return {key: joined(part, [batch[key] for batch in batches]) for key, part in space.spaces.items()}
    if isinstance(space, TupleSpace):
        return tuple(joined(part, [batch[i] for batch in batches]) for i, part in enumerate(space.spaces))
    if isinstance(space, BoxSpace | BinarySpace):
        return space.backend.concat(batches, axis=0)
    if isinstance(space, GraphSpace):  # padded to the largest of each batch: taken apart
        values = [value for batch in batches for value in batch_utils.iterate(space, batch)]
        return batch_utils.concatenate(space, values)
    return np.concatenate(batches, axis=0)
