"""Bounded arrays brought to other bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.arrays import first_index
from unienv_interface.backends.dtypes import FLOATING, promote_dtypes
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_numbers import dump_bound
from unienv_interface.transformations.arrays import as_box, dtype_name, host_array, short_form
from unienv_interface.transformations.box_template import BoxTemplate
from unienv_interface.transformations.documents import dtype_or_none, numbers, read_parameters
from unienv_interface.transformations.linear import apply_linear, between
from unienv_interface.transformations.parts import located
from unienv_interface.transformations.planning import Plan, PlannedTransformation
from unienv_interface.transformations.registry import register_transformation

__all__ = ["RescaleTransformation"]


@register_transformation("rescale")
class RescaleTransformation(PlannedTransformation):
    """Arrays of a box with finite bounds brought linearly to new bounds, element by element.

    The old low becomes the new low exactly, the old high the new high to within rounding. An element
    whose old bounds are one number becomes the middle of the new ones. In integer types results are
    rounded, halves to even. Computed in float32, or in float64 where a type or the range asks for it.

    The inverse leads back to the old bounds and data type. It gives the value that came in to within
    the rounding of both types: about `eps * max(abs(low), abs(high))` of either box, in units of that
    box, and half a step of an integer type.

    Args:
        new_low: least values, a number or an array (of any backend) that broadcasts to the shape.
        new_high: greatest values, likewise.
        new_dtype: data type of the results; by default that of the source where it is floating, and
            else what NumPy promotes it and float32 to.

    Attributes:
        new_low: as given, on the host.
        new_high: as given, on the host.
        new_dtype: the name of the data type, or None.

    Raises:
        SpaceError: a bound is no finite number, or `new_low` is greater than `new_high`.
    """

    has_inverse = True

    def __init__(self, new_low: Any = -1.0, new_high: Any = 1.0, new_dtype: Any | None = None) -> None:
        self.new_low: NDArray[Any] = _finite("new_low", new_low)
        self.new_high: NDArray[Any] = _finite("new_high", new_high)
        self.new_dtype = None if new_dtype is None else dtype_name("new_dtype", new_dtype)
        try:
            crossed = np.asarray(self.new_low > self.new_high)
        except ValueError:
            shapes = f"{self.new_low.shape} and {self.new_high.shape}"
            raise SpaceError(f"new_low: expected shapes that broadcast together, got {shapes}") from None
        if crossed.any():
            low, high = np.broadcast_arrays(self.new_low, self.new_high)
            where = first_index(crossed)
            raise SpaceError(f"new_low: expected at most new_high, got {low[where]} > {high[where]}")
        super().__init__()

    def _plan(self, source_space: AnySpace) -> Plan:
        box = as_box(source_space, type(self).__name__)
        if not box.is_bounded("both"):
            raise SpaceError(f"{type(self).__name__}: expected finite bounds, got {box!r}")
        name = box.bounds.dtype
        wanted = self.new_dtype or (name if name in FLOATING else promote_dtypes([name, "float32"]))
        with located(type(self).__name__):
            target = BoxTemplate(self.new_low, self.new_high, wanted).box_like(box)
        old, new = box.bounds, target.bounds
        return Plan(target, apply_linear(box, target, between(old.low, old.high, new.low, new.high)))

    def direction_inverse(self, source_space: AnySpace | None = None) -> RescaleTransformation:
        if source_space is None:
            raise SpaceError("source_space: needed for the bounds that lead back")
        box = as_box(source_space, type(self).__name__)
        bounds = box.bounds
        return RescaleTransformation(short_form(bounds.low), short_form(bounds.high), bounds.dtype)

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {
            "new_low": dump_bound(self.new_low),
            "new_high": dump_bound(self.new_high),
            "new_dtype": self.new_dtype,
        }

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        readers = {"new_low": numbers, "new_high": numbers, "new_dtype": dtype_or_none}
        return read_parameters(json_data, cls, readers, {"new_dtype": None})


def _finite(argument: str, value: Any) -> NDArray[Any]:
    array = host_array(argument, value)
    if not np.isfinite(array).all():
        raise SpaceError(f"{argument}: expected finite numbers, got {value!r}")
    return array
