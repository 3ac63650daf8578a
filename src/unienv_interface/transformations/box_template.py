"""What a box is beside its shape, backend and device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from unienv_interface.backends.dtypes import DTYPE_NAMES
from unienv_interface.space.space_utils.document_numbers import dump_bound, number_reader
from unienv_interface.space.space_utils.document_reading import Problems
from unienv_interface.space.spaces import BoxSpace
from unienv_interface.space.spaces.aliases import AnyBox
from unienv_interface.space.spaces.bounds import make_bounds
from unienv_interface.transformations.arrays import short_form
from unienv_interface.transformations.documents import one_of

__all__ = ["BoxTemplate"]


@dataclass(frozen=True, eq=False)
class BoxTemplate:
    """Bounds and data type, for a box of any shape that the bounds broadcast to.

    Attributes:
        low: least values, on the host.
        high: greatest values, likewise.
        dtype: name of the data type.
    """

    low: NDArray[Any]
    high: NDArray[Any]
    dtype: str

    @classmethod
    def of(cls, box: AnyBox) -> BoxTemplate:
        """Those of a box."""
        bounds = box.bounds
        return cls(short_form(bounds.low), short_form(bounds.high), bounds.dtype)

    @classmethod
    def make(cls, low: Any, high: Any, dtype: str) -> BoxTemplate:
        """Those of a box with these arguments.

        Raises:
            SpaceError: there is no such box.
        """
        bounds = make_bounds(low, high, dtype)
        return cls(short_form(bounds.low), short_form(bounds.high), dtype)

    def box_like(self, box: AnyBox) -> AnyBox:
        """The box of the same backend, device and shape as another.

        Raises:
            SpaceError: the bounds do not broadcast to the shape.
        """
        dtype = box.backend.dtype_from_name(self.dtype)
        return BoxSpace(box.backend, self.low, self.high, dtype=dtype, device=box.device, shape=box.shape)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"low": dump_bound(self.low), "high": dump_bound(self.high), "dtype": self.dtype}

    @classmethod
    def read(cls, value: Any, problems: Problems) -> BoxTemplate | None:
        """What `document` made; None where there are problems."""
        if not isinstance(value, Mapping):
            problems.add("an object", value)
            return None
        dtype = value.get("dtype")
        bound = number_reader(dtype if dtype in _NUMERIC else "float64", nested=True)
        arguments = problems.fields(value, {"low": bound, "high": bound, "dtype": one_of(*_NUMERIC)})
        return problems.build(cls.make, arguments)


_NUMERIC = tuple(name for name in DTYPE_NAMES if name != "bool")
