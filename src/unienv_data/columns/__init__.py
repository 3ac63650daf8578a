"""Spaces as named, typed columns: one file a kind of space."""

from unienv_data.columns.batched import BatchedNode
from unienv_data.columns.data import ColumnData, ColumnInfo, ColumnSpec, EncodedRows, Ragged
from unienv_data.columns.dynamic_box import DynamicBoxNode
from unienv_data.columns.fixed import FixedNode
from unienv_data.columns.graph import GraphNode
from unienv_data.columns.groups import DictNode, TupleNode
from unienv_data.columns.node import ColumnNode, columns_of, register_node
from unienv_data.columns.patterns import choose, matches
from unienv_data.columns.text import TextNode
from unienv_data.columns.union import UnionNode

__all__ = [
    "BatchedNode",
    "ColumnData",
    "ColumnInfo",
    "ColumnNode",
    "ColumnSpec",
    "DictNode",
    "DynamicBoxNode",
    "EncodedRows",
    "FixedNode",
    "GraphNode",
    "Ragged",
    "TextNode",
    "TupleNode",
    "UnionNode",
    "choose",
    "columns_of",
    "matches",
    "register_node",
]
