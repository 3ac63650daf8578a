"""How new datasets are laid out: powers of two, whole shards in a block, bounded tails."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.columns.data import ColumnSpec
from unienv_data.errors import CodecError, PathError, SpaceError
from unienv_data.schema.commit import ROWS_LOG, ArrayEntry
from unienv_data.store.layout import LayoutOptions, lay_out

dtypes = st.sampled_from(["bool", "uint8", "int16", "float32", "int64", "float64"]).map(np.dtype)
shapes = st.one_of(
    st.lists(st.integers(1, 9), max_size=3),
    st.sampled_from([[84, 84, 3], [480, 640, 3], [1080, 1920, 3], [4096], [0, 3], [100_000]]),
).map(tuple)


@st.composite
def columns(draw: st.DrawFn) -> list[ColumnSpec]:
    specs = []
    for number in range(draw(st.integers(1, 8))):
        if draw(st.integers(0, 3)):
            specs.append(ColumnSpec(f"c{number}", "box", draw(dtypes), draw(shapes)))
        else:
            specs.append(ColumnSpec(f"c{number}", "text", draw(dtypes), ragged_axes=draw(st.integers(1, 3))))
    return specs


def row_bytes(entry: ArrayEntry) -> int:
    return int(np.prod(entry.shape, dtype=np.int64)) * np.dtype(entry.dtype).itemsize


def is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


@given(columns())
def test_defaults(specs: list[ColumnSpec]) -> None:
    entries, logs = lay_out(specs, LayoutOptions())
    assert sorted(entry.id for entry in entries.values()) == list(range(len(entries)))
    for entry in entries.values():
        assert is_power_of_two(entry.chunk_rows)
        assert is_power_of_two(entry.shard_rows)
        assert entry.chunk_rows <= entry.shard_rows
        assert is_power_of_two(logs[entry.log].block_rows)
        assert logs[entry.log].block_rows % entry.shard_rows == 0
        assert (logs[entry.log].length, logs[entry.log].start) == (0, 0)
        assert not entry.lossy
        if row_bytes(entry) >= 4096:
            assert entry.chunk_rows == 1  # a frame is read without its neighbours
        elif entry.chunk_rows < entry.shard_rows:
            assert 8192 < entry.chunk_rows * max(row_bytes(entry), 1) <= 16384
        size = entry.shard_rows * row_bytes(entry)
        assert size <= max(16 << 20, row_bytes(entry))
    # What a commit writes again, and a writer after a crash copies.
    frames = [entry for entry in entries.values() if row_bytes(entry) >= 4096]
    tails = sum(entry.shard_rows * row_bytes(entry) for entry in entries.values())
    most = (16 << 20) + sum(max(4 << 20, row_bytes(entry)) for entry in frames)
    assert tails <= most + (4 << 20) + len(entries) * (1 << 20)
    rows = [entry.shard_rows for entry in entries.values() if entry.log == ROWS_LOG]
    assert max(rows) <= 16 * min(rows)


@given(columns(), st.integers(1, 3000), st.integers(1, 3000))
def test_asked_for(specs: list[ColumnSpec], chunk: int, shard: int) -> None:
    asked = specs[0].name
    entries, logs = lay_out(specs, LayoutOptions(chunks={asked: chunk}, shards={asked: np.int64(shard)}))
    name = asked if specs[0].ragged_axes is None else f"{asked}/index"
    entry = entries[name]
    assert entry.chunk_rows == 1 << (chunk - 1).bit_length()
    assert entry.shard_rows == max(1 << (shard - 1).bit_length(), entry.chunk_rows)
    for other in entries.values():
        assert logs[other.log].block_rows % other.shard_rows == 0


BOX = ColumnSpec("a/b", "box", np.dtype(np.float32), (5,))
TEXT = ColumnSpec("a/t", "text", np.dtype(np.uint8), ragged_axes=1)


def test_codecs_by_pattern_and_what_a_ragged_column_is_made_of() -> None:
    entries, logs = lay_out([BOX, TEXT], LayoutOptions(codecs={"a/*": "lz4", "**/t": "gzip"}))
    assert set(entries) == {"a/b", "a/t/index", "a/t/values"}
    assert set(logs) == {ROWS_LOG, "a/t/values"}
    assert {name: entry.codec for name, entry in entries.items()} == {
        "a/b": "lz4",
        "a/t/index": "zstd",  # positions, not the values that were meant
        "a/t/values": "gzip",
    }
    assert entries["a/t/index"].shape == (2,)
    assert entries["a/t/values"].log == "a/t/values"


def test_a_chain_of_ones_own() -> None:
    chain = [{"name": "bytes"}, {"name": "zstd", "configuration": {"level": 1, "checksum": True}}]
    entries, _ = lay_out([TEXT], LayoutOptions(codecs={"**": chain}))
    assert entries["a/t/values"].codec == "bytes > zstd"
    assert list(entries["a/t/values"].codecs) == chain
    quantize = {"name": "numcodecs.quantize", "configuration": {"digits": 2, "dtype": "<f4"}}
    with warnings.catch_warnings():
        # Some versions of zarr-python warn of numcodecs' codecs, others do not.
        warnings.simplefilter("ignore", UserWarning)
        entries, _ = lay_out([BOX], LayoutOptions(codecs={"**": [quantize, {"name": "bytes"}]}))
    assert entries["a/b"].lossy


@pytest.mark.parametrize("rows", [0, -1, 2.5, "4", True, None, 10**12])
@pytest.mark.parametrize("option", ["chunks", "shards"])
def test_numbers_of_rows_that_make_no_sense(option: str, rows: Any) -> None:
    if rows is None:
        pytest.skip("means that nothing is asked")
    with pytest.raises(SpaceError, match=r"a/b.*at least one row|a/b.*rows, got"):
        lay_out([BOX], LayoutOptions(**{option: {"a/*": rows}}))


@pytest.mark.parametrize("option", ["codecs", "chunks", "shards"])
def test_patterns_that_mean_nothing(option: str) -> None:
    with pytest.raises(PathError, match="no column matches 'b'"):
        lay_out([BOX], LayoutOptions(**{option: {"b": 1}}))


@pytest.mark.parametrize("spec", ["nonsense", "zstd:77", [{"name": "nonsense"}], 5, None, b"zstd"])
def test_codecs_that_cannot_be_are_refused_at_once(spec: Any) -> None:
    with pytest.raises(CodecError):
        lay_out([BOX], LayoutOptions(codecs={"**": spec}))
