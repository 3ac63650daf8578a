"""The short cut for arrays that are stored as they are: it changes nothing but the time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unienv_data.columns import FixedNode, columns_of
from unienv_data.errors import SpaceValueError
from unienv_interface.backends.numpy import NumpyComputeBackend as B
from unienv_interface.space import BinarySpace, BoxSpace

INF = float("inf")
SPACES: dict[str, Any] = {
    "free": BoxSpace(B, -INF, INF, np.dtype("float32"), shape=(2, 3)),
    "bounded": BoxSpace(B, -1, 1, np.dtype("float32"), shape=(2, 3)),
    "low_only": BoxSpace(B, 0, INF, np.dtype("float64"), shape=(2, 3)),
    "high_only": BoxSpace(B, -INF, 0, np.dtype("float64"), shape=(2, 3)),
    "columns": BoxSpace(B, [-1, 0, -INF], [1, INF, INF], np.dtype("float32"), shape=(2, 3)),
    "rows": BoxSpace(B, [[0], [-5]], [[3], [5]], np.dtype("int16"), shape=(2, 3)),
    "bytes": BoxSpace(B, 0, 255, np.dtype("uint8"), shape=(2, 3)),
    "scalar": BoxSpace(B, -1, 1, np.dtype("float32"), shape=()),
    "double": BoxSpace(B, -1, INF, np.dtype("float64"), shape=()),
    "count": BoxSpace(B, 0, 2**63 - 1, np.dtype("int64"), shape=()),
    "flag": BinarySpace(B, ()),
    "empty": BoxSpace(B, -1, 1, np.dtype("float32"), shape=(0, 3)),
    "binary": BinarySpace(B, (2, 3)),
}


class Own(np.ndarray[Any, Any]):
    """An array of a class of its own."""


@st.composite
def arrays(draw: st.DrawFn, space: Any, count: int | None) -> Any:
    shape = tuple(space.shape) if count is None else (count, *space.shape)
    shape = draw(st.sampled_from([shape] * 6 + [shape[1:], (1, *shape)]))
    kind = draw(
        st.sampled_from([space.dtype] * 6 + [np.dtype(t) for t in ("f8", "f2", "i4", "u1", "?", "U1")])
    )
    numbers = draw(
        st.lists(st.sampled_from([0, 0, 0, 0.5, 1, -1, 2, -6, 254, INF, -INF, np.nan]), min_size=1)
    )
    flat = np.resize(np.array(numbers), shape)
    with np.errstate(invalid="ignore"):
        array: NDArray[Any] = flat.astype(kind)
    form = draw(
        st.sampled_from(["plain", "swapped", "fortran", "strided", "read-only", "own", "list", "scalar"])
    )
    if form == "swapped":
        return array.astype(array.dtype.newbyteorder())
    if form == "fortran":
        return np.asfortranarray(array)
    if form == "strided" and array.ndim:
        return array.repeat(2, axis=-1)[..., ::2]
    if form == "read-only":
        array.flags.writeable = False
    if form == "own":
        return array.view(Own)
    if form == "scalar" and not array.ndim:
        return array[()]
    return array.tolist() if form == "list" else array


def outcome(node: Any, value: Any, count: int | None) -> Any:
    try:
        rows = (node.encode_one(value) if count is None else node.encode(value, count))["value"]
    except SpaceValueError as error:
        return type(error), str(error)
    return type(rows), rows.dtype, rows.dtype.isnative, rows.flags.c_contiguous, rows.shape, rows.tobytes()


@pytest.mark.parametrize("name", SPACES)
@given(count=st.sampled_from([None, None, 0, 1, 3]), data=st.data())
def test_short_cut_or_not(name: str, count: int | None, data: st.DataObject) -> None:
    value = data.draw(arrays(SPACES[name], count))
    quick, slow = columns_of(SPACES[name]), columns_of(SPACES[name])
    assert isinstance(slow, FixedNode)
    slow._is_plain = False
    assert outcome(quick, value, count) == outcome(slow, value, count)


@pytest.mark.parametrize("name", SPACES)
def test_what_is_stored_as_it_is_is_not_copied(name: str) -> None:
    node: Any = columns_of(SPACES[name])
    value = np.zeros((5, *SPACES[name].shape), SPACES[name].dtype)
    assert node.encode(value, 5)["value"] is value
    one = node.encode_one(value[3, ...])["value"]
    assert one.base is not None
    assert (np.shares_memory(one, value), one.shape) == (value.size > 0, (1, *value.shape[1:]))
    assert node.decode({"value": value}, 5) is value


def test_spaces_with_a_mind_of_their_own_are_asked() -> None:
    class Even(BoxSpace[Any, Any, Any, Any]):
        def coerce(self, x: Any, *, path: str = "") -> Any:
            if np.any(np.asarray(x) % 2):
                raise SpaceValueError(path, "even numbers", "odd ones")
            return super().coerce(x, path=path)

    node = columns_of(Even(B, 0, 255, np.dtype("uint8"), shape=(2,)))
    with pytest.raises(SpaceValueError, match="even"):
        node.encode_one(np.ones(2, np.uint8))
