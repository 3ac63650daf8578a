"""Random arrays of every backend."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unienv_interface.corpus import AnyBackend, same
from unienv_interface.backends.dtypes import INTEGERS, dtype_limits

FUNCTIONS = {
    "random_uniform": ((3, 2),),
    "random_normal": ((3, 2),),
    "random_exponential": ((3, 2),),
    "random_discrete_uniform": ((3, 2), 0, 2**40),
    "random_permutation": (10,),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_generator_and_array_are_given(backend: AnyBackend, name: str) -> None:
    random, arguments = backend.random, FUNCTIONS[name]

    def draw(seed: int | None) -> list[object]:
        rng, drawn = random.random_number_generator(seed), []
        for _ in range(3):
            rng, array = getattr(random, name)(*arguments, rng=rng)
            assert backend.is_backendarray(array)
            drawn.append(array)
        return drawn

    first, again, elsewhere, fresh = draw(1), draw(1), draw(2), draw(None)
    assert all(map(same, first, again))
    assert not same(first[0], first[1])
    assert not same(first[0], elsewhere[0])
    assert not same(first[0], fresh[0])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_distributions(backend: AnyBackend, dtype: str) -> None:
    random, wanted = backend.random, backend.dtype_from_name(dtype)
    rng = random.random_number_generator(0, device="cpu")
    options = {"dtype": wanted, "device": "cpu"}
    rng, uniform = random.random_uniform(20000, rng=rng, low=-1, high=3, **options)
    rng, normal = random.random_normal((100, 200), rng=rng, mean=2, std=3, **options)
    rng, exponential = random.random_exponential((20000,), rng=rng, lambd=4, **options)
    for array, mean, std in ((uniform, 1, 4 / 12**0.5), (normal, 2, 3), (exponential, 1 / 4, 1 / 4)):
        assert array.dtype == wanted
        host = backend.to_numpy(array).astype(np.float64)
        assert abs(host.mean() - mean) < 0.06
        assert abs(host.std() - std) < 0.06
    host = backend.to_numpy(uniform)
    assert host.min() >= -1
    assert host.max() <= 3
    assert backend.to_numpy(exponential).min() >= 0


def test_ranges_wider_than_the_type_do_not_overflow(backend: AnyBackend) -> None:
    rng = backend.random.random_number_generator(0)
    _, array = backend.random.random_uniform((100,), rng=rng, low=-3e38, high=3e38, dtype=backend.float32)
    drawn = backend.to_numpy(array)
    assert np.isfinite(drawn).all()
    assert drawn.min() < -2e38
    assert drawn.max() > 2e38


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_over_the_full_range(backend: AnyBackend, dtype: str) -> None:
    low, high = dtype_limits(dtype)
    rng = backend.random.random_number_generator(0)
    for start, stop in ((low, high + 1), (high - 2, high + 1), (low, low + 3), (high, high + 1)):
        rng, array = backend.random.random_discrete_uniform(
            (4000,), start, stop, rng=rng, dtype=backend.dtype_from_name(dtype)
        )
        assert backend.dtype_name(array.dtype) == dtype
        drawn = backend.to_numpy(array).astype(object)
        assert min(drawn) >= start
        assert max(drawn) < stop
        if stop - start <= 256:
            assert set(drawn.tolist()) == set(range(start, stop))
        else:
            halves = int((drawn >= (start + stop) // 2).sum())
            assert 1800 < halves < 2200


def test_integers_have_no_skew(backend: AnyBackend) -> None:
    """A remainder of 32 random bits would give the lower third of this range half as much again."""
    stop = 3 * 2**30
    _, array = backend.random.random_discrete_uniform(
        (30000,), 0, stop, rng=backend.random.random_number_generator(0), dtype=backend.int64
    )
    thirds = np.bincount(backend.to_numpy(array) // 2**30, minlength=3)
    assert abs(thirds - 10000).max() < 400


@pytest.mark.parametrize(("start", "stop"), [(0, 257), (-1, 3), (3, 3), (5, 2)])
def test_ranges_that_are_none(backend: AnyBackend, start: int, stop: int) -> None:
    rng = backend.random.random_number_generator(0)
    with pytest.raises(ValueError, match=r"."):
        backend.random.random_discrete_uniform((2,), start, stop, rng=rng, dtype=backend.uint8)


def test_permutation(backend: AnyBackend) -> None:
    rng = backend.random.random_number_generator(0)
    rng, order = backend.random.random_permutation(100, rng=rng)
    assert sorted(backend.to_numpy(order).tolist()) == list(range(100))
    assert backend.dtype_is_real_integer(order.dtype)
    _, narrow = backend.random.random_permutation(5, rng=rng, dtype=backend.uint8)
    assert narrow.dtype == backend.uint8


def test_host_generator_is_a_function_of_the_generator(backend: AnyBackend) -> None:
    def draw(seed: int) -> list[float]:
        rng, host = backend.random.host_generator(backend.random.random_number_generator(seed))
        _, again = backend.random.host_generator(rng)
        return [host.random(), again.random()]

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)
    assert draw(0)[0] != draw(0)[1]
