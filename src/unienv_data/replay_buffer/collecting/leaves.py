"""The arrays of transitions, with room for those of many steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unienv_data.replay_buffer.collecting.canonical import Field
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace, TextSpace, TupleSpace
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import batch_space

__all__ = [
    "LeafPath",
    "StagedLeaf",
    "fits_form",
    "forms_of",
    "leaves_of",
    "nested",
    "room_for",
    "write_steps",
]

LeafPath: TypeAlias = tuple[Any, ...]
"""Keys of dicts and positions in tuples that lead to an array."""

_BYTES = 4 << 20
_MOST_STEPS = 4096
_REFERENCE_BYTES = 8
_SMALL = 1024  # elements


def leaves_of(space: AnySpace, path: LeafPath = ()) -> Iterator[tuple[LeafPath, AnySpace]]:
    """The spaces of the arrays, and the paths that lead there."""
    for key, member in _members(space):
        yield from leaves_of(member, (*path, key))
    if not isinstance(space, DictSpace | TupleSpace):
        yield path, space


def _members(space: AnySpace) -> Iterator[tuple[Any, AnySpace]]:
    if isinstance(space, DictSpace):
        yield from space.spaces.items()
    elif isinstance(space, TupleSpace):
        yield from enumerate(space.spaces)


def forms_of(space: AnySpace, path: LeafPath = ()) -> list[tuple[LeafPath, Any]]:
    """The dicts and tuples, outer ones first: the path of each, and its keys, or its length."""
    forms: list[tuple[LeafPath, Any]] = []
    if isinstance(space, DictSpace):
        forms.append((path, space.spaces.keys()))
    elif isinstance(space, TupleSpace):
        forms.append((path, len(space.spaces)))
    for key, member in _members(space):
        forms += forms_of(member, (*path, key))
    return forms


def fits_form(value: Any, forms: Sequence[tuple[LeafPath, Any]]) -> bool:
    """Whether a value surely has the dicts and tuples that it should have."""
    for path, form in forms:
        part = value
        for key in path:
            part = part[key]
        if type(part) is dict:
            if part.keys() != form:
                return False
        elif type(part) is not tuple or len(part) != form:
            return False
    return True


def nested(space: AnySpace, arrays: Mapping[LeafPath, Any], path: LeafPath = ()) -> Any:
    """Arrays by path in the dicts and tuples of a space."""
    if isinstance(space, DictSpace):
        return {key: nested(member, arrays, (*path, key)) for key, member in space.spaces.items()}
    if isinstance(space, TupleSpace):
        return tuple(nested(member, arrays, (*path, i)) for i, member in enumerate(space.spaces))
    return arrays[path]


def room_for(space: AnySpace, slots: int) -> int:
    """For how many steps of so many slots there is to be room; 0 where a part is of another kind."""
    size = 0
    for _, leaf in leaves_of(space):
        if type(leaf) is TextSpace:
            size += _REFERENCE_BYTES
        elif type(leaf) in (BoxSpace, BinarySpace):
            size += np.dtype(leaf.dtype).itemsize * int(np.prod(leaf.shape or (), dtype=np.int64))
        else:
            return 0
    return min(_BYTES // max(size * slots, 1), _MOST_STEPS)


class StagedLeaf:
    """Room for one array of every step.

    Args:
        path: where it stands in a transition.
        space: its space, that of one slot.
        steps: T, for how many steps.
        slots: B.
    """

    def __init__(self, path: LeafPath, space: AnySpace, steps: int, slots: int) -> None:
        self.path, self._name = path, "/".join(map(str, path))
        self._steps = steps
        self._is_text = isinstance(space, TextSpace)
        self._dtype = np.dtype(object) if self._is_text else np.dtype(space.dtype)
        self._shape: tuple[int, ...] = () if self._is_text else tuple(space.shape or ())
        self.space, self._all = space, batch_space(space, slots)
        self._rows: NDArray[Any] = np.zeros((steps, slots, *self._shape), dtype=self._dtype)
        self._step_shape = (slots, *self._shape)
        self._low: NDArray[Any] | None = None
        self._high: NDArray[Any] | None = None
        if isinstance(space, BoxSpace):
            bounds = space.bounds
            self._low = self._bound(bounds.low) if bounds.restricts_low() else None
            self._high = self._bound(bounds.high) if bounds.restricts_high() else None
        ones = int(np.prod(self._shape, dtype=np.int64))
        self._yes = b"\x01" * ones

    def _bound(self, bound: NDArray[Any]) -> NDArray[Any]:
        """Of the shape of what it is compared with, where that is small: NumPy is faster so."""
        size = int(np.prod(self._shape, dtype=np.int64))
        return np.broadcast_to(bound, self._shape).copy() if size <= _SMALL else bound

    def plan(self, seen: list[Any], field: Field | None = None) -> tuple[Any, ...]:
        """What `write_steps` needs to know: the key, what surely fits, where it goes, and who else writes it.

        Args:
            seen: holds the array that was last found to fit, of this leaf and of those that share the list;
                None in it for nothing. Empty where arrays may change between two steps.
            field: where it stands in steps; None where it is looked up by its key in a dict.
        """
        low, high = (
            bound if bound is None or bound.shape != self._shape else np.stack([bound] * self._step_shape[0])
            for bound in (self._low, self._high)
        )
        dtypes: tuple[np.dtype[Any], ...] = () if self._is_text else (self._dtype,)
        key, write = self.path[-1], self.write_all
        if field is not None:
            key, dtypes = field.position, (*dtypes, *field.dtypes)
            write = self.write_all if field.cast is None else partial(self._write_cast, field.cast)
        return key, dtypes, self._step_shape, low, high, self._rows, write, seen

    def _write_cast(self, cast: Callable[[Any], Any], at: int, value: Any) -> None:
        self.write_all(at, cast(value))

    def fill(self, value: Any) -> None:
        """Write the arrays (B, *D) of all slots, which are the same at every step.

        Raises:
            SpaceValueError: they do not fit the space.
        """
        self._rows[:] = self._all.coerce(value, path=self._name)

    def write_all(self, at: int, value: Any) -> None:
        """Write the arrays (B, *D) of all slots.

        Raises:
            SpaceValueError: they do not fit the space.
        """
        self._rows[at] = self._all.coerce(value, path=self._name)

    def write_some(self, at: int, chosen: NDArray[np.bool_], space: AnySpace, value: Any) -> None:
        """Write the arrays (M, *D) of the M slots that are chosen.

        Args:
            at: where in the ring the step goes.
            chosen: (B,) which slots.
            space: the space of M values.
            value: the arrays.

        Raises:
            SpaceValueError: they do not fit the space.
        """
        self._rows[at, chosen] = space.coerce(value, path=self._name)

    def write_one(self, at: int, slot: int, transition: Any) -> None:
        """Write the array (*D) of one slot.

        Raises:
            SpaceValueError: it does not fit the space.
        """
        value = transition
        for key in self.path:
            value = value[key]
        if not self._surely_fits(value):
            value = self.space.coerce(value, path=self._name)
        self._rows[at, slot] = value

    def _surely_fits(self, value: Any) -> bool:
        return (
            type(value) is np.ndarray
            and value.dtype is self._dtype
            and value.shape == self._shape
            and not self._is_text
            and (self._low is None or (value >= self._low).tobytes() == self._yes)
            and (self._high is None or (value <= self._high).tobytes() == self._yes)
        )

    def rows(self, start: int, count: int, slot: int | None) -> NDArray[Any]:
        """The rows (N, *D) of some steps: those of one slot, or of all, step by step.

        Args:
            start: the first step, counted round the ring.
            count: how many steps, at most T.
            slot: whose rows; None for those of all.
        """
        first = start % self._steps
        here = self._span(first, min(first + count, self._steps), slot)
        rest = count - (self._steps - first)
        return here if rest <= 0 else np.concatenate([here, self._span(0, rest, slot)])

    def _span(self, start: int, stop: int, slot: int | None) -> NDArray[Any]:
        if slot is None:
            return self._rows[start:stop].reshape(-1, *self._shape)
        return self._rows[start:stop, slot]


def write_steps(plans: Sequence[tuple[Any, ...]], at: int, parts: Any) -> None:
    """Write the arrays (B, *D) of several leaves, all of them members of one dict, or of one tuple.

    This is done at every step, so that it is one loop. Whatever it cannot tell, NaN for one, the space itself
    is asked, which takes ten times as long. What is within bounds is what limiting it leaves as it was: with
    few elements this is faster than to compare it twice.

    Args:
        plans: what `StagedLeaf.plan` gave.
        at: where in the ring the step goes.
        parts: the dict, or the tuple.

    Raises:
        SpaceValueError: a part does not fit its space.
    """
    array, at_least, at_most = np.ndarray, np.fmax, np.fmin  # of NaN and a bound, these take the bound
    for key, dtypes, shape, low, high, rows, write, seen in plans:
        value = parts[key]
        if seen and value is seen[0]:
            rows[at] = value
            continue
        if type(value) is not array or value.dtype not in dtypes or value.shape != shape:
            write(at, value)
            continue
        if low is None and high is None:
            rows[at] = value
        else:
            row = rows[at]
            bounded = value if low is None else at_least(value, low, row)
            if high is not None:
                at_most(bounded, high, row)
            if row.tobytes() != value.tobytes():
                write(at, value)
                continue
        if seen:
            seen[0] = value
