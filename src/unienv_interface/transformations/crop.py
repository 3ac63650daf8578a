"""A part of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from numpy.typing import NDArray

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_reading import count, count_or_none
from unienv_interface.space.spaces import BinarySpace, BoxSpace
from unienv_interface.space.spaces.bounds import make_bounds
from unienv_interface.transformations.arrays import batch_of
from unienv_interface.transformations.documents import one_of, read_parameters
from unienv_interface.transformations.image_layout import LAYOUTS, check_layout, check_length, image_axes
from unienv_interface.transformations.planning import Plan, PlannedTransformation
from unienv_interface.transformations.registry import register_transformation

__all__ = ["CropTransformation"]


@register_transformation("crop")
class CropTransformation(PlannedTransformation):
    """A rectangle of each image, `(*batch, H, W, C)` to `(*batch, height, width, C)`.

    For boxes and binary arrays of any data type, which stays. Results are views where the backend has
    views. Nothing leads back.

    Args:
        height: rows of the rectangle.
        width: columns of the rectangle.
        top: rows above it; None centres it, the odd row below.
        left: columns before it; None centres it, the odd column after.
        layout: "HWC", "CHW", or "HW" for images without an axis of channels.

    Attributes:
        height: as given.
        width: as given.
        top: as given.
        left: as given.
        layout: as given.

    Raises:
        SpaceError: an argument is of another kind.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        top: int | None = None,
        left: int | None = None,
        layout: str = "HWC",
    ) -> None:
        self.height = check_length("height", height)
        self.width = check_length("width", width)
        self.top = None if top is None else check_length("top", top, 0)
        self.left = None if left is None else check_length("left", left, 0)
        self.layout = check_layout("layout", layout)
        super().__init__()

    def _plan(self, source_space: AnySpace) -> Plan:
        space = source_space
        if not isinstance(space, BoxSpace | BinarySpace):
            raise SpaceError(f"{type(self).__name__}: expected a box or a binary space, got {space!r}")
        shape, parts = list(space.shape), [slice(None)] * len(space.shape)
        axes = image_axes(space, self.layout, type(self).__name__)
        wanted = [("height", self.height, self.top), ("width", self.width, self.left)]
        for axis, (name, length, start) in zip(axes, wanted, strict=True):
            first = (shape[axis] - length) // 2 if start is None else start
            if first < 0 or first + length > shape[axis]:
                where = "" if start is None else f" from {start} on"
                raise SpaceError(f"{name}: expected at most {shape[axis]}, got {length}{where}")
            shape[axis], parts[axis] = length, slice(first, first + length)
        target: AnySpace
        if isinstance(space, BoxSpace):
            low, high = (_part_of(bound, parts) for bound in (space.bounds.low, space.bounds.high))
            target = space.with_bounds(make_bounds(low, high, space.bounds.dtype, tuple(shape)))
        else:
            target = BinarySpace(space.backend, shape, device=space.device)
        # Counted from the end, where the axes of the image are.
        index = (..., *parts[len(parts) - len(self.layout) :])
        return Plan(target, lambda data: batch_of(space, data, len(self.layout))[index])

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {
            "height": self.height,
            "width": self.width,
            "top": self.top,
            "left": self.left,
            "layout": self.layout,
        }

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        readers = {
            "height": count,
            "width": count,
            "top": count_or_none,
            "left": count_or_none,
            "layout": one_of(*LAYOUTS),
        }
        return read_parameters(json_data, cls, readers, {"top": None, "left": None, "layout": "HWC"})


def _part_of(bound: NDArray[Any], parts: list[slice]) -> NDArray[Any]:
    """A bound of the rectangle; where it is the same along an axis, it stays so."""
    pairs = zip(parts, bound.shape, strict=True)
    return bound[tuple(part if length > 1 else slice(None) for part, length in pairs)]
