"""Moving rows within an array, against a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unienv_data.store import rowmoves
from unienv_data.store.rowmoves import bring_to_front


@st.composite
def spans(draw: st.DrawFn, length: int = 60) -> list[tuple[int, int]]:
    cuts = sorted(draw(st.lists(st.integers(0, length), max_size=12)))
    return draw(st.permutations(list(zip(cuts[::2], cuts[1::2], strict=False))))


@pytest.mark.parametrize("moved_bytes", [1, 40, 1 << 20])
@given(wanted=spans())
def test_any_spans_in_any_order(moved_bytes: int, wanted: list[tuple[int, int]]) -> None:
    expected = [row for start, stop in wanted for row in range(start, stop)]
    arrays: list[NDArray[Any]] = [
        np.arange(60),
        np.arange(60, dtype=np.int16)[:, None].repeat(3, axis=1),
        np.array([str(row) for row in range(60)], dtype=object),
        np.zeros((60, 0)),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rowmoves, "_MOVED_BYTES", moved_bytes)
        for array in arrays:
            taken = array[expected]
            bring_to_front(array, wanted)
            np.testing.assert_array_equal(array[: len(expected)], taken)


@given(offset=st.integers(0, 60), removed=st.integers(0, 59))
def test_a_ring(offset: int, removed: int) -> None:
    rows = [*range(offset, 60), *range(offset)]
    wanted = [(offset, 60), (0, offset)]
    if removed < offset:
        wanted = [(offset, 60), (0, removed), (removed + 1, offset)]
    else:
        wanted = [(offset, removed), (removed + 1, 60), (0, offset)]
    array = np.arange(60)
    bring_to_front(array, wanted)
    assert array[:59].tolist() == [row for row in rows if row != removed]
