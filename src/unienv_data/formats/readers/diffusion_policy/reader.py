"""The reader of diffusion-policy's replay buffers.

Source of the layout: `ReplayBuffer` of diffusion-policy: `data/<key>` (N, ...) and `meta/episode_ends`, the
exclusive cumulative ends, in Zarr v2.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import ConversionError
from unienv_data.formats.base import (
    DEFAULT_CHUNK_BYTES,
    Chunk,
    EncodedForm,
    Facts,
    Reader,
    SourceColumn,
    check_options,
    row_bytes,
)
from unienv_data.formats.naming import Path, nested_paths
from unienv_data.formats.readers.diffusion_policy.array import (
    ATTRIBUTES,
    METADATA,
    ArrayMetadata,
    ArrayRows,
    load_metadata,
)
from unienv_data.formats.readers.diffusion_policy.files import GroupFiles
from unienv_data.formats.readers.diffusion_policy.pictures import kept_form, kept_rows
from unienv_data.formats.readers.diffusion_policy.whole_pixels import as_pixels, is_float_image
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.arrow import array_space, text_space
from unienv_data.formats.tabular.episode_columns import episode_table
from unienv_interface.space.space import AnySpace

__all__ = ["DiffusionPolicyReader"]

ENDS = "meta/episode_ends"
MARKER = f"{ENDS}/{METADATA}"
V3_MARKER = f"{ENDS}/zarr.json"
UINT8 = "uint8"


class DiffusionPolicyReader(Reader):
    """Reads diffusion-policy's buffers, folders and zips, with the codecs of numcodecs and imagecodecs."""

    name = "diffusion_policy"
    title = "diffusion-policy Zarr"
    layout = f"a folder or a .zarr.zip with {MARKER}"
    extensions = (".zarr.zip",)
    extra = "images"
    option_help: ClassVar[Mapping[str, str]] = {
        UINT8: "columns of float frames with whole numbers of 0 to 255, to be stored as uint8, which loses "
        "nothing: names with commas between them, or `all` such columns; refused where a value would change"
    }

    def __init__(self, source: Source, pixels: Sequence[str]) -> None:
        self._source = source
        self._pixels = pixels
        self._opened: GroupFiles | None = None

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there are the episodes' ends, or a file is called as such zips are."""
        if source.is_file:
            return source.label.endswith(cls.extensions)
        return MARKER in source.files or V3_MARKER in source.files

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the buffer."""
        pixels = check_options(cls, options).get(UINT8, "")
        return cls(source, [name.strip() for name in pixels.split(",") if name.strip()])

    def facts(self) -> Facts:
        """What the buffer holds."""
        return self._facts

    @property
    def _files(self) -> GroupFiles:
        if self._opened is None:
            self._opened = GroupFiles(self._source, MARKER)
        return self._opened

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """(E,) where each episode ends."""
        files = self._files
        if MARKER not in files.sizes and V3_MARKER in files.sizes:
            raise ConversionError(
                f"{files.where(V3_MARKER)}: this buffer is Zarr format 3, this reader reads format 2, as "
                f"diffusion-policy does; copy it with zarr.open_group(..., zarr_format=2)"
            )
        if MARKER not in files.sizes:
            raise ConversionError(f"{files.where(MARKER)}: missing: nothing says where episodes end")
        about = load_metadata(files, ENDS)
        if len(about.shape) != 1 or about.dtype.kind not in "iu":
            raise ConversionError(
                f"{files.where(MARKER)}: integers, one an episode, were expected, not {about.dtype} "
                f"{list(about.shape)}"
            )
        gone = [
            name
            for name in map(about.chunk_name, about.chunk_places(_bands(about)))
            if name not in files.sizes
        ]
        if gone:
            raise ConversionError(f"{files.where(gone[0])}: missing: it says where episodes end")
        ends = ArrayRows(files, about).read(0, about.shape[0]).astype(np.int64)
        if (np.diff(ends, prepend=0) < 0).any():
            raise ConversionError(
                f"{files.where(ENDS)}: the episodes' ends do not rise: {ends.tolist()[:8]} ..."
            )
        return ends

    @cached_property
    def _arrays(self) -> tuple[dict[str, ArrayMetadata], dict[str, str]]:
        """The arrays along the time axis, and why others cannot be read."""
        rows = int(self._ends[-1]) if len(self._ends) else 0
        found: dict[str, ArrayMetadata] = {}
        unreadable: dict[str, str] = {}
        for name in _names(self._files, "data"):
            try:
                about = load_metadata(self._files, f"data/{name}")
            except ConversionError as exc:
                unreadable[name] = str(exc)
                continue
            if about.shape[0] < rows or (about.is_text and len(about.shape) > 1):
                unreadable[name] = (
                    f"{self._files.where(f'data/{name}')}: it has the shape {list(about.shape)}, but the "
                    f"episodes have {rows} rows"
                )
            else:
                found[name] = about
        if not found and not unreadable:
            raise ConversionError(f"{self._files.where('data')}: there are no arrays")
        return found, unreadable

    @cached_property
    def _as_uint8(self) -> frozenset[str]:
        arrays = self._arrays[0]
        fitting = [name for name, about in arrays.items() if is_float_image(about.dtype, about.shape[1:])]
        if self._pixels == ["all"]:
            return frozenset(fitting)
        wrong = [name for name in self._pixels if name not in arrays or arrays[name].dtype.kind != "f"]
        if wrong:
            raise ConversionError(
                f"option {UINT8}: there are no columns of floats called {', '.join(wrong)}; those that look "
                f"like frames are {', '.join(fitting) or 'not there'}"
            )
        return frozenset(self._pixels)

    @cached_property
    def _forms(self) -> dict[str, EncodedForm]:
        """How frames that are image files can be stored as they came."""
        forms = {name: kept_form(self._files, about) for name, about in self._arrays[0].items()}
        return {name: form for name, form in forms.items() if form is not None}

    def _space(self, name: str) -> AnySpace:
        about = self._arrays[0][name]
        if about.is_text:
            return text_space()
        dtype = np.dtype(np.uint8) if name in self._as_uint8 else about.row_dtype
        return array_space(dtype, about.shape[1:])

    @cached_property
    def _facts(self) -> Facts:
        arrays, unreadable = self._arrays
        lengths = np.diff(self._ends, prepend=0)
        about = self._about_episodes(len(lengths))
        paths = _paths(arrays)
        return Facts(
            format=self.name,
            version="2",
            columns=tuple(
                SourceColumn(
                    name,
                    paths[name],
                    self._space(name),
                    each.lossy,
                    _attributes(self._files, f"data/{name}"),
                    self._forms.get(name),
                )
                for name, each in arrays.items()
            ),
            episodes=episode_table(lengths.tolist(), list(range(len(lengths))), about),
            source_bytes=self._source.total_bytes,
            unreadable=unreadable,
            attributes={**_attributes(self._files, ""), **_attributes(self._files, "meta")},
            notes=tuple(self._notes()),
        )

    def _about_episodes(self, count: int) -> list[dict[str, Any]]:
        """What other arrays in `meta` say of each episode."""
        said: list[dict[str, Any]] = [{} for _ in range(count)]
        for name in _names(self._files, "meta"):
            if f"meta/{name}" == ENDS:
                continue
            about = load_metadata(self._files, f"meta/{name}")
            if about.shape[:1] != (count,) or not count:
                continue
            for each, value in zip(said, ArrayRows(self._files, about).read(0, count).tolist(), strict=True):
                each[name] = value
        return said

    def _notes(self) -> Iterator[str]:
        rows = int(self._ends[-1]) if len(self._ends) else 0
        for name, about in self._arrays[0].items():
            places = list(map(about.chunk_name, about.chunk_places(_bands(about))))
            gone = sum(place not in self._files.sizes for place in places)
            if gone:
                yield (
                    f"{gone} of the {len(places)} chunks of {name} are not there, which in Zarr means that "
                    f"all their values are {about.fill_value}."
                )
            if about.shape[0] > rows:
                yield f"{about.shape[0] - rows} rows of {name} after the last episode's end are left out."
            if is_float_image(about.dtype, about.shape[1:]) and name not in self._as_uint8:
                yield (
                    f"{name} holds frames as {about.dtype.name}: if all values are whole numbers of 0 to "
                    f"255, --option {UINT8}={name} stores them as uint8, in a quarter of the space or less."
                )

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """See that the codecs are there."""
        for name in columns:
            about = self._arrays[0][name]
            try:
                decoder = about.decoder
            except ConversionError as exc:
                raise ConversionError(f"{self._files.where(about.name)}: {exc}") from exc
            if len(decoder.codecs) < len(about.configs):
                raise ConversionError(f"{self._files.where(about.name)}: its codecs are not known")

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes; each Zarr chunk is decoded once where the episodes are in order."""
        arrays = {name: ArrayRows(self._files, self._arrays[0][name]) for name in columns}
        weight = row_bytes([self._space(name) for name in columns if name not in encoded])
        weight += sum(self._forms[name].row_bytes for name in encoded)
        rows_at_once = max(1, target_bytes // max(1, weight))
        starts = np.concatenate([[0], self._ends])
        for episode in episodes:
            first, last = int(starts[episode]), int(starts[episode + 1])
            for start in range(first, last, rows_at_once):
                stop = min(start + rows_at_once, last)
                values = {
                    name: self._kept(name, start, stop)
                    if name in encoded
                    else self._read(name, rows, start, stop)
                    for name, rows in arrays.items()
                }
                yield Chunk(episode, start - first, stop - start, values, ends_episode=stop == last)

    def _kept(self, name: str, start: int, stop: int) -> EncodedRows:
        return kept_rows(self._files, self._arrays[0][name], self._forms[name], start, stop)

    def _read(self, name: str, rows: ArrayRows, start: int, stop: int) -> NDArray[Any]:
        values = rows.read(start, stop)
        if name not in self._as_uint8:
            return values
        return as_pixels(values, f"{self._files.where(f'data/{name}')}", start, UINT8)

    def close(self) -> None:
        """Close the zip."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def _paths(names: Collection[str]) -> dict[str, Path]:
    """Where arrays stand in a row: those of groups in groups; where there are none, dots make them."""
    if any("/" in name for name in names):
        return {name: tuple(name.split("/")) for name in names}
    return nested_paths(names)


def _bands(about: ArrayMetadata) -> range:
    return range(-(-about.shape[0] // about.chunks[0]))


def _names(files: GroupFiles, group: str) -> list[str]:
    """The arrays of a group, those of groups within it with slashes, sorted."""
    found = [name for name in files.sizes if name.startswith(f"{group}/") and name.endswith(f"/{METADATA}")]
    return sorted(name.removeprefix(f"{group}/").removesuffix(f"/{METADATA}") for name in found)


def _attributes(files: GroupFiles, name: str) -> dict[str, Any]:
    """What `.zattrs` says, if there is one."""
    place = f"{name}/{ATTRIBUTES}".lstrip("/")
    if place not in files.sizes:
        return {}
    try:
        said = json.loads(files.read(place), parse_constant=str)
    except ValueError as exc:
        raise ConversionError(f"{files.where(place)}: not JSON: {exc}") from exc
    return said if isinstance(said, dict) else {}
