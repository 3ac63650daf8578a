"""Clipping to bounds across data types."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.dtypes import FLOATING, round_floats
from unienv_interface.space.spaces.bounds import Bounds

__all__ = ["clip_host"]


def clip_host(values: NDArray[Any], bounds: Bounds) -> NDArray[Any]:
    """Host values of any real type clipped to `bounds`, in the host type of the bounds.

    Values are compared with the bounds before they are converted, so nothing wraps around. Where
    the bounds are integers, fractions are dropped and NaN becomes the low bound.
    """
    low, high = bounds.low, bounds.high
    if bounds.dtype in FLOATING:
        wide = np.clip(values.astype(np.float64), low, high)
        return round_floats(wide, bounds.dtype)
    beneath, beyond = ~np.asarray(values > low), np.asarray(values >= high)
    # Only what lies between the bounds is converted; beyond them, the bound is taken as it is.
    inside = np.where(beneath | beyond, values.dtype.type(0), values).astype(low.dtype)
    return np.where(beneath, low, np.where(beyond, high, inside))
