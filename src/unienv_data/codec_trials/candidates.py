"""What is tried where a user names nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from unienv_data.errors import CodecError
from unienv_data.store.codecs import ChunkShape, chain_of, chunk_rows_of, known_codecs

__all__ = ["misfit", "usual_candidates"]

#: By name: what is tried of each codec that there is.
_USUAL = {
    "zstd": ("zstd", "zstd:3:bitshuffle"),
    "lz4": ("lz4",),
    "qoi": ("qoi",),
    "png": ("png",),
    "webp": ("webp", "webp:90"),
    "jpegxl": ("jpegxl", "jpegxl:90"),
    "avif": ("avif:80",),
    "jpeg": ("jpeg:95", "jpeg:95:444", "jpeg:80"),
    "video": ("video:h264:crf=18", "video:h264:crf=23", "video:av1:crf=30"),
}


def usual_candidates(dtype: np.dtype[Any], shape: tuple[int, ...]) -> tuple[str, ...]:
    """The specifications that are worth a try on such rows.

    Args:
        dtype: of a row.
        shape: of a row.

    Example:
        >>> usual_candidates(np.dtype(np.float32), (7,))
        ('zstd', 'zstd:3:bitshuffle', 'lz4')
    """
    known = known_codecs()
    specs = [spec for name, found in _USUAL.items() if name in known for spec in found]
    return tuple(spec for spec in specs if misfit(spec, dtype, shape) is None)


def misfit(spec: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> str | None:
    """Why a codec cannot hold such rows; None where it can."""
    try:
        chain_of(spec, ChunkShape(chunk_rows_of(spec) or 1, dtype, shape))
    except CodecError as exc:
        return str(exc)
    return None
