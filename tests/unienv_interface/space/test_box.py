"""Boxes: bounds, membership, sampling, clipping."""

from __future__ import annotations

import json
import pickle
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.unienv_interface.corpus import INF, SPACES, AnyBackend, box, full_box, values
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.backends.dtypes import FLOATING, INTEGERS, dtype_limits
from unienv_interface.errors import InexactValueError, SpaceError, SpaceValueError
from unienv_interface.space import BoxSpace

N = NumpyComputeBackend


def test_equality_is_exact(backend: AnyBackend) -> None:
    # np.isclose holds each of these pairs for equal.
    assert box(backend, 0, 1000000, "float32", (2,)) != box(backend, 0, 1000001, "float32", (2,))
    assert box(backend, 0, 10**6, "int32", ()) != box(backend, 0, 10**6 + 1, "int32", ())
    assert box(backend, 0, 1.0, "float64", ()) != box(backend, 0, np.nextafter(1.0, 2), "float64", ())
    assert box(backend, 0, 1, "float32", ()) != box(backend, 0, 1, "float64", ())
    assert box(backend, 0, 1, "float32", (1,)) != box(backend, 0, 1, "float32", (1, 1))


def test_equality_looks_at_bounds_not_at_how_they_were_given(backend: AnyBackend) -> None:
    plain = box(backend, 0, 1, "float32", (2, 3))
    for low in (np.zeros((2, 3)), np.zeros((1, 3), dtype=np.int8), [[0], [-0.0]], backend.zeros((3,))):
        same = box(backend, low, 1, "float32", (2, 3))
        assert same == plain
        assert hash(same) == hash(plain)
    assert box(backend, [[0, 0, 1], [0, 0, 0]], 1, "float32") != plain


def test_bounds_are_given_full_and_never_alias(backend: AnyBackend) -> None:
    mine = np.array([[0.0], [1.0]])
    space = BoxSpace(backend, mine, 2, dtype=backend.float32, shape=(2, 3))
    mine[:] = 7
    assert backend.to_numpy(space.low).tolist() == [[0, 0, 0], [1, 1, 1]]
    assert tuple(space.high.shape) == (2, 3)
    assert space.low.dtype == backend.float32
    before = space.bounds.low.copy()
    changed = backend.asarray(space.low, copy=True)
    changed = backend.at(changed)[...].set(9)
    assert (space.bounds.low == before).all()


def test_numpy_bounds_are_read_only() -> None:
    for space in (box(N, 0, 1, "float32", (2,)), box(N, [0, 1], 1, "float32")):
        with pytest.raises(ValueError, match="read-only"):
            space.low[0] = 5


def test_torch_bounds_cannot_change_the_space() -> None:
    pytest.importorskip("torch")
    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    space = box(PyTorchComputeBackend, [0, 1], 2, "float32")
    space.low[0] = 5
    assert space.low.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("low", "high", "dtype", "shape", "message"),
    [
        (2, 1, "float32", (2,), r"low: expected at most high, got 2.0 > 1.0"),
        ([0, 3], [1, 2], "int32", None, r"got 3 > 2 at index \(1,\)"),
        (0, 300, "uint8", (2,), "high: uint8 cannot hold 300"),
        (-1, 3, "uint8", (2,), "low: uint8 cannot hold -1"),
        (0.5, 3, "int32", (2,), "low: int32 cannot hold 0.5"),
        (INF, INF, "int32", (2,), "low: int32 cannot hold inf"),
        ([0, -INF], [-INF, 3], "int32", None, "high: int32 cannot hold -inf"),
        (0, 1e39, "float32", (2,), r"high: float32 cannot hold 1e\+39"),
        (0, 2**53 + 1, "float64", (2,), "high: float64 cannot hold 9007199254740993"),
        (0, 2**63, "int64", (), "high: int64 cannot hold 9223372036854775808"),
        (float("nan"), 1, "float32", (2,), "low: expected numbers, got NaN"),
        (INF, INF, "float32", (2,), "expected low < inf"),
        (-INF, -INF, "float32", (2,), "expected low < inf"),
        ([0, 0, 0], 1, "float32", (2,), r"low: expected what broadcasts to shape \(2,\), got shape \(3,\)"),
        ([0, 0], [1, 1, 1], "float32", None, "do not broadcast together"),
        ([[0]], 1, "float32", (1,), "low: expected what broadcasts"),
        ("0", 1, "float32", (1,), "low: expected a number"),
        (0, 1, "bool", (1,), "dtype: expected an integer or floating type"),
        (0, 1, "float32", (-1,), r"shape: expected integers that are at least 0, got \(-1,\)"),
        (0, 1, "float32", (1.0,), "shape: expected integers"),
        (0, 1, "float32", 3, "shape: expected a sequence of integers, got 3"),
    ],
)
def test_wrong_arguments_are_refused_by_name(
    backend: AnyBackend, low: Any, high: Any, dtype: str, shape: Any, message: str
) -> None:
    with pytest.raises(SpaceError, match=message):
        box(backend, low, high, dtype, shape)


@pytest.mark.parametrize("dtype", [object(), "no such type", np.dtype("complex64"), np.dtype("O"), None])
def test_other_data_types_are_refused(backend: AnyBackend, dtype: Any) -> None:
    with pytest.raises(SpaceError, match="dtype: expected one of bool, int8"):
        BoxSpace(backend, 0, 1, dtype=dtype, shape=())


def test_floating_bounds_are_rounded_to_the_type(backend: AnyBackend) -> None:
    space = box(backend, 0.1, 0.2, "float32", ())
    assert float(space.low) == float(np.float32(0.1))
    assert space == box(backend, np.float32(0.1), np.float32(0.2), "float32", ())


def test_infinite_bounds_of_integers_are_those_of_the_type(backend: AnyBackend) -> None:
    for dtype in INTEGERS:
        assert box(backend, -INF, INF, dtype, (2,)) == full_box(backend, dtype, (2,))
    assert box(backend, [-INF, 3.0], [5.0, INF], "int8") == box(backend, [-128, 3], [5, 127], "int8")


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_limits_are_exact(backend: AnyBackend, dtype: str) -> None:
    low, high = dtype_limits(dtype)
    space = full_box(backend, dtype, ())
    assert [int(backend.to_numpy(bound)) for bound in (space.low, space.high)] == [low, high]
    assert low in space
    assert high in space
    assert low - 1 not in space
    assert high + 1 not in space
    assert pickle.loads(pickle.dumps(space)) == space


# -- membership ------------------------------------------------------------------------------------


def test_members_by_value_and_kind(backend: AnyBackend) -> None:
    space = box(backend, 0, 10, "float32", (2,))
    assert [0, 10] in space
    assert (0.5, True) in space
    assert backend.asarray([1.5, 2.5], dtype=backend.float64) in space
    assert backend.asarray([1, 2], dtype=backend.int16) in space
    for wrong in ([0.1, 0], [0, 11], [-1, 0], [0, float("nan")], [0, 1, 2], [[0, 1]], 0, ["0", 1], "01"):
        assert wrong not in space
    with pytest.raises(
        InexactValueError, match=r"expected values that float32 holds, got 0.1 at index \(1,\)"
    ):
        space.coerce([0, 0.1])
    with pytest.raises(
        SpaceValueError, match=r"^act/arm: expected values in \[0.0, 10.0\], got 11.0 at index"
    ):
        space.coerce([0, 11], path="act/arm")


def test_integer_boxes_take_no_floats(backend: AnyBackend) -> None:
    space = full_box(backend, "uint8", (2,))
    assert backend.asarray([1.0, 2.0]) not in space
    assert [1.0, 2] not in space
    with pytest.raises(SpaceValueError, match="expected values of type uint8, got values of type float64"):
        space.coerce([300.7, -1])
    with pytest.raises(InexactValueError, match="expected values that uint8 holds, got 300"):
        space.coerce([300, 1])


def test_coerce_gives_the_type_of_the_space(backend: AnyBackend) -> None:
    space = box(backend, 0, 10, "float32", (2,))
    for given_value in ([1, 2], backend.asarray([1, 2]), backend.asarray([1, 2], dtype=backend.float64)):
        array = space.coerce(given_value)
        assert backend.is_backendarray(array)
        assert array.dtype == backend.float32
        assert backend.to_numpy(array).tolist() == [1, 2]


def test_coerce_copies_nothing_that_fits(backend: AnyBackend) -> None:
    array = backend.zeros((2,), dtype=backend.float32)
    assert box(backend, 0, 1, "float32", (2,)).coerce(array) is array


def test_lists_of_large_integers_are_exact(backend: AnyBackend) -> None:
    space = box(backend, 0, 2.0**60, "float64", (2,))
    assert [0.5, 2**53] in space
    # NumPy makes floats of such a list, and 2**53 + 1 becomes another number.
    assert [0.5, 2**53 + 1] not in space
    wide = full_box(backend, "uint64", (2,))
    assert backend.to_numpy(wide.coerce([2**64 - 1, 1])).tolist() == [2**64 - 1, 1]
    assert [2**64, 1] not in wide
    assert [2**63, -1] not in wide
    assert [2**63, -1] in box(backend, -INF, INF, "float64", (2,))
    assert [2**63 + 1, -1] not in box(backend, -INF, INF, "float64", (2,))
    assert 2**70 in box(backend, 0, INF, "float64", ())
    assert 2**70 + 1 not in box(backend, 0, INF, "float64", ())


def test_nan_is_a_member_where_nothing_bounds_it(backend: AnyBackend) -> None:
    nan = float("nan")
    assert nan in full_box(backend, "float32", ())
    assert nan not in box(backend, 0, INF, "float32", ())
    assert nan not in box(backend, -INF, 0, "float32", ())
    assert [1, nan] not in box(backend, [0, -INF], [1, 5], "float32")
    # Each element by its own bounds.
    mixed = box(backend, [0, -INF], [1, INF], "float32")
    assert [1, nan] in mixed
    assert [nan, nan] not in mixed
    with pytest.raises(SpaceValueError, match=r"expected values in \[0.0, 1.0\], got nan at index \(0,\)"):
        mixed.coerce([nan, nan])


@pytest.mark.parametrize("name", [n for n in SPACES if isinstance(SPACES[n](N), BoxSpace)])
def test_membership_is_the_same_on_a_device(
    backend: AnyBackend, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the arrays were on an accelerator, where they are looked at without being moved."""
    space = SPACES[name](backend)
    samples = values(name, backend)
    outside = backend.from_numpy(np.full(space.shape, np.nan)) if 0 not in space.shape else None
    expected = outside is not None and outside in space
    monkeypatch.setattr(backend, "is_on_host", lambda x: False)
    assert all(value in space for value in samples)
    assert outside is None or (outside in space) == expected
    for bound, step in ((space.low, -1), (space.high, 1)):
        host = backend.to_numpy(bound).astype(np.float64) + step
        if 0 not in space.shape and np.isfinite(host).all() and space.bounds.dtype == "float64":
            assert backend.from_numpy(host) not in space


def test_arrays_of_another_backend_are_no_members(backend: AnyBackend, other: AnyBackend) -> None:
    space = box(backend, 0, 1, "float32", (2,))
    assert other.zeros((2,), dtype=other.float32) not in space


def test_byte_order_is_no_value() -> None:
    space = box(N, 0, 1, "float32", (2,))
    big = np.array([0, 1], dtype=">f4")
    assert big in space
    assert space.coerce(big).dtype.isnative
    assert BoxSpace(N, 0, 1, dtype=np.dtype(">f4"), shape=(2,)) == space


@given(
    values=hnp.arrays(
        st.sampled_from([np.dtype(name) for name in (*INTEGERS, "float16", "float32", "float64")]),
        hnp.array_shapes(max_dims=2, max_side=3),
    ),
    dtype=st.sampled_from([name for name in (*INTEGERS, *FLOATING) if name != "bfloat16"]),
)
def test_membership_is_that_of_exact_arithmetic(values: Any, dtype: str) -> None:
    """Against Python's own numbers, which compare exactly."""
    space = full_box(N, dtype, values.shape)
    low, high = dtype_limits(dtype)

    def is_member(value: Any) -> bool:
        if isinstance(value, float) and dtype in INTEGERS:
            return False
        if value != value:
            return True
        if not low <= value <= high:
            return False
        if dtype in INTEGERS or value in (INF, -INF):
            return True
        with np.errstate(over="ignore"):
            rounded = float(np.dtype(dtype).type(value))
        return rounded == value

    assert (values in space) == all(is_member(value) for value in values.reshape(-1).tolist())


# -- sampling --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_samples_reach_both_ends(backend: AnyBackend, dtype: str) -> None:
    """Of the narrow types every value comes up; of the wide ones every quarter of the range as often."""
    low, high = dtype_limits(dtype)
    _, sample = full_box(backend, dtype, (4000,)).sample(backend.random.random_number_generator(0))
    drawn = backend.to_numpy(sample)
    if high - low < 256:
        assert len(np.unique(drawn)) == 256  # each is missed with probability e**-15
    else:
        quarters = [int(x - low) * 4 // (high - low + 1) for x in drawn.astype(object)]
        assert np.abs(np.bincount(quarters, minlength=4) - 1000).max() < 150


def test_integer_samples_fill_each_range(backend: AnyBackend) -> None:
    space = box(backend, [[0], [-5], [7]], [[3], [4], [7]], "int64", (3, 500))
    _, sample = space.sample(backend.random.random_number_generator(0))
    drawn = backend.to_numpy(sample)
    assert [set(row) for row in drawn.tolist()] == [set(range(4)), set(range(-5, 5)), {7}]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_float_samples_follow_their_bounds(backend: AnyBackend, dtype: str) -> None:
    space = box(backend, [[-1], [2], [-INF], [-INF]], [[3], [INF], [-2], [INF]], dtype, (4, 4000))
    _, sample = space.sample(backend.random.random_number_generator(1))
    assert sample in space
    drawn = backend.to_numpy(sample).astype(np.float64)
    assert np.allclose(drawn.mean(axis=1), [1, 3, -3, 0], atol=0.1)
    assert np.allclose(drawn.std(axis=1), [4 / 12**0.5, 1, 1, 1], atol=0.1)
    assert drawn[0].min() < -0.95
    assert drawn[0].max() > 2.95


def test_huge_ranges_do_not_overflow(backend: AnyBackend) -> None:
    space = box(backend, -3e38, 3e38, "float32", (1000,))
    _, sample = space.sample(backend.random.random_number_generator(0))
    drawn = backend.to_numpy(sample)
    assert np.isfinite(drawn).all()
    assert drawn.min() < -2e38
    assert drawn.max() > 2e38


# -- clip ------------------------------------------------------------------------------------------


def test_clip_compares_before_it_converts(backend: AnyBackend) -> None:
    space = full_box(backend, "uint8", (4,))
    clipped = space.clip(backend.asarray([300.7, -1.0, 254.6, float("nan")]))
    assert clipped.dtype == backend.uint8
    assert backend.to_numpy(clipped).tolist() == [255, 0, 254, 0]
    beyond = backend.asarray([1e30, -1e30, 2.0**63, -(2.0**63)], dtype=backend.float64)
    wide = full_box(backend, "int64", (4,)).clip(beyond)
    assert backend.to_numpy(wide).tolist() == [2**63 - 1, -(2**63), 2**63 - 1, -(2**63)]


@pytest.mark.parametrize("name", [n for n in SPACES if isinstance(SPACES[n](N), BoxSpace)])
def test_clip_gives_members_and_leaves_members(backend: AnyBackend, name: str) -> None:
    space = SPACES[name](backend)
    _, value = space.sample(backend.random.random_number_generator(0))
    clipped = space.clip(value)
    assert backend.to_numpy(clipped).tobytes() == backend.to_numpy(value).tobytes()
    wide = backend.from_numpy(np.linspace(-1e6, 1e6, int(np.prod(space.shape))).reshape(space.shape))
    assert space.clip(wide) in space


def test_clip_keeps_batch_axes_and_refuses_other_shapes(backend: AnyBackend) -> None:
    space = box(backend, [0, 1], [1, 2], "float32")
    batch = space.clip(backend.zeros((5, 2), dtype=backend.float32))
    assert backend.to_numpy(batch).tolist() == [[0, 1]] * 5
    with pytest.raises(SpaceValueError, match="expected array of shape"):
        space.clip(backend.zeros((3,), dtype=backend.float32))
    with pytest.raises(SpaceValueError, match="got list"):
        space.clip([0, 1])


def test_clip_keeps_gradients() -> None:
    torch = pytest.importorskip("torch")
    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    x = torch.tensor([0.5, 2.0], requires_grad=True)
    box(PyTorchComputeBackend, 0, 1, "float32", (2,)).clip(x).sum().backward()
    assert x.grad.tolist() == [1, 0]


# -- cost ------------------------------------------------------------------------------------------


def test_an_image_space_is_cheap(backend: AnyBackend) -> None:
    image, other = full_box(backend, "uint8", (480, 640, 3)), full_box(backend, "uint8", (480, 640, 3))
    assert image.bounds.low.nbytes + image.bounds.high.nbytes == 2
    assert len(pickle.dumps(image)) < 1000
    value = backend.zeros((480, 640, 3), dtype=backend.uint8)
    start = time.perf_counter()
    for _ in range(100):
        assert image == other
        assert hash(image) == hash(other)
        assert value in image  # nothing to scan
    # Looking at a million elements once takes about a millisecond.
    assert time.perf_counter() - start < 0.05


def test_bounds_given_in_full_are_kept_short() -> None:
    full = BoxSpace(N, np.zeros((48, 64, 3)), np.full((48, 64, 3), 255), dtype=np.dtype(np.uint8))
    assert full == full_box(N, "uint8", (48, 64, 3))
    assert full.bounds.low.shape == (1, 1, 1)
    per_channel = BoxSpace(N, 0, np.broadcast_to([1.0, 2, 3], (48, 64, 3)), dtype=np.dtype("float32"))
    assert per_channel.bounds.high.shape == (1, 1, 3)
    assert json.dumps(per_channel.bounds.high.tolist()) == "[[[1.0, 2.0, 3.0]]]"


def test_is_bounded(backend: AnyBackend) -> None:
    space = box(backend, 0, INF, "float32", (2,))
    assert [space.is_bounded(manner) for manner in ("below", "above", "both")] == [True, False, False]
    assert full_box(backend, "int8", ()).is_bounded()
    assert not box(backend, [0, -INF], 1, "float32").is_bounded("below")
