"""Rows to bytes and back, a codec chain a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unienv_data.store.codecs.base import ChunkCodec, ChunkShape
from unienv_data.store.codecs.native import native_codec
from unienv_data.store.codecs.spec import CodecSpec, chain_of, parse_codec
from unienv_data.store.codecs.standin import ZarrCodec

__all__ = ["ChunkCodec", "ChunkShape", "CodecSpec", "chain_of", "make_codec", "parse_codec"]


def make_codec(codecs: Sequence[Mapping[str, Any]], chunk: ChunkShape) -> ChunkCodec:
    """The codec of a chain: the fast path where it knows the chain, zarr-python elsewhere.

    Raises:
        CodecError: neither knows it.
    """
    return native_codec(codecs, chunk) or ZarrCodec(codecs, chunk)
