"""Spaces as named, typed columns: one file a kind of space."""

from unienv_data.columns.data import ColumnData, ColumnInfo, ColumnSpec, Ragged
from unienv_data.columns.fixed import FixedNode
from unienv_data.columns.groups import DictNode, TupleNode
from unienv_data.columns.node import ColumnNode, columns_of, register_node
from unienv_data.columns.patterns import choose, matches
from unienv_data.columns.text import TextNode

__all__ = [
    "ColumnData",
    "ColumnInfo",
    "ColumnNode",
    "ColumnSpec",
    "DictNode",
    "FixedNode",
    "Ragged",
    "TextNode",
    "TupleNode",
    "choose",
    "columns_of",
    "matches",
    "register_node",
]
