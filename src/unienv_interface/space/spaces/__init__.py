"""The spaces, one module each."""

from __future__ import annotations

from unienv_interface.space.space import Space
from unienv_interface.space.spaces.batched import BatchedSpace
from unienv_interface.space.spaces.binary import BinarySpace
from unienv_interface.space.spaces.box import BoxSpace
from unienv_interface.space.spaces.dict import DictSpace
from unienv_interface.space.spaces.text import TextSpace
from unienv_interface.space.spaces.tuple import TupleSpace

__all__ = [
    "BatchedSpace",
    "BinarySpace",
    "BoxSpace",
    "DictSpace",
    "Space",
    "TextSpace",
    "TupleSpace",
]
