"""Images of whole numbers as images of fractions, and back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import FLOATING, dtype_limits
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces.aliases import AnyBox
from unienv_interface.space.spaces.bounds import Bounds, make_bounds
from unienv_interface.transformations.arrays import as_box, batch_of, dtype_name, floating_name
from unienv_interface.transformations.documents import one_of, read_parameters
from unienv_interface.transformations.fitting import fit_to
from unienv_interface.transformations.image_layout import LAYOUTS, check_layout, image_axes
from unienv_interface.transformations.linear import LinearMap, mapped_bounds
from unienv_interface.transformations.planning import Plan, PlannedTransformation, leads_back
from unienv_interface.transformations.registry import register_transformation

__all__ = ["FloatToImageTransformation", "ImageToFloatTransformation"]

# The floating types that tell the numbers of an image type, divided by the greatest, apart.
_WIDE_ENOUGH = {
    "uint8": ("float16", "bfloat16", "float32", "float64"),
    "uint16": ("float32", "float64"),
}


class _ImageTransformation(PlannedTransformation):
    """What both have: layouts, and results that are linear in each pixel."""

    has_inverse = True

    def __init__(self, dtype: str, source_layout: str, layout: str) -> None:
        self.dtype = dtype
        self.source_layout = check_layout("source_layout", source_layout)
        self.layout = check_layout("layout", layout)
        if len(self.source_layout) != len(self.layout):
            raise SpaceError(f"layout: expected as many axes as in {source_layout}, got {layout}")
        super().__init__()

    @abstractmethod
    def _check_source(self, box: AnyBox) -> None:
        """Check that this can be done to values of a box.

        Raises:
            SpaceError: it cannot.
        """

    @abstractmethod
    def _linear(self, box: AnyBox) -> LinearMap:
        """What becomes of each pixel."""

    @abstractmethod
    def _target_bounds(self, bounds: Bounds, linear: LinearMap) -> Bounds:
        """The bounds of the results, for sources in the layout of the results."""

    def _plan(self, source_space: AnySpace) -> Plan:
        box = as_box(source_space, type(self).__name__)
        image_axes(box, self.source_layout, type(self).__name__)
        self._check_source(box)
        linear, backend = self._linear(box), box.backend
        turn = _turner(backend, self.source_layout, self.layout)
        turned = _turned_bounds(box.bounds, self.source_layout, self.layout)
        target = box.with_bounds(self._target_bounds(turned, linear))
        work = linear.working_dtype(box.bounds.dtype, target.bounds.dtype)
        run, fit = linear.bind(backend, work), fit_to(target, work, turned)
        return Plan(target, lambda data: fit(run(turn(batch_of(box, data, len(self.layout))))))

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {"dtype": self.dtype, "source_layout": self.source_layout, "layout": self.layout}


@register_transformation("image_to_float")
class ImageToFloatTransformation(_ImageTransformation):
    """Images of uint8 (or uint16) as numbers from 0 to 1: `(*batch, H, W, C)` to `(*batch, C, H, W)`.

    x becomes x / 255 (x / 65535), in float32, or float64 if that is asked for: the nearest number that the
    type has, in NumPy and in PyTorch, whose own vision tools do the same (XLA's division may be one off).
    Results are contiguous. The inverse gives back each number exactly.

    Args:
        dtype: floating data type of the results; for uint16 float32 or float64.
        source_layout: "HWC", "CHW", or "HW" for images without an axis of channels.
        layout: that of the results, of as many axes.

    Attributes:
        dtype: the name of the data type.
        source_layout: as given.
        layout: as given.

    Raises:
        SpaceError: an argument is of another kind.
    """

    def __init__(
        self, *, dtype: Any = "float32", source_layout: str = "HWC", layout: str | None = None
    ) -> None:
        default = "CHW" if source_layout == "HWC" else source_layout
        super().__init__(floating_name("dtype", dtype), source_layout, default if layout is None else layout)

    def _check_source(self, box: AnyBox) -> None:
        allowed = _WIDE_ENOUGH.get(box.bounds.dtype, ())
        if not allowed:
            raise SpaceError(f"{type(self).__name__}: expected uint8 or uint16, got {box!r}")
        if self.dtype not in allowed:
            expected = f"{' or '.join(allowed)} for {box.bounds.dtype}"
            raise SpaceError(f"dtype: expected {expected}, got {self.dtype}")

    def _linear(self, box: AnyBox) -> LinearMap:
        return _fraction_of(box.bounds.dtype)

    def _target_bounds(self, bounds: Bounds, linear: LinearMap) -> Bounds:
        return mapped_bounds(bounds, linear, self.dtype)

    def direction_inverse(self, source_space: AnySpace | None = None) -> FloatToImageTransformation:
        if source_space is None:
            raise SpaceError("source_space: needed for the data type that leads back")
        box = as_box(source_space, type(self).__name__)
        self._check_source(box)
        return FloatToImageTransformation(
            dtype=box.bounds.dtype, source_layout=self.layout, layout=self.source_layout
        )

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        defaults = {"dtype": "float32", "source_layout": "HWC", "layout": "CHW"}
        return read_parameters(json_data, cls, _readers(*FLOATING), defaults)


@register_transformation("float_to_image")
class FloatToImageTransformation(_ImageTransformation):
    """Images of numbers from 0 to 1 as uint8 (or uint16): the inverse of `ImageToFloatTransformation`.

    x becomes x * 255 (x * 65535), rounded, halves to even; what lies beyond 0 and 1 becomes the nearest
    of them. Results are contiguous. The inverse gives each number back to within half a step, for
    sources from 0 to 1.

    Args:
        dtype: data type of the results, uint8 or uint16.
        source_layout: "CHW", "HWC", or "HW" for images without an axis of channels.
        layout: that of the results, of as many axes.

    Attributes:
        dtype: the name of the data type.
        source_layout: as given.
        layout: as given.

    Raises:
        SpaceError: an argument is of another kind.
    """

    def __init__(
        self, *, dtype: Any = "uint8", source_layout: str = "CHW", layout: str | None = None
    ) -> None:
        name = dtype_name("dtype", dtype)
        if name not in _WIDE_ENOUGH:
            raise SpaceError(f"dtype: expected uint8 or uint16, got {dtype!r}")
        default = "HWC" if source_layout == "CHW" else source_layout
        super().__init__(name, source_layout, default if layout is None else layout)

    def _check_source(self, box: AnyBox) -> None:
        allowed = _WIDE_ENOUGH[self.dtype]
        if box.bounds.dtype not in allowed:
            raise SpaceError(f"{type(self).__name__}: expected {' or '.join(allowed)}, got {box!r}")

    def _linear(self, box: AnyBox) -> LinearMap:
        return _fraction_of(self.dtype).inverse()

    def _target_bounds(self, bounds: Bounds, linear: LinearMap) -> Bounds:
        mapped = mapped_bounds(bounds, linear, linear.working_dtype(bounds.dtype, self.dtype))
        limits = dtype_limits(self.dtype)
        low, high = (np.clip(np.round(bound), *limits) for bound in (mapped.low, mapped.high))
        return make_bounds(low, high, self.dtype, bounds.shape)

    def direction_inverse(self, source_space: AnySpace | None = None) -> ImageToFloatTransformation | None:
        if source_space is None:
            raise SpaceError("source_space: needed for the data type that leads back")
        box = as_box(source_space, type(self).__name__)
        self._check_source(box)
        inverse = ImageToFloatTransformation(
            dtype=box.bounds.dtype, source_layout=self.layout, layout=self.source_layout
        )
        return inverse if leads_back(self, inverse, box) else None

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        defaults = {"dtype": "uint8", "source_layout": "CHW", "layout": "HWC"}
        return read_parameters(json_data, cls, _readers(*_WIDE_ENOUGH), defaults)


def _readers(*dtypes: str) -> dict[str, Any]:
    return {"dtype": one_of(*dtypes), "source_layout": one_of(*LAYOUTS), "layout": one_of(*LAYOUTS)}


def _fraction_of(dtype: str) -> LinearMap:
    """The division by the greatest number of an integer type."""
    greatest = np.asarray(float(dtype_limits(dtype)[1]))
    return LinearMap(np.asarray(0.0), greatest, np.asarray(1.0), np.asarray(0.0))


def _order(source_layout: str, layout: str, ndim: int) -> tuple[int, ...]:
    """The axes of arrays of one layout, in the order of another."""
    start = ndim - len(layout)
    return (*range(start), *(start + source_layout.index(letter) for letter in layout))


def _turner(backend: AnyBackend, source_layout: str, layout: str) -> Callable[[Any], Any]:
    if source_layout == layout:
        return lambda x: x

    def turn(x: Any) -> Any:
        turned = backend.permute_dims(x, _order(source_layout, layout, len(x.shape)))
        # By way of a flat copy, which is contiguous in every library, while pixels are small.
        return backend.reshape(backend.reshape(turned, (-1,)), tuple(turned.shape))

    return turn


def _turned_bounds(bounds: Bounds, source_layout: str, layout: str) -> Bounds:
    order = _order(source_layout, layout, len(bounds.shape))
    low, high = (np.transpose(bound, order) for bound in (bounds.low, bounds.high))
    return make_bounds(low, high, bounds.dtype, tuple(bounds.shape[axis] for axis in order))
