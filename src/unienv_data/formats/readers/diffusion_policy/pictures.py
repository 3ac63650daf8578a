"""Chunks that are image files of one frame each, stored as they came where the store has their format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unienv_data.columns import EncodedRows
from unienv_data.errors import CodecError, ConversionError, MissingDependencyError
from unienv_data.formats.base import EncodedForm
from unienv_data.formats.readers.diffusion_policy.array import ArrayMetadata
from unienv_data.formats.readers.diffusion_policy.files import GroupFiles
from unienv_data.store.codecs import ChunkShape, chain_of, rows_of_files
from unienv_data.store.codecs.images import image_codec

__all__ = ["kept_form", "kept_rows"]

_SPECS: Mapping[str, tuple[str, str]] = {
    "imagecodecs_jpeg": ("jpeg:95", "jpeg:95"),
    "imagecodecs_jpegxl": ("jpegxl", "jpegxl:90"),
    "imagecodecs_png": ("png", "png"),
    "imagecodecs_webp": ("webp", "webp:90"),
}
"""By what frames are encoded that are appended later: those before are without loss, or not."""


def kept_form(files: GroupFiles, about: ArrayMetadata) -> EncodedForm | None:
    """How the files of an array can be stored as they are; None where they cannot.

    The first is decoded both ways: what is kept must decode to the same frame.
    """
    spec = _spec(about)
    places = list(map(about.chunk_name, about.chunk_places(range(about.shape[0])))) if spec else []
    if spec is None or not places or not all(place in files.sizes for place in places):
        return None
    chunk = ChunkShape(1, np.dtype(np.uint8), about.shape[1:])
    try:
        data = files.read(places[0])
        expected = about.decoder.decode(data)[0]
        codec = image_codec(chain_of(spec, chunk), chunk)
        if codec is None:
            return None
        frame = np.empty(about.shape[1:], np.uint8)
        codec.pictures.decode(memoryview(data), frame.reshape(-1))
    except (ValueError, CodecError, ConversionError, MissingDependencyError):
        return None  # whoever converts the column is told by check(), or when it is read
    return EncodedForm(spec, 1, len(data)) if np.array_equal(frame, expected) else None


def kept_rows(
    files: GroupFiles, about: ArrayMetadata, form: EncodedForm, start: int, stop: int
) -> EncodedRows:
    """The rows from `start` to before `stop` as they are encoded, each of which can be decoded.

    Raises:
        ConversionError: a file is damaged, or not like the others.
    """
    names = map(about.chunk_name, about.chunk_places(range(start, stop)))
    found = [files.read(name) for name in names]
    try:
        return rows_of_files(found, form.codec, np.dtype(np.uint8), about.shape[1:])
    except CodecError as exc:
        raise ConversionError(f"{files.where(about.name)}: damaged; counted from row {start}, {exc}") from exc


def _spec(about: ArrayMetadata) -> str | None:
    if len(about.configs) != 1 or about.dtype != np.uint8 or about.chunks != (1, *about.shape[1:]):
        return None
    config: dict[str, Any] = about.configs[0]
    if about.order != "C" or config.get("tables") or config.get("header"):
        return None
    specs = _SPECS.get(str(config.get("id")))
    return None if specs is None else specs[about.lossy is not None]
