"""Each kind of space over any backend, for annotations."""

from __future__ import annotations

from typing import Any, TypeAlias

from unienv_interface.space.spaces.batched import BatchedSpace
from unienv_interface.space.spaces.binary import BinarySpace
from unienv_interface.space.spaces.box import BoxSpace
from unienv_interface.space.spaces.dict import DictSpace
from unienv_interface.space.spaces.text import TextSpace
from unienv_interface.space.spaces.tuple import TupleSpace

__all__ = ["AnyBatched", "AnyBinary", "AnyBox", "AnyDict", "AnyText", "AnyTuple"]

AnyBatched: TypeAlias = BatchedSpace[Any, Any, Any]
AnyBinary: TypeAlias = BinarySpace[Any, Any, Any, Any]
AnyBox: TypeAlias = BoxSpace[Any, Any, Any, Any]
AnyDict: TypeAlias = DictSpace[Any, Any, Any]
AnyText: TypeAlias = TextSpace[Any, Any, Any]
AnyTuple: TypeAlias = TupleSpace[Any, Any, Any]
