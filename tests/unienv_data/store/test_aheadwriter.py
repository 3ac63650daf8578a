"""Rows that threads encode stand in shards as if they had been encoded at once."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unienv_data.columns.data import ColumnSpec, EncodedRows
from unienv_data.errors import CodecError
from unienv_data.store.aheadwriter import AheadWriter, Encoding
from unienv_data.store.array import StoredArray
from unienv_data.store.arraywriter import ArrayWriter
from unienv_data.store.codecs.checked import with_checksum
from unienv_data.store.layout import LayoutOptions, lay_out

pytest.importorskip("imagecodecs")

SIDE = 16


def stored(codec: str, chunk_rows: int) -> StoredArray:
    spec = ColumnSpec("image", "box", np.dtype(np.uint8), (SIDE, SIDE, 3))
    options = LayoutOptions(codecs={"image": codec}, chunks={"image": chunk_rows}, shards={"image": 8})
    return StoredArray("", "image", lay_out([spec], options)[0]["image"])


def frames(count: int, seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def jpegs(count: int, seed: int) -> EncodedRows:
    pieces = []
    for frame in frames(count, seed):
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "jpeg")
        pieces.append(with_checksum(file.getvalue()))
    return EncodedRows(np.dtype(np.uint8), (SIDE, SIDE, 3), pieces, [1] * count)


def written(steps: list[tuple[str, int]], codec: str, chunk_rows: int, most: int | None) -> Any:
    """The shards that come out, and what the writer says of itself."""
    shards: dict[int, tuple[list[bytes], int]] = {}

    def sink(array: StoredArray, shard: int, chunks: list[bytes], rows: int) -> None:
        shards[shard] = ([*chunks], rows)

    array = stored(codec, chunk_rows)
    encoding = None if most is None else Encoding(most)
    writer = ArrayWriter(array, sink, 0) if encoding is None else AheadWriter(array, sink, 0, encoding)
    for seed, (kind, count) in enumerate(steps):
        if kind == "rows":
            writer.append(frames(count, seed))
        else:
            writer.append_pieces(jpegs(count, seed), 0, count)
    if encoding is not None:
        encoding.finish()
    told = writer.position, writer.stored_bytes, writer.raw_bytes
    writer.finish_shard(-(-writer.position // 8) * 8)
    return shards, told


@given(
    st.lists(st.integers(1, 20), max_size=8), st.sampled_from([1, 2, 4]), st.sampled_from([0, 3000, 1 << 30])
)
def test_shards_are_the_same(counts: list[int], chunk_rows: int, most: int) -> None:
    steps = [("rows", count) for count in counts]
    assert written(steps, "zstd", chunk_rows, most) == written(steps, "zstd", chunk_rows, None)


@given(st.lists(st.tuples(st.sampled_from(["rows", "files"]), st.integers(1, 12)), max_size=6))
def test_files_that_are_encoded_already_keep_their_place(steps: list[tuple[str, int]]) -> None:
    assert written(steps, "jpeg", 1, 1 << 30) == written(steps, "jpeg", 1, None)


def append_and_finish(writer: AheadWriter, encoding: Encoding) -> None:
    writer.append(frames(9, 1))
    encoding.finish()


def test_what_cannot_be_encoded_is_told_before_the_shards_are_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shards: list[int] = []
    encoding = Encoding(1 << 30)
    array = stored("zstd", 1)
    writer = AheadWriter(array, lambda array, shard, chunks, rows: shards.append(shard), 0, encoding)

    def refuse(chunks: Any) -> list[bytes]:
        raise CodecError("image: no")

    monkeypatch.setattr(array.codec, "encode_each", refuse)
    with pytest.raises(CodecError, match="no"):
        append_and_finish(writer, encoding)
    assert not shards
