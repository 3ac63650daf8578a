"""Linear maps of arrays, element by element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import largest_finite, round_floats
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces.aliases import AnyBox
from unienv_interface.space.spaces.bounds import Bounds, make_bounds
from unienv_interface.transformations.arrays import Constants, batch_of
from unienv_interface.transformations.fitting import fit_to, working_dtype

__all__ = ["LinearMap", "apply_linear", "between", "mapped_bounds"]

_SMALLEST_NORMAL = float(np.finfo(np.float32).smallest_normal)


@dataclass(frozen=True, eq=False)
class LinearMap:
    """The map of x to ((x * before - shift) / span * width + base) * after.

    In this order, so that x = shift gives base and x = shift + span gives base + width, and nothing is
    lost where the shift is large beside the span, as it would be with one factor and one summand.

    Attributes:
        shift: float64, broadcastable to the arrays, as are the others.
        span: more than 0.
        width: at least 0.
        base: of any sign.
        before: a power of two, less than 1 where x - shift could overflow.
        after: likewise for the result.
    """

    shift: NDArray[np.float64]
    span: NDArray[np.float64]
    width: NDArray[np.float64]
    base: NDArray[np.float64]
    before: float = 1.0
    after: float = 1.0

    def inverse(self) -> LinearMap:
        """The map that leads back; `width` must be more than 0."""
        return LinearMap(self.base, self.width, self.span, self.shift, 1 / self.after, 1 / self.before)

    def working_dtype(self, source: str, target: str) -> str:
        """The floating type to compute in: one that holds the values, and the parameters as numbers."""
        work = working_dtype(source, target)
        parameters = [self.shift, self.span, self.width, self.base]
        with np.errstate(over="ignore"):
            is_finite = all(bool(np.isfinite(part.astype(work)).all()) for part in parameters)
        factors = np.concatenate([self.span.reshape(-1), self.width.reshape(-1)])
        is_normal = bool(np.all((factors == 0) | (factors >= _SMALLEST_NORMAL)))
        return work if is_finite and is_normal else "float64"

    def bind(self, backend: AnyBackend, work: str) -> Callable[[Any], Any]:
        """The map as a function of arrays of a backend, which computes in the type `work`.

        Every step is rounded as IEEE 754 says and grows with x, so the whole does. (XLA may fuse steps and
        divide by multiplying; results within given bounds are a matter of `fit_to`.)
        """
        dtype = backend.dtype_from_name(work)
        constants = Constants(
            backend, [part.astype(work) for part in (self.shift, self.span, self.width, self.base)]
        )
        has_shift, has_base = bool(np.any(self.shift != 0)), bool(np.any(self.base != 0))
        has_span, has_width = bool(np.any(self.span != 1)), bool(np.any(self.width != 1))
        before, after = self.before, self.after

        def run(x: Any) -> Any:
            shift, span, width, base = constants.beside(x)
            # The first step makes an array of our own; from then on it is changed in place.
            with np.errstate(over="ignore"):
                y = backend.astype(x, dtype, copy=True)
                if before != 1:
                    y *= before
                if has_shift:
                    y -= shift
                if has_span:
                    y /= span
                if has_width:
                    y *= width
                if has_base:
                    y += base
                if after != 1:
                    y *= after
            return y

        return run


def between(
    low: NDArray[Any], high: NDArray[Any], new_low: NDArray[Any], new_high: NDArray[Any]
) -> LinearMap:
    """The map of [low, high] onto [new_low, new_high]; where low is high, onto the middle.

    Args:
        low: finite, broadcastable to the arrays, as are the others.
        high: at least `low`.
        new_low: finite.
        new_high: at least `new_low`.
    """
    old = [bound.astype(np.float64) for bound in (low, high)]
    new = [bound.astype(np.float64) for bound in (new_low, new_high)]
    before, after = 1.0, 1.0
    with np.errstate(over="ignore"):
        if not np.isfinite(old[1] - old[0]).all():
            before, old = 0.5, [bound / 2 for bound in old]
        if not np.isfinite(new[1] - new[0]).all():
            after, new = 2.0, [bound / 2 for bound in new]
    span, width = old[1] - old[0], new[1] - new[0]
    is_point = span == 0
    return LinearMap(
        shift=old[0],
        span=np.where(is_point, 1.0, span),
        width=np.where(is_point, 0.0, width),
        base=np.where(is_point, new[0] + width / 2, new[0]),
        before=before,
        after=after,
    )


def apply_linear(source: AnyBox, target: AnyBox, linear: LinearMap) -> Callable[[Any], Any]:
    """The function that maps values of one box into another, rounded to its type and within its bounds."""
    work = linear.working_dtype(source.bounds.dtype, target.bounds.dtype)
    run, fit = linear.bind(source.backend, work), fit_to(target, work, source.bounds)
    return lambda data: fit(run(batch_of(source, data)))


def mapped_bounds(bounds: Bounds, linear: LinearMap, dtype: str) -> Bounds:
    """The bounds of what values within `bounds` are mapped to, in a floating type.

    They are worked out in the same steps as the values, so they hold for each of them.
    """
    run = linear.bind(NumpyComputeBackend, linear.working_dtype(bounds.dtype, dtype))
    parameters = (linear.shift, linear.span, linear.width, linear.base)
    shapes = [part.shape for part in parameters]
    low, high = (
        round_floats(run(np.broadcast_to(bound, np.broadcast_shapes(bound.shape, *shapes))), dtype)
        for bound in (bounds.low, bounds.high)
    )
    # What overflows is infinite, and no bound: the greatest number is.
    greatest = largest_finite(dtype)
    return make_bounds(np.minimum(low, greatest), np.maximum(high, -greatest), dtype, bounds.shape)
