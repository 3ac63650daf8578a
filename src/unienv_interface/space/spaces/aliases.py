"""Each kind of space over any backend, for annotations."""

from __future__ import annotations

from typing import Any, TypeAlias

from unienv_interface.space.spaces.batched import BatchedSpace
from unienv_interface.space.spaces.binary import BinarySpace
from unienv_interface.space.spaces.box import BoxSpace
from unienv_interface.space.spaces.dict import DictSpace
from unienv_interface.space.spaces.dynamic_box import DynamicBoxSpace
from unienv_interface.space.spaces.graph import GraphSpace
from unienv_interface.space.spaces.text import TextSpace
from unienv_interface.space.spaces.tuple import TupleSpace
from unienv_interface.space.spaces.union import UnionSpace

__all__ = [
    "AnyBatched",
    "AnyBinary",
    "AnyBox",
    "AnyDict",
    "AnyDynamicBox",
    "AnyGraph",
    "AnyText",
    "AnyTuple",
    "AnyUnion",
]

AnyBatched: TypeAlias = BatchedSpace[Any, Any, Any]
AnyBinary: TypeAlias = BinarySpace[Any, Any, Any, Any]
AnyBox: TypeAlias = BoxSpace[Any, Any, Any, Any]
AnyDict: TypeAlias = DictSpace[Any, Any, Any]
AnyDynamicBox: TypeAlias = DynamicBoxSpace[Any, Any, Any, Any]
AnyGraph: TypeAlias = GraphSpace[Any, Any, Any, Any]
AnyText: TypeAlias = TextSpace[Any, Any, Any]
AnyTuple: TypeAlias = TupleSpace[Any, Any, Any]
AnyUnion: TypeAlias = UnionSpace[Any, Any, Any]
