"""Chunks of version 1, written once and for all: read here, and by a reader made from docs/format.md."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("av")

import av

from tests.unienv_data.store.codecs.video.scenes import decoded
from unienv_data.store.codecs import ChunkShape, make_codec

GOLDEN = Path(__file__).parent / "golden"
CHUNKS = json.loads((GOLDEN / "chunks.json").read_text("utf-8"))


def rows_by_the_page(data: bytes, format: str) -> list[NDArray[Any]]:
    """Pictures of a chunk, as docs/format.md describes it."""
    magic, n_streams, n_groups, n_packets = struct.unpack_from("<4sHII", data)
    assert magic == b"uev1"
    place = 14
    streams = []
    for _ in range(n_streams):
        name = data[place + 1 : place + 1 + data[place]].decode()
        place += 1 + len(name)
        width, height, *_, extra = struct.unpack_from("<IIBBBBBI", data, place)
        place += 17
        streams.append((name, width, height, data[place : place + extra]))
        place += extra
    groups = [struct.unpack_from("<4H", data, place + 8 * number) for number in range(n_groups)]
    place += 8 * n_groups
    lengths = struct.unpack_from(f"<{n_packets}I", data, place)
    place += 4 * n_packets
    packets = []
    for length in lengths:
        packets.append(data[place : place + length])
        place += length
    assert place == len(data) - 4  # the checksum
    pictures = []
    for stream, skip, frames, count in groups:
        name, width, height, extradata = streams[stream]
        context = av.CodecContext.create({"av1": "libdav1d"}.get(name, name), "r")
        context.width, context.height, context.extradata = width, height, extradata
        found = []
        for packet in [*map(av.Packet, packets[:count]), None]:
            found += context.decode(packet)
        packets = packets[count:]
        pictures += [frame.to_ndarray(format=format) for frame in found[skip : skip + frames]]
    return pictures


@pytest.mark.parametrize("name", CHUNKS)
def test_what_was_written_is_read(name: str) -> None:
    said = CHUNKS[name]
    data = (GOLDEN / f"{name}.bin").read_bytes()
    codec = make_codec(
        said["codecs"], ChunkShape(said["rows"], np.dtype(said["dtype"]), tuple(said["shape"]))
    )
    rows = decoded(codec, data)  # type: ignore[arg-type]
    assert hashlib.sha256(rows[: said["filled"]].tobytes()).hexdigest() == said["sha256"]
    assert not rows[said["filled"] :].any()
    pictures = rows_by_the_page(data, said["format"])
    assert len(pictures) == said["filled"]
    for row, picture in zip(rows, pictures, strict=False):
        assert row.tobytes() == picture[: said["shape"][0], : said["shape"][1]].tobytes()
