"""Images in another size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import FLOATING
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_reading import count, flag
from unienv_interface.space.spaces import BinarySpace, BoxSpace
from unienv_interface.space.spaces.aliases import AnyBox
from unienv_interface.space.spaces.bounds import make_bounds
from unienv_interface.transformations.arrays import Constants, batch_of
from unienv_interface.transformations.documents import one_of, read_parameters
from unienv_interface.transformations.fitting import fit_to, working_dtype
from unienv_interface.transformations.image_layout import LAYOUTS, check_layout, check_length, image_axes
from unienv_interface.transformations.planning import Plan, PlannedTransformation
from unienv_interface.transformations.registry import register_transformation
from unienv_interface.transformations.resampling import METHODS, Taps, taps_between

__all__ = ["ImageResizeTransformation"]

Step = Callable[[Any], Any]


@register_transformation("image_resize")
class ImageResizeTransformation(PlannedTransformation):
    """Images in another size, `(*batch, H, W, C)` to `(*batch, new_height, new_width, C)`.

    Pixels are areas, and the corners of both images are the same (`align_corners=False`):

    - "bilinear": linear between the middles of pixels. Where the image shrinks, `antialias` widens this
      to all the pixels that a new one covers, as Pillow does, and PyTorch if asked; without it most of
      them would count for nothing.
    - "area": the mean of what a new pixel covers, parts of pixels in proportion.
    - "nearest": the pixel in which the middle of the new one lies; no number is computed.

    The data type stays. Results are computed in float32 (float64 for float64 and 32-bit integers), in one
    rounding for integers, halves to even: Pillow, which rounds after each direction, differs by at most 1
    in uint8. Each channel's bounds are the widest of its pixels'. NaN and infinities reach only the
    pixels that they have part in. Binary arrays can be resized by "nearest". Nothing leads back.

    Args:
        new_height: rows of the results.
        new_width: columns of the results.
        method: as above.
        antialias: of "bilinear", as above.
        layout: "HWC", "CHW", or "HW" for images without an axis of channels.

    Attributes:
        new_height: as given.
        new_width: as given.
        method: as given.
        antialias: as given.
        layout: as given.

    Raises:
        SpaceError: an argument is of another kind.
    """

    def __init__(
        self,
        new_height: int,
        new_width: int,
        *,
        method: str = "bilinear",
        antialias: bool = True,
        layout: str = "HWC",
    ) -> None:
        self.new_height = check_length("new_height", new_height)
        self.new_width = check_length("new_width", new_width)
        if method not in METHODS:
            raise SpaceError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
        self.method = method
        self.antialias = bool(antialias)
        self.layout = check_layout("layout", layout)
        super().__init__()

    def _plan(self, source_space: AnySpace) -> Plan:
        space, who = source_space, type(self).__name__
        if not isinstance(space, BoxSpace) and not (
            isinstance(space, BinarySpace) and self.method == "nearest"
        ):
            raise SpaceError(f"{who}: expected a BoxSpace, got {space!r} (with method {self.method!r})")
        axes = image_axes(space, self.layout, who)
        news, shape = (self.new_height, self.new_width), list(space.shape)
        lines: dict[int, Taps] = {}
        for axis, new, place in zip(axes, news, LAYOUTS[self.layout], strict=True):
            if new != shape[axis]:
                lines[place] = taps_between(shape[axis], new, self.method, self.antialias)
            shape[axis] = new
        if not lines:
            return Plan(space, lambda data: batch_of(space, data, len(self.layout)))
        # First the direction that leaves the least to do in the other.
        order = sorted(lines, key=lambda axis: lines[axis].index.shape[1] / space.shape[axis])
        target = self._target(space, axes, tuple(shape))
        run = _picker(space.backend, lines) if self.method == "nearest" else _mixer(target, lines, order)
        return Plan(target, lambda data: run(batch_of(space, data, len(self.layout))))

    def _target(self, space: Any, axes: tuple[int, int], shape: tuple[int, ...]) -> Any:
        if isinstance(space, BinarySpace):
            return BinarySpace(space.backend, shape, device=space.device)
        low = space.bounds.low.min(axis=axes, keepdims=True)
        high = space.bounds.high.max(axis=axes, keepdims=True)
        return space.with_bounds(make_bounds(low, high, space.bounds.dtype, shape))

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {
            "new_height": self.new_height,
            "new_width": self.new_width,
            "method": self.method,
            "antialias": self.antialias,
            "layout": self.layout,
        }

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        readers = {
            "new_height": count,
            "new_width": count,
            "method": one_of(*METHODS),
            "antialias": flag,
            "layout": one_of(*LAYOUTS),
        }
        defaults = {"method": "bilinear", "antialias": True, "layout": "HWC"}
        return read_parameters(json_data, cls, readers, defaults)


def _picker(backend: AnyBackend, lines: Mapping[int, Taps]) -> Step:
    """The function that takes the nearest pixels, whatever their type."""
    constants = {axis: Constants(backend, [taps.index[0]]) for axis, taps in lines.items()}

    def run(x: Any) -> Any:
        for axis, constant in constants.items():
            x = backend.take(x, constant.beside(x)[0], axis=axis)
        return x

    return run


def _mixer(target: AnyBox, lines: Mapping[int, Taps], order: list[int]) -> Step:
    """The function that mixes pixels and makes values of the target of the results."""
    work = working_dtype(target.bounds.dtype)
    may_be_infinite = target.bounds.dtype in FLOATING and not target.is_bounded("both")
    steps = [_mixer_along(target.backend, axis, lines[axis], work, may_be_infinite) for axis in order]
    fit = fit_to(target, work, target.bounds)

    def run(x: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):
            for step in steps:
                x = step(x)
            return fit(x)

    return run


def _mixer_along(backend: AnyBackend, axis: int, taps: Taps, work: str, may_be_infinite: bool) -> Step:
    """The weighted sums along one axis, counted from the end."""
    dtype = backend.dtype_from_name(work)
    after = (1,) * (-axis - 1)
    constants = [
        Constants(backend, [index, weight.astype(work).reshape(-1, *after), (weight > 0).reshape(-1, *after)])
        for index, weight in taps
    ]
    # A pixel of no weight must not count, and infinity times 0 would.
    is_partial = [may_be_infinite and not bool((weight > 0).all()) for _, weight in taps]

    def run(x: Any) -> Any:
        total = None
        for constant, partial in zip(constants, is_partial, strict=True):
            index, weight, has_part = constant.beside(x)
            part = backend.astype(backend.take(x, index, axis=axis), dtype, copy=False) * weight
            if partial:
                part = backend.where(has_part, part, backend.zeros_like(part))
            if total is None:
                total = part
            else:
                total += part
        return total

    return run
