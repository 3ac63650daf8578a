"""Rows to bytes and back, a codec chain a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unienv_data.errors import CodecError, MissingDependencyError
from unienv_data.store.codecs.base import ChunkCodec, ChunkShape, Piece, PieceCodec, Place
from unienv_data.store.codecs.imagefiles import rows_of_files
from unienv_data.store.codecs.images import image_codec
from unienv_data.store.codecs.native import NativeCodec, native_codec
from unienv_data.store.codecs.spec import (
    CodecSpec,
    chain_of,
    chunk_rows_of,
    is_lossless,
    known_codecs,
    packing_of,
    parse_codec,
)
from unienv_data.store.codecs.standin import ZarrCodec
from unienv_data.store.codecs.video import video_codec

__all__ = [
    "ChunkCodec",
    "ChunkShape",
    "CodecSpec",
    "Piece",
    "PieceCodec",
    "Place",
    "chain_of",
    "chunk_rows_of",
    "is_lossless",
    "known_codecs",
    "make_codec",
    "packing_of",
    "parse_codec",
    "rows_of_files",
    "try_codec",
]


def make_codec(codecs: Sequence[Mapping[str, Any]], chunk: ChunkShape) -> ChunkCodec:
    """The codec of a chain: the fast path where it knows the chain, zarr-python elsewhere.

    Raises:
        CodecError: neither knows it.
        MissingDependencyError: an optional package that it needs is not installed.
    """
    return (
        native_codec(codecs, chunk)
        or image_codec(codecs, chunk)
        or video_codec(codecs, chunk)
        or ZarrCodec(codecs, chunk)
    )


def try_codec(codecs: Sequence[Mapping[str, Any]], chunk: ChunkShape) -> None:
    """Encode and decode a chunk of zeros, so that what cannot be written is told before anything is.

    Raises:
        CodecError: the chain is not known, or fails.
        MissingDependencyError: an optional package that it needs is not installed.
    """
    if not chunk.nbytes:  # nothing is ever encoded
        return
    codec = make_codec(codecs, chunk)
    if isinstance(codec, NativeCodec):  # of which it is known what it can do
        return
    rows = 1 if isinstance(codec, PieceCodec) else chunk.rows
    try:
        data = codec.encode(np.zeros((rows, *chunk.shape), dtype=chunk.dtype))
        codec.decode(data, np.empty(chunk.nbytes, dtype=np.uint8))
    except MissingDependencyError:
        raise
    except Exception as exc:  # codecs of third parties raise what they like
        names = " > ".join(str(each["name"]) for each in codecs)
        raise CodecError(f"codec chain {names}, chunks of {chunk.full} {chunk.dtype}: {exc}") from exc
