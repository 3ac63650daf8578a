"""Blocks: every row in one, whatever the runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_data.order.blockmodel import block_of_rows, blocks, made
from unienv_data.order import Blocks, Buffering, even_blocks


@given(runs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=15), data=st.data())
def test_every_row_is_in_the_block_of_its_run(runs: list[tuple[int, int]], data: st.DataObject) -> None:
    starts = np.cumsum([0, *(count for count, _ in runs)])[:-1].astype(np.int64)
    counts, groups = (np.array([run[i] for run in runs], dtype=np.int64) for i in (0, 1))
    order = data.draw(st.permutations(range(len(runs))))
    found = Blocks.of(starts[order], counts[order], groups[order], stored_bytes=7, is_remote=True)
    expected = [group for count, group in runs for _ in range(count)]
    numbers = {group: number for number, group in enumerate(sorted({*expected}))}
    assert block_of_rows(found) == {row: numbers[group] for row, group in enumerate(expected)}
    assert found.sizes.tolist() == [expected.count(group) for group in numbers]
    assert (found.length, len(found), found.stored_bytes, found.is_remote) == (
        len(expected),
        len(numbers),
        7,
        True,
    )
    for block in range(len(found)):
        rows = found.rows(block, 0, int(found.sizes[block])).tolist()
        assert rows == sorted(rows)
        assert found.rows(block, 1, len(rows) - 1 if len(rows) > 1 else 1).tolist() == rows[1:-1]


@given(whole=blocks(), length=st.integers(0, 500))
def test_cut_leaves_later_rows_out(whole: Blocks, length: int) -> None:
    cut = whole.cut(length)
    kept = {row: block for row, block in block_of_rows(whole).items() if row < length}
    numbers = {block: number for number, block in enumerate(sorted({*kept.values()}))}
    assert block_of_rows(cut) == {row: numbers[block] for row, block in kept.items()}
    assert cut.length == min(length, whole.length)


@given(parts=st.lists(blocks(most_rows=5), max_size=4))
def test_joined_blocks_are_those_of_each_part(parts: list[Blocks]) -> None:
    joined = Blocks.joined(parts, [part.length for part in parts])
    expected: dict[int, int] = {}
    for part in parts:
        rows, numbers = len(expected), len({*expected.values()})
        expected |= {row + rows: block + numbers for row, block in block_of_rows(part).items()}
    assert block_of_rows(joined) == expected
    assert joined.length == len(expected)


@given(one=blocks(most_rows=4), other=blocks(most_rows=4))
def test_layout_tells_blocks_apart(one: Blocks, other: Blocks) -> None:
    same = block_of_rows(one) == block_of_rows(other)
    assert (one.layout == other.layout) == same
    assert 0 <= one.layout < 2**63


@pytest.mark.parametrize("length", [0, 1, 10, 11, 20])
def test_even_blocks_have_as_many_rows(length: int) -> None:
    found = even_blocks(length, size=10)
    assert found.length == length
    assert block_of_rows(found) == {row: row // 10 for row in range(length)}


@pytest.mark.parametrize(
    ("stored_bytes", "buffer_bytes", "expected"),
    [
        (8 << 20, 256 << 20, Buffering(22, 8)),
        (8 << 20, 64 << 20, Buffering(4, 2)),
        (8 << 20, 16 << 20, Buffering(1, 1)),
        (8 << 20, 1, Buffering(1, 1)),
    ],
)
def test_buffers_hold_what_fits(stored_bytes: int, buffer_bytes: int, expected: Buffering) -> None:
    eight = made([512] * 100, list(range(100)))
    found = Blocks(eight.starts, eight.counts, eight.bounds, stored_bytes)
    assert Buffering.of(found, buffer_bytes) == expected


def test_buffers_are_bounded_in_rows_too() -> None:
    found = Buffering.of(even_blocks(300_000_000), 256 << 20)
    assert (found.window + found.ahead) * 4096 <= 1 << 22


def test_many_rows_take_no_memory_each() -> None:
    found = even_blocks(300_000_000)
    assert found.starts.nbytes + found.counts.nbytes + found.bounds.nbytes < 3_000_000
    assert found.rows(len(found) - 1, 0, 2).tolist() == [299_999_232, 299_999_233]
