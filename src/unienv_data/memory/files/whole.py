"""Tensors and header of a file that holds whole tensors, as a memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unienv_data.errors import CorruptDataError
from unienv_data.memory.files.header import position_of_shapes, position_said
from unienv_data.memory.layout import Snapshot

if TYPE_CHECKING:
    import torch

__all__ = ["checked_snapshot", "header_document"]


def header_document(text: str | None) -> Any:
    """The header's document, from its text; None where the file has none."""
    return None if text is None else json.loads(text)


def checked_snapshot(tensors: Mapping[str, torch.Tensor], header: Any, source: str) -> Snapshot:
    """The memory that a file holds.

    Args:
        tensors: all of its tensors.
        header: its header's document; None where it has none.
        source: the file, for messages.

    Raises:
        CorruptDataError: the tensors are not of one memory, or not of the one that the header tells of.
        UnsupportedVersionError: it was written by a later version.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if header is None:
        return Snapshot(position_of_shapes(shapes, source), tensors)
    position = position_said(header, source)
    size = (position.memory_size, position.num_envs)
    others = [f"{name} {shape}" for name, shape in shapes.items() if shape[:2] != size]
    if others:
        raise CorruptDataError(
            f"{source}: expected tensors of shape {(*size, '...')}, found {', '.join(others)}"
        )
    return Snapshot(position, tensors)
