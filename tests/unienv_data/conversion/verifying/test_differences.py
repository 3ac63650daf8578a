"""Rows compared with rows, against plain loops and the definition of PSNR."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unienv_data.conversion.verifying.differences import Distance, first_difference
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, GraphInstance, GraphSpace
from unienv_interface.space.space_utils.batch_utils import concatenate


@given(
    hnp.arrays(np.int8, st.tuples(st.integers(1, 8), st.integers(0, 3)), elements=st.integers(0, 2)),
    st.data(),
)
def test_the_first_row(values: np.ndarray[Any, Any], data: Any) -> None:
    other = values.copy()
    if values.size and data.draw(st.booleans()):
        row = data.draw(st.integers(0, len(values) - 1))
        other[row, data.draw(st.integers(0, values.shape[1] - 1))] += 1
        found = first_difference(values, other)
        assert found is not None
        assert found.row == row
        assert found.expected != found.found
    else:
        assert first_difference(values, other) is None


@pytest.mark.parametrize(
    ("expected", "found", "row"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), None),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), 1),
        (np.array([1.0, -0.0]), np.array([1.0, 0.0]), None),
        (np.array(["a", "b"], dtype=object), np.array(["a", "c"], dtype=object), 1),
        (np.array(["a", ""], dtype=object), np.array(["a", ""], dtype=object), None),
        (np.zeros((3, 1)), np.zeros(3), None),
        (np.array([1, 2], np.int64), np.array([1, 2], np.int16), None),
        ({"a": np.zeros(3), "b": np.zeros(3)}, {"a": np.array([0, 0, 1]), "b": np.array([0, 1, 0])}, 1),
        ((np.zeros(2), np.ones(2)), (np.zeros(2), np.array([1, 2])), 1),
    ],
)
def test_what_is_equal(expected: Any, found: Any, row: int | None) -> None:
    difference = first_difference(expected, found)
    assert (None if difference is None else difference.row) == row


def test_values_of_varying_shape() -> None:
    def rows(last: Any) -> Any:
        values = np.empty(2, dtype=object)
        values[:] = [np.zeros((2, 3)), last]
        return values

    assert first_difference(rows(np.array([1.0, np.nan])), rows(np.array([1.0, np.nan]))) is None
    for other in (np.array([1.0, 2.0]), np.array([1.0]), np.zeros((2, 1))):
        difference = first_difference(rows(np.array([1.0, np.nan])), rows(other))
        assert difference is not None
        assert difference.row == 1
    unions = np.empty(2, dtype=object)
    unions[:] = [(0, np.ones(2)), (1, "a")]
    others = np.empty(2, dtype=object)
    others[:] = [(0, np.ones(2)), (0, np.ones(2))]
    assert first_difference(unions, unions) is None
    found = first_difference(unions, others)
    assert found is not None
    assert found.row == 1


def graphs(*sizes: int, change: int | None = None) -> GraphInstance[Any]:
    """A batch of graphs of so many nodes; one number of one of them is another."""
    numbers = np.random.default_rng(0).random((len(sizes), 5, 2), dtype=np.float32)
    if change is not None:
        numbers[change, 0, 0] = 7
    alone = [
        GraphInstance(np.asarray(size), nodes_features=numbers[row, :size]) for row, size in enumerate(sizes)
    ]
    node = BoxSpace(NumpyComputeBackend, 0, 9, np.float32, shape=(2,))
    return concatenate(GraphSpace(NumpyComputeBackend, node, min_nodes=0, max_nodes=5), alone)


def test_graphs() -> None:
    assert first_difference(graphs(2, 0, 3), graphs(2, 0, 3)) is None
    padded = graphs(2, 0, 3, 5).map(lambda array: array[:3])
    assert first_difference(graphs(2, 0, 3), padded) is None
    for other, row in ((graphs(2, 1, 3), 1), (graphs(2, 0, 3, change=2), 2)):
        found = first_difference(graphs(2, 0, 3), other)
        assert found is not None
        assert found.row == row


@given(st.integers(0, 3), st.sampled_from([np.uint8, np.uint16, np.float32]))
def test_psnr(seed: int, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    expected = rng.integers(0, 256, (12, 4, 5)).astype(dtype)
    found = np.clip(expected.astype(int) + rng.integers(-3, 4, expected.shape), 0, 255).astype(dtype)
    distance = Distance()
    for start in range(0, 12, 5):
        distance.add(expected[start : start + 5], found[start : start + 5], 3, start)
    squares = (expected.astype(float) - found.astype(float)) ** 2
    peak = np.ptp(expected) if dtype is np.float32 else np.iinfo(dtype).max
    assert distance.psnr == pytest.approx(10 * math.log10(float(peak) ** 2 / squares.mean()))
    assert distance.worst == (3, int(squares.mean((1, 2)).argmax()))
    assert distance.psnr_of_worst <= distance.psnr
    same = Distance()
    same.add(expected, expected, 0, 0)
    assert same.psnr == math.inf
    if dtype is np.float32:
        found[0, 0, 0] = np.nan
        distance.add(expected[:1], found[:1], 7, 0)
        assert math.isnan(distance.psnr)
        assert distance.worst == (7, 0)
