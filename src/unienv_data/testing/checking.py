"""Whether a buffer is what its model says."""

from __future__ import annotations

from typing import Any

from unienv_data.testing.model import BufferModel
from unienv_data.testing.samples import same
from unienv_data.testing.suite import rows_of

__all__ = ["check", "check_equal"]


def check(holds: bool, what: str, found: Any, expected: Any) -> None:
    """Raise an AssertionError unless something holds.

    Statements would vanish under `python -O`, and pytest rewrites only those of test modules.
    """
    if not holds:
        raise AssertionError(f"{what}: expected {expected!r}, got {found!r}")


def check_equal(buffer: Any, model: BufferModel) -> None:
    """Check that a buffer is what the model says, in every way of asking.

    Raises:
        AssertionError: it is not.
    """
    check(len(buffer) == buffer.count == len(model), "rows", len(buffer), len(model))
    found = rows_of(buffer.single_space, buffer[:], len(buffer))
    for row, (value, expected) in enumerate(zip(found, model.values, strict=True)):
        check(same(value, expected), f"row {row}", value, expected)
    check(buffer.has_open_segment == (model.open is not None), "open", buffer.has_open_segment, model.open)
    if buffer.maintain_segment_metadata:
        check(buffer.get_segments() == model.segments(), "segments", buffer.get_segments(), model.segments())
