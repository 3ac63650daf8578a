"""Results of arithmetic as values of a box: rounded to its type, and within its bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.arrays import first_index
from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import FLOATING, INTEGERS, holds_dtype, inexact_elements
from unienv_interface.errors import SpaceValueError
from unienv_interface.space.spaces.aliases import AnyBox
from unienv_interface.space.spaces.bounds import Bounds, make_bounds
from unienv_interface.space.spaces.values import at
from unienv_interface.transformations.arrays import Constants

__all__ = ["fit_to", "working_dtype"]


def working_dtype(*names: str) -> str:
    """The floating type to compute in with values of these types: float32 or float64.

    It holds every value of every type, but for integers past 2**53.
    """
    return "float32" if all(holds_dtype("float32", name) for name in names) else "float64"


def fit_to(box: AnyBox, work: str, source: Bounds) -> Callable[[Any], Any]:
    """The function that makes arrays of the type `work` values of a box.

    It rounds to the data type, halves to even, and corrects what rounding has led past the bounds. NaN
    is refused where the box has no place for it.

    Args:
        box: of shape `S`, and of a type that `working_dtype` has seen.
        work: name of the floating type of the arrays, which have shape `(*batch, *S)`.
        source: bounds of the values that the arrays were made from.
    """
    fit = _fit_numbers(box, work)
    if not _has_nan(source).any() or _has_nan(box.bounds).all():
        return fit
    backend = box.backend
    no_place = Constants(backend, [~_has_nan(box.bounds)])

    def fit_or_refuse(y: Any) -> Any:
        misplaced = backend.logical_and(backend.isnan(y), no_place.beside(y)[0])
        if bool(backend.any(misplaced)):
            where = first_index(backend.to_numpy(misplaced))
            raise SpaceValueError("", "numbers, which bounded results need", f"NaN{at(where)}")
        return fit(y)

    return fit_or_refuse


def _has_nan(bounds: Bounds) -> NDArray[np.bool_]:
    """Where NaN is a member: where floating-point elements have no finite bound."""
    is_floating = bounds.dtype in FLOATING
    return np.asarray(is_floating & np.isinf(bounds.low) & np.isinf(bounds.high))


def _fit_numbers(box: AnyBox, work: str) -> Callable[[Any], Any]:
    backend, bounds = box.backend, box.bounds
    is_integer = bounds.dtype in INTEGERS
    if is_integer and not _is_held(backend, bounds, work):
        return lambda y: _clipped_on_host(box, backend.round(y))
    limits = Constants(backend, [bounds.low.astype(work), bounds.high.astype(work)])
    has_low, has_high = bool(np.isfinite(bounds.low).any()), bool(np.isfinite(bounds.high).any())

    def fit(y: Any) -> Any:
        low, high = limits.beside(y)
        if is_integer:
            y = backend.round(y)
        if has_low:
            y = backend.maximum(y, low)
        if has_high:
            y = backend.minimum(y, high)
        # Rounding keeps what lies within bounds that the type holds there; NumPy warns of what becomes
        # infinite, where there are none.
        with np.errstate(over="ignore"):
            return backend.asarray(backend.astype(y, box.dtype, copy=False))

    return fit


def _is_held(backend: AnyBackend, bounds: Bounds, work: str) -> bool:
    """Whether clipping can be done in the type `work`, on the device."""
    inexact = [inexact_elements(bound, work) for bound in (bounds.low, bounds.high)]
    held = all(mask is None or not mask.any() for mask in inexact)
    return held and work in FLOATING and bounds.dtype not in backend.host_only_dtypes


def _clipped_on_host(box: AnyBox, y: Any) -> Any:
    """Clipped as integers, where a floating type has not each of them."""
    bounds = make_bounds(box.bounds.low, box.bounds.high, box.bounds.dtype, tuple(y.shape))
    return box.with_bounds(bounds).clip(y)
