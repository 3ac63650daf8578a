"""What version 1 wrote is read for good, here and by a reader that knows nothing but docs/format.md.

The folders under tests/data/compressed_list_v1 are never written again.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numcodecs import zstd

import unienv_data
from unienv_data.storages import CompressedListStorage

GOLDEN = Path(__file__).parents[3] / "data" / "compressed_list_v1"
PLAIN = 1 << 31


def image(number: int) -> Any:
    return (np.arange(600).reshape(10, 20, 3) * (number + 1) % 7).astype(np.uint8)


def frames_of(folder: Path) -> Iterator[tuple[int, list[bytes]]]:
    """The number of the layout and the frames of each item; nothing of the library is used."""
    document = json.loads((folder / "compressed_list.json").read_bytes())
    data = (folder / document["items"]).read_bytes()
    size, start = document["items_bytes"], 0
    for slot in range(document["slots"]):
        length, _ = struct.unpack_from("<QI", data, size + 12 * slot)
        item, start = data[start : start + length], start + length
        if not item:
            yield -1, []
            continue
        frames, at = [], len(item)
        (layout,) = struct.unpack_from("<I", item)
        lengths: list[int] = []
        while 4 + 4 * len(lengths) + sum(number & ~PLAIN for number in lengths) < len(item):
            lengths += struct.unpack_from("<I", item, 4 + 4 * len(lengths))
        at = 4 + 4 * len(lengths)
        for number in lengths:
            frame = item[at : at + (number & ~PLAIN)]
            frames.append(b"P" + frame if number & PLAIN else b"Z" + frame)
            at += number & ~PLAIN
        yield layout, frames


def plain(frame: bytes) -> bytes:
    body: bytes = frame[1:]
    return body if frame[:1] == b"P" else bytes(zstd.decompress(body))


def test_a_buffer() -> None:
    with unienv_data.open(GOLDEN / "buffer") as buffer:
        assert buffer[:]["n"].tolist() == [2, 3, 4, 5, 6]
        assert buffer[:]["task"].tolist() == [f"task {n}" for n in range(2, 7)]
        for row in range(5):
            assert np.array_equal(buffer[row]["image"], image(row + 2))
        assert buffer.get_segments() == [(0, 2), (2, 5)]
        assert buffer.episodes["success"].to_pylist() == [True, False]
        assert buffer.attributes == {"robot": "arm"}


def test_a_buffer_by_others() -> None:
    found = []
    for layout, (small, picture, task) in frames_of(GOLDEN / "buffer" / "storage"):
        assert layout == 0
        (number,) = struct.unpack("<i", plain(small))
        assert plain(picture) == image(number).tobytes()
        (length,) = struct.unpack_from("<q", task, 1)
        assert task[:1] == b"P"
        assert task[9:] == f"task {number}".encode()
        assert length == len(task) - 9
        found.append(number)
    assert found == [5, 6, 2, 3, 4]  # the ring has turned


def test_a_list() -> None:
    storage: Any = CompressedListStorage(9)
    storage.loads(GOLDEN / "list")
    assert len(storage) == 3
    assert np.array_equal(storage.get(0)["image"], image(0))
    assert storage.get([1, 0])["pair"][0].tolist() == [1.5, 0.5]
    assert storage.get(1)["pair"][1] == "one"
    assert storage.get(2) == [None, True, -(10**20), math.inf, b"\x00", "\ud800"]


def test_a_list_by_others() -> None:
    items = list(frames_of(GOLDEN / "list"))
    assert [layout for layout, _ in items] == [0, 0, 1]
    assert plain(items[1][1][0]) == np.float64(1.5).tobytes()
    texts = [frame[9:] for frame in items[2][1]]
    assert texts == [b"n", b"t", b"i-56bc75e2d63100000", b"finf", b"b\x00", b"s\xed\xa0\x80"]


@pytest.mark.requires_torchrl
def test_tensordicts() -> None:
    import torch

    storage: Any = CompressedListStorage(2)
    storage.loads(GOLDEN / "tensordicts")
    found = storage.get([1, 0])
    assert found.batch_size == (2,)
    assert found["next", "done"].tolist() == [[True], [False]]
    assert found["obs"].dtype == torch.bfloat16
    assert found["obs"][:, 5].tolist() == [5.0, 5.0]
    assert storage.get(0)["task"] == "zero"
