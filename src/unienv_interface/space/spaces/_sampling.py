"""Random arrays within bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import FLOATING
from unienv_interface.space.spaces.bounds import Bounds

__all__ = ["sample_within"]


def sample_within(
    backend: AnyBackend, bounds: Bounds, shape: tuple[int, ...], rng: Any, device: Any | None
) -> tuple[Any, Any]:
    """An array of independent draws, the distribution of each chosen by its bounds.

    Integers are uniform on [low, high], both ends included. Floating-point numbers are uniform
    where both bounds are finite, exponential with rate 1 beyond the one finite bound, standard
    normal where there is none.

    Args:
        backend: what makes the array.
        bounds: bounds that broadcast to `shape`.
        shape: shape of the array.
        rng: generator of the backend.
        device: where the array is made.

    Returns:
        The generator to go on with, and the array, in the data type of the bounds.
    """
    dtype = backend.dtype_from_name(bounds.dtype)
    if bounds.dtype in FLOATING:
        return _sample_floats(backend, bounds, shape, rng, dtype, device)
    if bounds.low.size == bounds.high.size == 1:
        low, high = int(bounds.low.item()), int(bounds.high.item())
        return backend.random.random_discrete_uniform(
            shape, low, high + 1, rng=rng, dtype=dtype, device=device
        )
    # Bounds that differ from element to element: NumPy draws these without skew, whatever the type.
    rng, host = backend.random.host_generator(rng)
    drawn = host.integers(bounds.low, bounds.high, size=shape, dtype=bounds.low.dtype, endpoint=True)
    return rng, backend.from_numpy(np.asarray(drawn), dtype=dtype, device=device)


def _sample_floats(
    backend: AnyBackend, bounds: Bounds, shape: tuple[int, ...], rng: Any, dtype: Any, device: Any | None
) -> tuple[Any, Any]:
    # Half precision is drawn in float32; clipping before rounding keeps it within its bounds.
    work_name = "float64" if bounds.dtype == "float64" else "float32"
    work = backend.dtype_from_name(work_name)
    draw = {"shape": shape, "dtype": work, "device": device}
    below, above = np.isfinite(bounds.low), np.isfinite(bounds.high)
    both, neither = below & above, ~below & ~above

    def on_backend(x: NDArray[Any]) -> Any:
        return backend.from_numpy(x.astype(work_name), dtype=work, device=device)

    low = np.where(below, bounds.low, 0)
    high = np.where(above, bounds.high, 0)
    parts: list[tuple[NDArray[Any], Any]] = []
    if bool(both.any()):
        rng, unit = backend.random.random_uniform(rng=rng, **draw)
        # Weighted, since high - low may overflow.
        parts.append((both, (1 - unit) * on_backend(low) + unit * on_backend(high)))
    if bool((below ^ above).any()):
        rng, distance = backend.random.random_exponential(rng=rng, **draw)
        parts.append((below & ~above, on_backend(low) + distance))
        parts.append((above & ~below, on_backend(high) - distance))
    if bool(neither.any()):
        rng, normal = backend.random.random_normal(rng=rng, **draw)
        parts.append((neither, normal))
    drawn = None
    for mask, values in parts:
        if drawn is None or bool(mask.all()):
            drawn = values
        elif bool(mask.any()):
            drawn = backend.where(backend.from_numpy(mask, device=device), values, drawn)
    # Rounding may have left the bounds by a bit.
    drawn = backend.clip(drawn, on_backend(bounds.low), on_backend(bounds.high))
    return rng, backend.astype(backend.asarray(drawn), dtype, copy=False)
