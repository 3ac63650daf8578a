"""What windows look like: the steps of every column, and the spaces of what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unienv_data.base.paths import Path, leaves
from unienv_data.batches.column_names import named_leaves
from unienv_data.columns.patterns import choose
from unienv_data.errors import PathError
from unienv_data.selection import Offsets, checked_offsets
from unienv_interface.backends import ComputeBackend
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.space.spaces import BinarySpace, DictSpace, TupleSpace

__all__ = ["MASK", "mask_space", "window_offsets", "window_space"]

MASK = "slice_valid_mask"
"""Where the metadata of windows says which of their steps are real."""


def window_offsets(space: AnySpace, fixed_offset: Any) -> Offsets:
    """The steps that `fixed_offset` means.

    Args:
        space: of one sample.
        fixed_offset: 1-D integers for all columns, or a mapping of column pattern to such.

    Raises:
        ValueError: they are no ascending integers, or there are none.
        PathError: a pattern means no column.
    """
    if not isinstance(fixed_offset, Mapping):
        all_steps = checked_offsets(_host(space.backend, fixed_offset))
        return Offsets((None,), (all_steps,), {path: 0 for path, _ in leaves(space)})
    if not fixed_offset:
        raise ValueError("fixed_offset: expected steps of at least one column")
    names = dict(named_leaves(space))
    chosen = choose({pattern: number for number, pattern in enumerate(fixed_offset)}, names)
    unused = set(range(len(fixed_offset))) - {*chosen.values()}
    if unused:
        pattern = list(fixed_offset)[min(unused)]
        raise PathError(f"fixed_offset: later patterns mean all columns of {pattern!r} too")
    steps = tuple(
        checked_offsets(_host(space.backend, offsets), f"fixed_offset[{pattern!r}]")
        for pattern, offsets in fixed_offset.items()
    )
    return Offsets(tuple(fixed_offset), steps, {names[name]: number for name, number in chosen.items()})


def window_space(space: AnySpace, offsets: Offsets, path: Path = ()) -> AnySpace:
    """The space of a window: columns with steps gain a first axis (T,), the others are as they were.

    Args:
        space: of one sample, or of its part at `path`.
        offsets: the steps.
        path: where the space stands in that of a sample.
    """
    if isinstance(space, DictSpace):
        parts = {key: window_space(part, offsets, (*path, key)) for key, part in space.spaces.items()}
        return DictSpace(space.backend, parts, device=space.device)
    if isinstance(space, TupleSpace):
        members = [window_space(part, offsets, (*path, i)) for i, part in enumerate(space.spaces)]
        return TupleSpace(space.backend, members, device=space.device)
    group = offsets.groups.get(path)
    return space if group is None else batch_utils.batch_space(space, len(offsets.steps[group]))


def mask_space(space: AnySpace, offsets: Offsets) -> AnySpace:
    """The space of the mask of a window's real steps: (T,), or a dictionary of these by pattern."""
    masks = {
        pattern: BinarySpace(space.backend, (len(steps),), device=space.device)
        for pattern, steps in zip(offsets.patterns, offsets.steps, strict=True)
    }
    if None in masks:
        return masks[None]
    return DictSpace(space.backend, {str(pattern): mask for pattern, mask in masks.items()})


def _host(backend: ComputeBackend[Any, Any, Any, Any], offsets: Any) -> Any:
    """Offsets as a sequence or a NumPy array."""
    if backend.is_backendarray(offsets):
        offsets = backend.to_numpy(offsets)
    return offsets if not isinstance(offsets, np.ndarray) or offsets.ndim == 1 else offsets.tolist()
