"""What people write for video, such as `video:h264:crf=20:gop=16`, as a Zarr codec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unienv_data.errors import CodecError
from unienv_data.store.codecs.arguments import ParsedCodec, SpecBuilder, integer
from unienv_data.store.codecs.base import ChunkShape
from unienv_data.store.codecs.video.settings import FAMILIES, NAME, VideoSettings

__all__ = ["CHUNK_ROWS", "VIDEO_SPECS"]

CHUNK_ROWS = 64
"""Rows in a chunk: what is read for one frame, and a multiple of the groups."""

_LOSSLESS = "lossless"
_NUMBERS = ("crf", "gop", "bits")
_TEXTS = ("preset", "layout")


def _build(parsed: ParsedCodec, chunk: ChunkShape) -> Sequence[Mapping[str, Any]]:
    codec, *words = parsed.arguments or ("",)
    if codec not in FAMILIES or any(word != _LOSSLESS for word in words):
        known = ", ".join(f"{parsed.name}:{name}" for name in FAMILIES)
        raise CodecError(f"codec {parsed.text!r}: expected one of {known}, then options such as crf=20")
    unknown = sorted(parsed.options.keys() - {*_NUMBERS, *_TEXTS})
    if unknown:
        known = ", ".join(f"{name}=" for name in (*_NUMBERS, *_TEXTS))
        raise CodecError(
            f"codec {parsed.text!r}: no option {', '.join(unknown)}; there are {known} and lossless"
        )
    options: dict[str, Any] = {name: parsed.options[name] for name in _TEXTS if name in parsed.options}
    for name in _NUMBERS:
        if name in parsed.options:
            options[name] = integer(parsed, name, parsed.options[name], 0, 1 << 16)
    if words:
        options["lossless"] = True
    try:
        settings = VideoSettings.chosen(codec, chunk, options)
    except CodecError as exc:
        raise CodecError(f"codec {parsed.text!r}: {exc}") from exc
    return [{"name": NAME, "configuration": settings.to_configuration()}]


VIDEO_SPECS: Mapping[str, SpecBuilder] = {"video": SpecBuilder(_build, chunk_rows=CHUNK_ROWS, packing=8)}
"""Names in specifications; a chunk is a run of frames."""
