"""Cropping is slicing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_interface.corpus import AnyBackend, box, full_box
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space import BinarySpace
from unienv_interface.transformations import CropTransformation

INDEX: dict[str, Any] = {
    "HWC": lambda rows, columns: (..., rows, columns, slice(None)),
    "CHW": lambda rows, columns: (..., rows, columns),
    "HW": lambda rows, columns: (..., rows, columns),
}


@given(st.data(), st.sampled_from(sorted(INDEX)))
def test_is_a_slice(data: st.DataObject, layout: str) -> None:
    lengths = {"H": data.draw(st.integers(1, 6)), "W": data.draw(st.integers(1, 6)), "C": 2}
    shape = tuple(lengths[letter] for letter in layout)
    sizes, starts = [], []
    for letter in "HW":
        size = data.draw(st.integers(1, lengths[letter]))
        sizes.append(size)
        starts.append(data.draw(st.none() | st.integers(0, lengths[letter] - size)))
    crop = CropTransformation(*sizes, top=starts[0], left=starts[1], layout=layout)
    rows, columns = (
        slice(first := (lengths[letter] - size) // 2 if start is None else start, first + size)
        for letter, size, start in zip("HW", sizes, starts, strict=True)
    )
    low = np.arange(np.prod(shape)).reshape(shape)
    space = box(NumpyComputeBackend, low, low + 100, "int32")
    batch = np.stack([low, low + 50, low + 100]).astype(np.int32)
    expected = batch[INDEX[layout](rows, columns)]
    assert np.array_equal(crop.transform(space, batch), expected)
    target: Any = crop.get_target_space_from_source(space)
    assert np.array_equal(target.low, expected[0])
    assert np.array_equal(target.high, expected[2])


def test_centre_leaves_the_odd_row_below_and_the_odd_column_after(backend: AnyBackend) -> None:
    image = backend.from_numpy(np.arange(30, dtype=np.uint8).reshape(5, 6))
    cropped = CropTransformation(2, 3, layout="HW").transform(full_box(backend, "uint8", (5, 6)), image)
    assert backend.to_numpy(cropped).tolist() == [[7, 8, 9], [13, 14, 15]]


def test_masks(backend: AnyBackend) -> None:
    mask = backend.from_numpy(np.eye(4, dtype=bool))
    space = BinarySpace(backend, (4, 4))
    crop = CropTransformation(2, 2, top=0, left=1, layout="HW")
    assert crop.get_target_space_from_source(space) == BinarySpace(backend, (2, 2))
    assert backend.to_numpy(crop.transform(space, mask)).tolist() == [[False, False], [True, False]]


def test_what_it_refuses(backend: AnyBackend) -> None:
    for arguments, message in (
        ({"height": 0, "width": 1}, "height: expected an integer that is at least 1"),
        ({"height": 1, "width": 1.5}, "width: expected an integer"),
        ({"height": True, "width": 1}, "height: expected an integer"),
        ({"height": 1, "width": 1, "top": -1}, "top: expected an integer that is at least 0"),
        ({"height": 1, "width": 1, "left": "x"}, "left: expected an integer"),
        ({"height": 1, "width": 1, "layout": "NHWC"}, "layout: expected one of"),
    ):
        with pytest.raises(SpaceError, match=message):
            CropTransformation(**arguments)  # type: ignore[arg-type]
    space = full_box(backend, "uint8", (4, 5, 3))
    for crop, message in (
        (CropTransformation(5, 5), "height: expected at most 4, got 5"),
        (CropTransformation(4, 3, left=3), "width: expected at most 5, got 3 from 3 on"),
    ):
        with pytest.raises(SpaceError, match=message):
            crop.get_target_space_from_source(space)
    with pytest.raises(SpaceError, match="expected images with pixels"):
        CropTransformation(1, 1).get_target_space_from_source(full_box(backend, "uint8", (4, 0, 3)))
    assert CropTransformation(1, 1).direction_inverse(space) is None
    with pytest.raises(SpaceValueError, match="shape"):
        CropTransformation(1, 1).transform(space, backend.zeros((4, 6, 3), dtype=backend.uint8))
