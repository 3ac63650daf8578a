"""Normalization against its definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_interface.corpus import INF, AnyBackend, box, full_box, same
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space import DictSpace, TextSpace, TupleSpace
from unienv_interface.transformations import DenormalizeTransformation, NormalizeTransformation

DTYPES = ("float16", "float32", "float64", "uint8", "int64")
MODES = ("mean_std", "min_max", "quantile")


def definition(x: Any, mode: str, statistics: dict[str, Any]) -> Any:
    """In float64, where nothing is constant."""
    x = np.asarray(x, dtype=np.float64)
    if mode == "mean_std":
        return (x - statistics["mean"]) / np.asarray(statistics["std"])
    names = ("min", "max") if mode == "min_max" else ("q01", "q99")
    low, high = (np.asarray(statistics[name], dtype=np.float64) for name in names)
    return (x - low) / (high - low) * 2 - 1


def of_columns(x: Any) -> dict[str, Any]:
    """The statistics of rows (B, *D), as those who write datasets work them out."""
    x = np.asarray(x, dtype=np.float64)
    return {
        "mean": x.mean(0),
        "std": x.std(0),
        "min": x.min(0),
        "max": x.max(0),
        "q01": np.quantile(x, 0.01, axis=0),
        "q99": np.quantile(x, 0.99, axis=0),
        "count": [len(x)],
    }


@pytest.mark.parametrize("mode", MODES)
def test_equals_its_definition(backend: AnyBackend, mode: str) -> None:
    rows = np.random.default_rng(0).normal([1, -200, 3e5], [1e-3, 40, 2], (500, 3))
    statistics = of_columns(rows)
    for dtype, tolerance in (("float64", 1e-9), ("float32", 5e-2)):
        x = rows.astype(dtype)
        space = full_box(backend, dtype, (3,))
        forth = NormalizeTransformation({"": statistics}, mode)
        target = forth.get_target_space_from_source(space)
        assert target == space
        y = backend.to_numpy(forth.transform(space, backend.from_numpy(x)))
        assert y.dtype == dtype
        # What float32 does not hold of 300,000 is a 60th of a standard deviation.
        np.testing.assert_allclose(y, definition(rows, mode, statistics), atol=tolerance)
        if mode == "mean_std":
            np.testing.assert_allclose(y.mean(0), 0, atol=2e-2)
            np.testing.assert_allclose(y.std(0), 1, atol=2e-2)
        if mode == "min_max":
            np.testing.assert_allclose([y.min(0), y.max(0)], [[-1] * 3, [1] * 3], atol=2e-2)


numbers = st.floats(-1e6, 1e6, width=32)


@given(st.data(), st.sampled_from(MODES), st.sampled_from(DTYPES))
def test_comes_back(data: st.DataObject, mode: str, dtype: str) -> None:
    first = data.draw(numbers)
    spread = data.draw(st.just(0.0) | st.floats(1e-30, 2**20))
    statistics = {"mean": first, "std": spread, "min": first, "max": first + spread}
    statistics |= {"q01": first, "q99": first + spread / 2}
    space = full_box(NumpyComputeBackend, dtype, (4,))
    x = np.array(data.draw(st.lists(st.integers(-100, 200), min_size=4, max_size=4)))
    x = x.clip(0, None).astype(dtype) if dtype.startswith("u") else x.astype(dtype)
    forth = NormalizeTransformation({"": statistics}, mode)
    target = forth.get_target_space_from_source(space)
    y = forth.transform(space, x)
    assert same(target.coerce(y), y)
    inverse = forth.direction_inverse(space)
    back = inverse.transform(target, y)
    assert inverse.get_target_space_from_source(target) == space
    if not np.isfinite(y).all():  # float16 does not reach so far
        assert dtype == "float16"
        return
    eps = float(np.finfo(y.dtype).eps)
    size = np.max([np.abs(x.astype(np.float64)), np.full(4, max(abs(first), abs(first + spread)))], axis=0)
    slack = 8 * eps * size + (0.5 if dtype in ("uint8", "int64") and 8 * eps * size.max() > 0.4 else 0)
    # float16 also runs out of digits below.
    slack = slack + (6e-8 * max(spread, 1) if dtype == "float16" else 0)
    assert np.all(np.abs(back.astype(np.float64) - x.astype(np.float64)) <= slack)


@pytest.mark.parametrize("mode", MODES)
def test_constants_are_moved_to_zero_and_not_blown_up(backend: AnyBackend, mode: str) -> None:
    value = np.float32(0.1)
    rows = np.full((100, 3), value, dtype=np.float32)
    rows[:, 1] = 1e8
    rows[:, 2] = np.linspace(0, 1, 100)
    statistics = of_columns(rows)
    statistics["std"][0] = 1e-9  # what rounding makes of a constant
    space = full_box(backend, "float32", (3,))
    forth = NormalizeTransformation({"": statistics}, mode)
    y = backend.to_numpy(forth.transform(space, backend.from_numpy(rows)))
    assert np.all(y[:, :2] == 0)
    assert np.ptp(y[:, 2]) > 1.5
    other = rows + np.array([0.5, 0, 0], dtype=np.float32)
    assert np.allclose(backend.to_numpy(forth.transform(space, backend.from_numpy(other)))[:, 0], 0.5)
    target = forth.get_target_space_from_source(space)
    back = forth.direction_inverse(space).transform(target, backend.from_numpy(y))
    np.testing.assert_allclose(backend.to_numpy(back), rows, rtol=1e-6, atol=1e-7)


def test_epsilon_is_the_greatest_spread_of_a_constant() -> None:
    space = full_box(NumpyComputeBackend, "float64", (2,))
    statistics = {"": {"mean": [1, 1], "std": [0.01, 0.02]}}
    x = np.array([2.0, 2.0])
    assert NormalizeTransformation(statistics, epsilon=0.01).transform(space, x).tolist() == [1.0, 50.0]
    assert NormalizeTransformation(statistics).transform(space, x).tolist() == [100.0, 50.0]


def nested(b: AnyBackend) -> DictSpace[Any, Any, Any]:
    observation = {
        "state": box(b, [-1, 0, -INF], [1, INF, INF], "float32"),
        "image": full_box(b, "uint8", (4, 5, 3)),
        "joints": TupleSpace(b, [full_box(b, "float64", ()), full_box(b, "int32", (2,))]),
        "a/b": full_box(b, "float32", (1,)),
    }
    return DictSpace(b, {"observation": DictSpace(b, observation), "task": TextSpace(b, 5)})


def test_columns_by_their_paths(backend: AnyBackend) -> None:
    space = nested(backend)
    channels = {"mean": [[[100, 110, 120]]], "std": [[[50, 60, 70]]]}
    statistics: dict[str, Any] = {
        "observation/state": {"min": [-2, 0, 0], "max": 2, "mean": 7},
        "observation/image": channels,
        "observation/joints/0": {"mean": [1], "std": [2]},
        "observation/joints/1": {"q01": [0, 10], "q99": [10, 30]},
        "observation/a/b": {"mean": 0.5, "std": 0.5},
        "not normalized": {"mean": "nothing to do with numbers"},
    }
    mode = {
        "observation/state": "min_max",
        "observation/image": "mean_std",
        "observation/joints/0": "mean_std",
        "observation/joints/1": "quantile",
        "observation/a/b": "mean_std",
    }
    forth = NormalizeTransformation(statistics, mode)
    rng = backend.random.random_number_generator(0)
    value = space.sample(rng)[1]
    result, target = forth.transform(space, value), forth.get_target_space_from_source(space)
    assert same(target.coerce(result), result)
    assert result["task"] is value["task"]
    for path, first, second in (
        (("state",), [-2, 0, 0], [2, 2, 2]),
        (("joints", 1), [0, 10], [10, 30]),
    ):
        got, x = result["observation"], value["observation"]
        for key in path:
            got, x = got[key], x[key]
        expected = (backend.to_numpy(x).astype(float) - first) / (np.array(second) - first) * 2 - 1
        np.testing.assert_allclose(backend.to_numpy(got), expected, rtol=1e-6, atol=1e-6)
    image = backend.to_numpy(result["observation"]["image"])
    assert (image.dtype, image.shape) == (np.float32, (4, 5, 3))
    np.testing.assert_allclose(
        image,
        (backend.to_numpy(value["observation"]["image"]) - [100.0, 110, 120]) / [50, 60, 70],
        rtol=1e-6,
        atol=1e-6,
    )
    joints = target["observation"]["joints"]  # type: ignore[index]
    assert [backend.dtype_name(part.dtype) for part in joints] == ["float64", "float64"]
    state: Any = target["observation"]["state"]  # type: ignore[index]
    assert state.bounds.low.tolist() == [-0.5, -1, -INF]
    assert state.bounds.high.tolist() == [0.5, INF, INF]


def test_statistics_of_channels_first_images() -> None:
    b = NumpyComputeBackend
    statistics = {"": {"mean": [[[0.5]], [[0.4]], [[0.3]]], "std": np.full((3, 1, 1), 0.25)}}
    forth = NormalizeTransformation(statistics)
    space = box(b, 0, 1, "float32", (3, 8, 9))
    x = space.sample(np.random.default_rng(0))[1]
    expected = (x - np.array([0.5, 0.4, 0.3]).reshape(3, 1, 1)) / 0.25
    np.testing.assert_allclose(forth.transform(space, x), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(SpaceError, match=r"mean: expected what broadcasts .* \(C, 1, 1\) in CHW"):
        forth.get_target_space_from_source(box(b, 0, 1, "float32", (8, 9, 3)))


def test_types_of_results(backend: AnyBackend) -> None:
    statistics = {"": {"mean": 0, "std": 2}}
    for source, plain in {
        "uint8": "float32",
        "int16": "float32",
        "int32": "float64",
        "float16": "float16",
        "float32": "float32",
        "float64": "float64",
    }.items():
        space = box(backend, 0, 8, source, (2,))
        x = backend.asarray([1, 8], dtype=backend.dtype_from_name(source))
        for asked, expected in ((None, plain), ("float32", "float32"), (backend.float64, "float64")):
            forth = NormalizeTransformation(statistics, dtype=asked)
            y = forth.transform(space, x)
            assert backend.dtype_name(y.dtype) == expected
            assert y.tolist() == [0.5, 4.0]
            target: Any = forth.get_target_space_from_source(space)
            assert (target.bounds.high.tolist(), target.bounds.dtype) == ([4.0], expected)
            back = forth.direction_inverse(space).transform(target, y)
            assert same(back, x)


def test_large_and_small_statistics_are_not_lost_in_float32() -> None:
    space = full_box(NumpyComputeBackend, "float32", (2,))
    forth = NormalizeTransformation({"": {"mean": [1e300, 0], "std": [1e300, 1e-60]}})
    y = forth.transform(space, np.array([0, 1e-30], dtype=np.float32))
    np.testing.assert_allclose(y, [-1, 1e30], rtol=1e-6)
    target = forth.get_target_space_from_source(space)
    back = forth.direction_inverse(space).transform(target, y)
    np.testing.assert_allclose(back[1], 1e-30, rtol=1e-6)


def test_what_it_refuses(backend: AnyBackend) -> None:
    nan = float("nan")
    for statistics, message in {
        "no mapping": "statistics: expected a mapping",
        ("a", 1): "statistics: a: expected a mapping with mean, std",
        ("a", ("mean", 0)): "a: mean_std needs mean, std, got",
        ("a", ("mean", 0), ("std", -1)): "a/std: expected at least 0",
        ("a", ("mean", nan), ("std", 1)): "a/mean: expected finite numbers",
        ("a", ("mean", "x"), ("std", 1)): "a/mean: expected numbers",
        ("a", ("mean", (0, 1)), ("std", (1, 2, 3))): "a: expected shapes that broadcast",
        (1, ("mean", 0), ("std", 1)): "expected strings as keys",
    }.items():
        given: Any = statistics
        if isinstance(statistics, tuple):
            column, *items = statistics
            given = {column: dict(items) if items and isinstance(items[0], tuple) else items[0]}
        with pytest.raises(SpaceError, match=message):
            NormalizeTransformation(given)
    good = {"a": {"mean": 0, "std": 1, "min": 3, "max": 2}}
    with pytest.raises(SpaceError, match="mode: expected one of mean_std, min_max, quantile"):
        NormalizeTransformation(good, "z")
    with pytest.raises(SpaceError, match="a/max: expected at least min"):
        NormalizeTransformation(good, "min_max")
    with pytest.raises(SpaceError, match="a: expected a finite range"):
        NormalizeTransformation({"a": {"min": -1.7e308, "max": 1.7e308}}, "min_max")
    with pytest.raises(SpaceError, match="statistics: expected those of 'b'"):
        NormalizeTransformation(good, {"b": "mean_std"})
    with pytest.raises(SpaceError, match="epsilon"):
        NormalizeTransformation(good, epsilon=-1)
    with pytest.raises(SpaceError, match="dtype: expected a floating"):
        NormalizeTransformation(good, dtype="int8")
    forth = NormalizeTransformation(good)
    numbers, no_box = box(backend, 0, 1, "float32", (2,)), "a: NormalizeTransformation: expected a BoxSpace"
    for space, message in (
        (numbers, r"expected parts \['a'\], got a space with \[''\]"),
        (DictSpace(backend, {"b": numbers}), r"expected parts \['a'\], got a space with \['b'\]"),
        (DictSpace(backend, {"a": TextSpace(backend, 3)}), no_box),
        (DictSpace(backend, {"a": DictSpace(backend, {})}), no_box),
    ):
        with pytest.raises(SpaceError, match=message):
            forth.get_target_space_from_source(space)
    with pytest.raises(SpaceError, match="source_space"):
        forth.direction_inverse()
    space = DictSpace(backend, {"a": numbers})
    for wrong, message in (
        ({"a": backend.zeros((3,), dtype=backend.float32)}, r"a: expected shape \(\*batch, \*\(2,\)\)"),
        ({"b": 1}, r"the value: expected keys \['a'\], got keys \['b'\]"),
        (3, "the value: expected mapping"),
    ):
        with pytest.raises(SpaceValueError, match=message):
            forth.transform(space, wrong)


def test_two_columns_of_one_path() -> None:
    b = NumpyComputeBackend
    numbers = box(b, 0, 1, "float32", (2,))
    space = DictSpace(b, {"a/b": numbers, "a": DictSpace(b, {"b": numbers})})
    statistics = {"a/b": {"mean": 0, "std": 1}}
    with pytest.raises(SpaceError, match="a/b: two parts have this path"):
        NormalizeTransformation(statistics).get_target_space_from_source(space)
    chosen = NormalizeTransformation({"a|b": statistics["a/b"]}, nested_separator="|")
    assert chosen.get_target_space_from_source(space) == space


def test_actions_of_a_policy_without_bounds() -> None:
    """Results of a network, whose space has no bounds, become actions within theirs."""
    b = NumpyComputeBackend
    actions = box(b, [-1, 0], [1, 9], "float32")
    forth = NormalizeTransformation({"": {"mean": [0, 4], "std": [0.5, 2]}})
    back = forth.direction_inverse(actions)
    outputs = full_box(b, "float32", (2,))
    assert back.get_target_space_from_source(outputs) == actions
    assert back.transform(outputs, np.array([[0, 0], [9, -9]], dtype=np.float32)).tolist() == [[0, 4], [1, 0]]
    with pytest.raises(SpaceValueError, match=r"expected numbers, .* got NaN at index \(1, 0\)"):
        back.transform(outputs, np.array([[0, 0], [np.nan, 1]], dtype=np.float32))
    assert back.direction_inverse(outputs) is None
    assert back.direction_inverse(forth.get_target_space_from_source(actions)) is not None


def test_boxes_of_the_way_back_may_be_spaces() -> None:
    actions = box(NumpyComputeBackend, -1, 1, "float32", (2,))
    statistics = {"": {"mean": 0, "std": 2}}
    back = DenormalizeTransformation(statistics, "mean_std", {"": actions})
    assert back.get_target_space_from_source(full_box(NumpyComputeBackend, "float32", (2,))) == actions
    with pytest.raises(SpaceError, match="boxes: expected one for each"):
        DenormalizeTransformation(statistics, "mean_std", {})
    with pytest.raises(SpaceError, match="boxes: : expected a BoxSpace"):
        DenormalizeTransformation(statistics, "mean_std", {"": 3})  # type: ignore[dict-item]


def test_statistics_of_what_was_divided() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (40, 5, 3), dtype=np.uint8)
    space = full_box(NumpyComputeBackend, "uint8", (5, 3))
    plain, scaled = of_columns(rows), {**of_columns(rows / 255), "scale": 255}
    for mode in MODES:
        expected = NormalizeTransformation({"": plain}, mode).transform(space, rows)
        forth = NormalizeTransformation({"": scaled}, mode)
        normal = forth.transform(space, rows)
        np.testing.assert_allclose(normal, expected, atol=2e-6)
        fractions = full_box(NumpyComputeBackend, "float64", (5, 3))
        np.testing.assert_allclose(forth.transform(fractions, rows / 255), expected, atol=2e-6)
        back = forth.direction_inverse(space)
        target = forth.get_target_space_from_source(space)
        np.testing.assert_array_equal(back.transform(target, normal), rows)
        again = NormalizeTransformation.deserialize_from(forth.serialize(space))
        np.testing.assert_array_equal(again.transform(space, rows), normal)
        same_back = DenormalizeTransformation.deserialize_from(back.serialize(target))
        np.testing.assert_array_equal(same_back.transform(target, normal), rows)
    for wrong in (0, -1, INF, "255", True):
        with pytest.raises(SpaceError, match="/scale: expected a number greater than 0"):
            NormalizeTransformation({"": {**scaled, "scale": wrong}})
