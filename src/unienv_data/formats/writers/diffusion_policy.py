"""diffusion-policy's replay buffer: a Zarr v2 group with `data/<key>`, and `meta/episode_ends` of all rows.

A folder, or a zip of it. Arrays are called as their columns, with dots between the parts of a path, since
diffusion-policy's keys have no groups; numbers keep their dtype, texts are of one width; Blosc packs them, as
there. What is known of episodes are further arrays of `meta`, of the whole the root's attributes. Source:
diffusion_policy's ReplayBuffer, Zarr's specification of version 2.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import zarr
from numcodecs import Blosc
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Chunk, Facts, check_options
from unienv_data.formats.naming import path_name
from unienv_data.formats.tabular.arrow import number_dtype
from unienv_data.formats.tabular.plain import PlainColumn, fixed_width, plain_columns, strict_json
from unienv_data.formats.writer import Writer

__all__ = ["DiffusionPolicyWriter"]

_OWN = ("length", "source_episode", "episode_ends")
CHUNK_BYTES = 1 << 20
"""Of numbers, in a chunk."""
FRAME_CHUNK_BYTES = 256 << 10
"""Of frames, which are rather read one by one; one row at least."""
_ZIP = ".zarr.zip"


class DiffusionPolicyWriter(Writer):
    """Writes a Zarr v2 replay buffer.

    Args:
        place: a name that ends in .zarr.zip makes a zip, any other a folder.
        facts: of what will be written.
        compressor: of the arrays; None leaves them as they are.
    """

    name = "diffusion_policy"
    title = "diffusion-policy Zarr"
    extensions = (_ZIP,)
    option_help: ClassVar[Mapping[str, str]] = {
        "compression": "of the arrays: lz4, the default, or zstd, both by Blosc; or none",
    }
    members = (".z*", "data/.z*", "data/*/.z*", "data/*/[0-9]*", "meta/.z*", "meta/*/.z*", "meta/*/[0-9]*")

    def __init__(self, place: Path, facts: Facts, compressor: Any) -> None:
        self._place = place
        self._facts = facts
        self._columns = _columns(facts)
        self._compressor = compressor
        self._staging: tempfile.TemporaryDirectory[str] | None = None
        root = place
        if place.name.lower().endswith(_ZIP):
            self._staging = tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent)
            root = Path(self._staging.name) / "root"
        self._root = root
        self._group = zarr.open_group(str(root), mode="w", zarr_format=2)
        data = self._group.create_group("data")
        self._arrays = {
            each.name: _Rows(self._array(data, each, facts.rows)) for each in self._columns if each.dtype
        }
        self._texts: dict[str, list[str]] = {each.name: [] for each in self._columns if not each.dtype}

    @classmethod
    def check(cls, facts: Facts, options: Mapping[str, str] | None = None) -> None:
        _compressor(check_options(cls, options))
        _columns(facts)

    @classmethod
    def notes(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Sequence[str]:
        kept = {*_OWN, *_kept(facts)}
        lost = [name for name in facts.episodes.column_names if name not in kept]
        return (
            (f"{cls.title} has no place for what is known of episodes as {', '.join(lost)}.",) if lost else ()
        )

    @classmethod
    def open(cls, place: Path, facts: Facts, options: Mapping[str, str] | None = None) -> Self:
        """A writer of a zip, where the place's name ends in .zarr.zip, or of a folder."""
        return cls(place, facts, _compressor(check_options(cls, options)))

    def write(self, chunk: Chunk) -> None:
        for column in self._columns:
            values = column.checked(chunk.columns[column.source], chunk.rows)
            if column.dtype:
                self._arrays[column.name].append(values)
            else:
                self._texts[column.name] += values.tolist()

    def finish(self) -> None:
        for rows in self._arrays.values():
            rows.flush()
        meta = self._group.create_group("meta")
        self._store(meta, "episode_ends", np.cumsum(self._facts.lengths, dtype=np.int64))
        for name, values in _kept(self._facts).items():
            self._store(meta, name, values)
        for name, texts in self._texts.items():
            self._store(self._group["data"], name, fixed_width(texts, name, self.title))
        for column in self._columns:
            about = _json(column.column.attributes)
            if about:
                self._group[f"data/{column.name}"].attrs.update(about)
        self._group.attrs.update(_json(self._facts.attributes))
        if self._staging is not None:
            _zip(self._root, self._place)

    def close(self) -> None:
        if self._staging is not None:
            self._staging.cleanup()

    def _store(self, group: Any, name: str, values: NDArray[Any]) -> None:
        """A small array, in one chunk."""
        shape = values.shape
        array = group.create_array(
            name, shape=shape, chunks=shape, dtype=values.dtype, compressors=self._compressor
        )
        array[...] = values

    def _array(self, group: Any, column: PlainColumn, rows: int) -> Any:
        most = FRAME_CHUNK_BYTES if column.is_frame else CHUNK_BYTES
        chunk = max(1, min(rows, most // max(1, column.row_bytes)))
        return group.create_array(
            column.name,
            shape=(rows, *column.shape),
            chunks=(chunk, *column.shape),
            dtype=column.dtype,
            compressors=self._compressor,
        )


class _Rows:
    """Collects rows until they fill chunks of an array.

    Args:
        array: Zarr's.
    """

    def __init__(self, array: Any) -> None:
        self._array = array
        self._waiting: list[NDArray[Any]] = []
        self._count = 0
        self._next = 0

    def append(self, values: NDArray[Any]) -> None:
        """Take rows (B, *D)."""
        self._waiting.append(values)
        self._count += len(values)
        whole = self._count - self._count % self._array.chunks[0]
        if whole:
            self._write(whole)

    def flush(self) -> None:
        """Write what is left."""
        if self._count:
            self._write(self._count)

    def _write(self, rows: int) -> None:
        values = np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
        self._array[self._next : self._next + rows] = values[:rows]
        self._next += rows
        self._count -= rows
        self._waiting = [values[rows:]] if self._count else []


def _columns(facts: Facts) -> list[PlainColumn]:
    columns = plain_columns(facts, DiffusionPolicyWriter.title)
    for column in columns:
        if "/" in column.name or column.name.startswith(".") or 0 in column.shape:
            raise ConversionError(
                f"{DiffusionPolicyWriter.title}: {path_name(column.path)!r} has no entries, or a name that "
                f"Zarr takes for something else; rename it (--rename) or leave it out (--exclude)"
            )
    return columns


def _kept(facts: Facts) -> dict[str, NDArray[Any]]:
    """What is known of every episode, as arrays: numbers, booleans and texts."""
    found: dict[str, NDArray[Any]] = {}
    for name in facts.episodes.column_names:
        values = facts.episodes[name]
        if name in _OWN or values.null_count or "/" in name or name.startswith("."):
            continue
        if pa.types.is_string(values.type):
            texts = [str(text) for text in values.to_pylist()]
            if not any(text.endswith("\0") for text in texts):
                found[name] = fixed_width(texts, name, DiffusionPolicyWriter.title)
        elif number_dtype(values.type) is not None:
            found[name] = values.to_numpy()
    return found


def _json(about: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(strict_json(dict(about)))
    return document


def _compressor(options: Mapping[str, str]) -> Any:
    chosen = options.get("compression", "lz4")
    if chosen not in ("lz4", "zstd", "none"):
        raise ConversionError(f"diffusion-policy Zarr: compression is lz4, zstd or none, not {chosen!r}")
    return None if chosen == "none" else Blosc(cname=chosen, clevel=5, shuffle=Blosc.SHUFFLE)


def _zip(folder: Path, place: Path) -> None:
    """All files of a folder, uncompressed as Zarr's stores are: what is in them is packed already."""
    names: Sequence[Path] = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(place, "w", compression=zipfile.ZIP_STORED, allowZip64=True) as archive:
        for path in names:
            archive.write(path, path.relative_to(folder).as_posix())
