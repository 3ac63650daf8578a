"""Images of whole numbers as fractions, every number of every type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_torch
from tests.unienv_interface.corpus import AnyBackend, box, full_box, same
from unienv_interface.backends import NumpyComputeBackend, load_backend
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.transformations import FloatToImageTransformation, ImageToFloatTransformation

FLOATS = {"uint8": ("float16", "bfloat16", "float32", "float64"), "uint16": ("float32", "float64")}
PAIRS = [(whole, fraction) for whole, fractions in FLOATS.items() for fraction in fractions]


def all_numbers(backend: AnyBackend, dtype: str) -> tuple[Any, Any]:
    """A box of images (H, W, C) and one that has every number of the type in it."""
    count = np.iinfo(dtype).max + 1
    image = np.arange(count).astype(dtype).reshape(count // 64, 16, 4)
    return full_box(backend, dtype, image.shape), backend.from_numpy(image)


@pytest.mark.parametrize(("whole", "fraction"), PAIRS)
def test_every_number_there_and_back(backend: AnyBackend, whole: str, fraction: str) -> None:
    if fraction == "bfloat16" and backend is NumpyComputeBackend:
        pytest.skip("NumPy has no bfloat16")
    space, image = all_numbers(backend, whole)
    forth = ImageToFloatTransformation(dtype=fraction)
    result, target = forth.transform(space, image), forth.get_target_space_from_source(space)
    assert target == box(backend, 0, 1, fraction, (4, space.shape[0], 16))  # type: ignore[index]
    assert same(target.coerce(result), result)
    greatest = np.iinfo(whole).max
    expected = np.moveaxis(backend.to_numpy(image), -1, -3).astype("float64") / greatest
    digits = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}[fraction]
    digits -= backend.simplified_name == "jax"  # which multiplies by 1 / 255
    assert np.all(np.abs(backend.to_numpy(result) - expected) <= 2.0**-digits)
    if fraction == "float32" and backend.simplified_name != "jax":
        assert np.array_equal(backend.to_numpy(result), expected.astype(np.float32))
    back = forth.direction_inverse(space)
    assert back.get_target_space_from_source(target) == space
    assert same(back.transform(target, result), image)


@requires_torch
def test_does_what_pytorch_users_do_by_hand() -> None:
    torch = pytest.importorskip("torch")
    backend = load_backend("pytorch")
    frames = torch.randint(0, 256, (5, 2, 7, 9, 3), dtype=torch.uint8)
    result = ImageToFloatTransformation().transform(full_box(backend, "uint8", (7, 9, 3)), frames)
    assert torch.equal(result, frames.permute(0, 1, 4, 2, 3).float().div(255))
    assert result.is_contiguous()


@pytest.mark.parametrize("source_layout", ["HWC", "CHW"])
@pytest.mark.parametrize("layout", ["HWC", "CHW"])
def test_layouts(source_layout: str, layout: str) -> None:
    lengths = {"H": 2, "W": 3, "C": 4}
    shape = tuple(lengths[letter] for letter in source_layout)
    bounds = np.arange(24, dtype=np.uint8).reshape(shape)
    space = box(NumpyComputeBackend, bounds, bounds + 10, "uint8")
    batch = np.stack([bounds, bounds + 5, bounds + 10])
    forth = ImageToFloatTransformation(source_layout=source_layout, layout=layout)
    target: Any = forth.get_target_space_from_source(space)
    result = forth.transform(space, batch)
    axes = [source_layout.index(letter) for letter in layout]
    assert target.shape == tuple(lengths[letter] for letter in layout)
    assert np.array_equal(result, (batch / 255).astype(np.float32).transpose(0, *(axis + 1 for axis in axes)))
    assert result.flags.c_contiguous
    assert all(image in target for image in result)
    assert np.array_equal(target.low, result[0])
    assert np.array_equal(target.high, result[2])
    back = forth.direction_inverse(space)
    assert (back.source_layout, back.layout) == (layout, source_layout)
    assert np.array_equal(back.transform(target, result), batch)


def test_layouts_by_default() -> None:
    assert ImageToFloatTransformation().layout == "CHW"
    assert ImageToFloatTransformation(source_layout="CHW").layout == "CHW"
    assert ImageToFloatTransformation(source_layout="HW").layout == "HW"
    assert FloatToImageTransformation().layout == "HWC"
    assert FloatToImageTransformation(source_layout="HWC").layout == "HWC"


def test_fractions_are_rounded_to_the_nearest_and_kept_within(backend: AnyBackend) -> None:
    space = full_box(backend, "float32", (1, 2, 3))
    x = backend.asarray([[[-3.0, 0.1, 0.5 / 255], [1.5 / 255, 0.999, 7.0]]], dtype=backend.float32)
    back = FloatToImageTransformation()
    target = back.get_target_space_from_source(space)
    assert target == full_box(backend, "uint8", (2, 3, 1))
    result = back.transform(space, x)
    assert backend.to_numpy(result)[..., 0].tolist() == [[0, 26, 0], [2, 255, 255]]
    with pytest.raises(SpaceValueError, match=r"got NaN at index \(0, 0, 0\)"):
        back.transform(space, x * float("nan"))
    assert back.direction_inverse(space) is None
    assert back.direction_inverse(box(backend, 0, 1, "float32", (1, 2, 3))) is not None


def test_what_it_refuses(backend: AnyBackend) -> None:
    for make, message in (
        (lambda: ImageToFloatTransformation(dtype="int8"), "dtype: expected a floating"),
        (lambda: ImageToFloatTransformation(layout="WHC"), "layout: expected one of CHW, HW, HWC"),
        (lambda: ImageToFloatTransformation(layout="HW"), "layout: expected as many axes as in HWC"),
        (lambda: FloatToImageTransformation(dtype="int32"), "dtype: expected uint8 or uint16"),
        (lambda: FloatToImageTransformation(dtype=3), "dtype: expected a data type"),
    ):
        with pytest.raises(SpaceError, match=message):
            make()
    for transformation, space, message in (
        (ImageToFloatTransformation(), full_box(backend, "int16", (2, 3, 4)), "expected uint8 or uint16"),
        (ImageToFloatTransformation(), full_box(backend, "uint8", (2, 3)), r"\(\*batch, H, W, C\), got"),
        (
            ImageToFloatTransformation(dtype="float16"),
            full_box(backend, "uint16", (2, 3, 4)),
            "dtype: expected float32 or float64 for uint16, got float16",
        ),
        (FloatToImageTransformation(), full_box(backend, "uint8", (2, 3, 4)), "expected float16 or"),
        (FloatToImageTransformation(dtype="uint16"), full_box(backend, "float16", (2, 3, 4)), "float32 or"),
    ):
        with pytest.raises(SpaceError, match=message):
            transformation.get_target_space_from_source(space)
        with pytest.raises(SpaceError):
            transformation.direction_inverse()
    space = full_box(backend, "uint8", (1, 3, 4))
    with pytest.raises(SpaceValueError, match=r"shape \(\*batch, \*\(1, 3, 4\)\)"):
        # The axis of a batch is open in the space of a batch, that of height is not.
        ImageToFloatTransformation().transform(space, backend.zeros((5, 3, 4), dtype=backend.uint8))
