"""Resizing against other people's, and against arithmetic by hand."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conftest import requires_torch
from tests.unienv_interface.corpus import INF, AnyBackend, box, full_box
from unienv_interface.backends import NumpyComputeBackend, load_backend
from unienv_interface.errors import SpaceError
from unienv_interface.space import BinarySpace
from unienv_interface.transformations import ImageResizeTransformation
from unienv_interface.transformations.resampling import METHODS, taps_between

SIZES = [(24, 32, 11, 15), (24, 32, 48, 40), (30, 40, 7, 90), (17, 19, 17, 5), (9, 9, 3, 3), (5, 1, 2, 4)]


def frames(height: int, width: int, *, count: int = 2, dtype: str = "uint8") -> NDArray[Any]:
    rng = np.random.default_rng(height * width)
    noise = rng.integers(0, 256, (count, height, width, 3))
    if dtype == "uint8":
        return noise.astype(np.uint8)
    return (noise / 255).astype(dtype)


def weight_of(old: int, new: int, method: str, antialias: bool, i: int, j: int) -> Fraction:
    """The definition, for new pixel i and old pixel j, before weights are made to sum to 1."""
    scale = Fraction(old, new)
    if method == "area":
        return max(Fraction(0), min((i + 1) * scale, Fraction(j + 1)) - max(i * scale, Fraction(j)))
    middle = (i + Fraction(1, 2)) * scale
    if method == "nearest":
        return Fraction(j <= middle < j + 1)
    reach = max(scale, Fraction(1)) if antialias else Fraction(1)
    return max(Fraction(0), 1 - abs(j + Fraction(1, 2) - middle) / reach)


@cache
def matrix(old: int, new: int, method: str) -> NDArray[Any]:
    weights = [[weight_of(old, new, method, True, i, j) for j in range(old)] for i in range(new)]
    return np.array([[float(weight / sum(row)) for weight in row] for row in weights])


@given(st.integers(1, 24), st.integers(1, 24), st.sampled_from(METHODS), st.booleans())
def test_weights_are_as_defined(old: int, new: int, method: str, antialias: bool) -> None:
    dense = np.zeros((new, old))
    taps = taps_between(old, new, method, antialias)
    for index, weight in taps:
        np.add.at(dense, (np.arange(new), index), weight)
    for i in range(new):
        exact = [weight_of(old, new, method, antialias, i, j) for j in range(old)]
        total = sum(exact)
        assert np.allclose(dense[i], [float(weight / total) for weight in exact], rtol=1e-14, atol=0)
        assert np.array_equal(dense[i] > 0, np.array(exact) > 0)
    assert taps.index.min() >= 0
    assert taps.index.max() < old
    assert (taps.weight > 0).any(axis=1).all()


@pytest.mark.parametrize(("height", "width", "new_height", "new_width"), SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_equals_a_matrix_product(
    backend: AnyBackend, method: str, height: int, width: int, new_height: int, new_width: int
) -> None:
    x = frames(height, width)
    exact = np.einsum("ij,bjkc->bikc", matrix(height, new_height, method), x.astype(float))
    exact = np.einsum("ij,bkjc->bkic", matrix(width, new_width, method), exact)
    resize = ImageResizeTransformation(new_height, new_width, method=method)
    for dtype, tolerance in (
        ("uint8", 0.5 + 1e-4),
        ("float32", 1e-4),
        ("float64", 1e-11),
        ("int64", 0.5 + 1e-9),
    ):
        space = full_box(backend, dtype, (height, width, 3))
        result = resize.transform(space, backend.from_numpy(x.astype(dtype)))
        assert backend.dtype_name(result.dtype) == dtype
        assert tuple(result.shape) == (2, new_height, new_width, 3)
        assert np.abs(backend.to_numpy(result) - exact).max() <= tolerance


@pytest.mark.parametrize(("height", "width", "new_height", "new_width"), SIZES)
def test_is_within_one_of_pillow(height: int, width: int, new_height: int, new_width: int) -> None:
    image_module = pytest.importorskip("PIL.Image")
    x = frames(height, width)
    space = full_box(NumpyComputeBackend, "uint8", (height, width, 3))
    filters = image_module.Resampling
    pairs = [("bilinear", filters.BILINEAR, 1), ("nearest", filters.NEAREST, 0)]
    if height % new_height == width % new_width == 0:
        pairs.append(("area", filters.BOX, 1))
    for method, theirs, tolerance in pairs:
        result = ImageResizeTransformation(new_height, new_width, method=method).transform(space, x)
        for mine, frame in zip(result, x, strict=True):
            other = np.asarray(image_module.fromarray(frame).resize((new_width, new_height), theirs))
            difference = np.abs(mine.astype(int) - other.astype(int))
            if method == "nearest":
                difference = difference[clear(height, new_height)][:, clear(width, new_width)]
            assert difference.size > 0
            assert difference.max() <= tolerance, method


def clear(old: int, new: int) -> NDArray[Any]:
    """The new pixels whose middle does not lie between two old ones, where Pillow's rounding decides."""
    return np.flatnonzero((2 * np.arange(new) + 1) * old % (2 * new))


@requires_torch
@pytest.mark.parametrize(("height", "width", "new_height", "new_width"), SIZES)
@pytest.mark.parametrize("antialias", [True, False])
def test_equals_pytorch(height: int, width: int, new_height: int, new_width: int, antialias: bool) -> None:
    torch = pytest.importorskip("torch")
    backend = load_backend("pytorch")
    x = torch.from_numpy(frames(height, width, dtype="float32")).permute(0, 3, 1, 2)
    space = full_box(backend, "float32", (3, height, width))
    size = (new_height, new_width)
    interpolate = torch.nn.functional.interpolate

    def resized(method: str) -> Any:
        resize = ImageResizeTransformation(*size, method=method, antialias=antialias, layout="CHW")
        return resize.transform(space, x)

    theirs = interpolate(x, size, mode="bilinear", align_corners=False, antialias=antialias)
    # They work out places in float32.
    assert (resized("bilinear") - theirs).abs().max() <= 1e-5
    assert torch.equal(resized("nearest"), interpolate(x, size, mode="nearest-exact"))
    if height % new_height == width % new_width == 0:
        assert (resized("area") - interpolate(x, size, mode="area")).abs().max() <= 1e-6


def test_the_mean_of_parts_of_pixels() -> None:
    space = full_box(NumpyComputeBackend, "float64", (1, 3))
    x = np.array([[0.0, 3.0, 9.0]])
    result = ImageResizeTransformation(1, 2, method="area", layout="HW").transform(space, x)
    assert result.tolist() == [[1.0, 7.0]]


def test_halves_are_rounded_to_even() -> None:
    space = full_box(NumpyComputeBackend, "uint8", (1, 2))
    x = np.array([[[0, 1]], [[1, 2]], [[254, 255]]], dtype=np.uint8)
    result = ImageResizeTransformation(1, 1, method="area", layout="HW").transform(space, x)
    assert result.tolist() == [[[0]], [[2]], [[254]]]


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(METHODS), st.floats(-1e9, 1e9, width=32))
def test_an_even_image_stays_so(new_height: int, new_width: int, method: str, value: float) -> None:
    space = box(NumpyComputeBackend, value, value, "float32", (4, 5, 1))
    resize = ImageResizeTransformation(new_height, new_width, method=method)
    result = resize.transform(space, np.full((4, 5, 1), value, dtype=np.float32))
    assert np.all(result == np.float32(value))


def test_the_same_size_is_the_same_image(backend: AnyBackend) -> None:
    x = backend.from_numpy(frames(4, 5))
    assert ImageResizeTransformation(4, 5).transform(full_box(backend, "uint8", (4, 5, 3)), x) is x


@pytest.mark.parametrize("strange", [float("nan"), INF, -INF])
def test_nan_and_infinities_stay_where_they_are(backend: AnyBackend, strange: float) -> None:
    depth = np.arange(64, dtype=np.float32).reshape(8, 8)
    depth[0, 7] = strange
    space = full_box(backend, "float32", (8, 8))
    for method, size in (("bilinear", (5, 5)), ("area", (3, 5)), ("nearest", (4, 4)), ("bilinear", (13, 11))):
        resize = ImageResizeTransformation(*size, method=method, layout="HW")
        result = backend.to_numpy(resize.transform(space, backend.from_numpy(depth)))
        finite = np.isfinite(result)
        assert finite[size[0] // 2 :].all()
        assert finite[:, : size[1] // 2].all()
        assert method == "nearest" or not finite[0, -1]
        if not np.isnan(strange):
            assert np.all(result[~finite] == strange)


def test_channels_keep_their_bounds(backend: AnyBackend) -> None:
    low = np.zeros((4, 4, 2), dtype=np.uint8)
    low[..., 1], low[0, 0, 1] = 100, 90
    space = box(backend, low, [[[10, 200]]], "uint8")
    target: Any = ImageResizeTransformation(2, 3).get_target_space_from_source(space)
    assert target == box(backend, [[[0, 90]]], [[[10, 200]]], "uint8", (2, 3, 2))


def test_masks_by_the_nearest(backend: AnyBackend) -> None:
    space = BinarySpace(backend, (4, 4))
    mask = backend.from_numpy(np.tri(4, dtype=bool))
    resize = ImageResizeTransformation(2, 2, method="nearest", layout="HW")
    assert resize.get_target_space_from_source(space) == BinarySpace(backend, (2, 2))
    assert backend.to_numpy(resize.transform(space, mask)).tolist() == [[True, False], [True, True]]
    with pytest.raises(SpaceError, match="with method 'area'"):
        ImageResizeTransformation(2, 2, method="area", layout="HW").get_target_space_from_source(space)


def test_what_it_refuses() -> None:
    for arguments, message in (
        ({"new_height": 0, "new_width": 1}, "new_height"),
        ({"new_height": 1, "new_width": None}, "new_width"),
        ({"new_height": 1, "new_width": 1, "method": "cubic"}, "method: expected one of area, bilinear"),
        ({"new_height": 1, "new_width": 1, "layout": "C"}, "layout"),
    ):
        with pytest.raises(SpaceError, match=message):
            ImageResizeTransformation(**arguments)  # type: ignore[arg-type]
    resize = ImageResizeTransformation(2, 2)
    assert resize.direction_inverse(full_box(NumpyComputeBackend, "uint8", (4, 4, 3))) is None
    for shape in ((4, 4), (0, 4, 3), (4, 0, 3)):
        with pytest.raises(SpaceError, match=r"expected (arrays|images)"):
            resize.get_target_space_from_source(full_box(NumpyComputeBackend, "uint8", shape))
