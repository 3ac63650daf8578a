"""Writes Zarr v2 buffers as diffusion-policy does, by hand: a JSON document an array, a file a chunk."""

from __future__ import annotations

import itertools
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Encode = Callable[[NDArray[Any]], bytes]


def write_array(
    root: Path,
    name: str,
    values: NDArray[Any],
    chunks: Sequence[int],
    *,
    compressor: Mapping[str, Any] | None = None,
    encode: Encode | None = None,
    order: str = "C",
    separator: str = ".",
    fill_value: Any = 0,
    dtype: str | None = None,
    filters: list[Mapping[str, Any]] | None = None,
    leave_out: Sequence[int] = (),
) -> None:
    """Write an array.

    Args:
        root: of the group.
        name: of the array.
        values: all of them.
        chunks: of a chunk.
        compressor: of `.zarray`.
        encode: what makes a chunk's bytes of its values; their plain bytes otherwise.
        order: of a chunk's values.
        separator: between the numbers in chunks' names.
        fill_value: of `.zarray`.
        dtype: of `.zarray`, if it is not that of the values.
        filters: of `.zarray`.
        leave_out: bands of rows of which no chunk is written.
    """
    folder = root / name
    folder.mkdir(parents=True)
    about = {
        "zarr_format": 2,
        "shape": list(values.shape),
        "chunks": list(chunks),
        "dtype": dtype or values.dtype.str,
        "compressor": compressor,
        "fill_value": fill_value,
        "order": order,
        "filters": filters,
        "dimension_separator": separator,
    }
    (folder / ".zarray").write_text(json.dumps(about))
    grid = [range(-(-size // chunk)) for size, chunk in zip(values.shape, chunks, strict=True)]
    for place in itertools.product(*grid):
        if place[0] in leave_out:
            continue
        chunk = np.zeros(chunks, values.dtype)
        part = values[tuple(slice(n * c, (n + 1) * c) for n, c in zip(place, chunks, strict=True))]
        chunk[tuple(slice(0, size) for size in part.shape)] = part
        file = folder / separator.join(map(str, place))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(chunk) if encode else chunk.tobytes(order=order))  # type: ignore[arg-type]


def write_buffer(root: Path, lengths: Sequence[int], **arrays: Mapping[str, Any]) -> None:
    """Write a buffer of arrays, each with the arguments of `write_array`."""
    ends = np.cumsum(lengths, dtype=np.int64)
    for group in ("", "data", "meta"):
        (root / group).mkdir(parents=True, exist_ok=True)
        (root / group / ".zgroup").write_text('{"zarr_format": 2}')
    write_array(root, "meta/episode_ends", ends, [max(1, len(ends))])
    for name, options in arrays.items():
        write_array(root, f"data/{name}", **options)


def as_zip(root: Path, path: Path, prefix: str = "", compression: int = zipfile.ZIP_STORED) -> Path:
    """Pack a group into a zip."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(root).as_posix())
    return path
