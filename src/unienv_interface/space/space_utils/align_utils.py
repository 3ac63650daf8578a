"""Spaces brought together by the names of their parts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import singledispatch
from types import MappingProxyType
from typing import Any, Final

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace, join_path
from unienv_interface.space.space_utils.least_spaces import least_space
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    DynamicBoxSpace,
    GraphSpace,
    TextSpace,
    TupleSpace,
    UnionSpace,
)
from unienv_interface.space.spaces.aliases import (
    AnyBatched,
    AnyBinary,
    AnyBox,
    AnyDict,
    AnyDynamicBox,
    AnyGraph,
    AnyText,
    AnyTuple,
    AnyUnion,
)

__all__ = ["ALIGNMENTS", "align_spaces"]

Keys = Sequence[Iterable[str]]


def _of_all(keys: Keys) -> list[str]:
    common = set(keys[0]).intersection(*keys[1:])
    return sorted(common)


def _of_any(keys: Keys) -> list[str]:
    return sorted(set().union(*keys))


ALIGNMENTS: Final[Mapping[str, Callable[[Keys], list[str]]]] = MappingProxyType(
    {"strict": _of_any, "intersect": _of_all, "union": _of_any}
)
"""From the keys that dicts have to those that they have once they are aligned, by the name of the manner."""


def align_spaces(spaces: Mapping[str, AnySpace], align: str = "strict") -> AnySpace:
    """The space of values of several spaces, once parts of the same name stand side by side.

    Parts of one name must be alike: of one kind, data type and shape, text and arrays of varying shape of any
    lengths. The aligned part has the bounds, lengths and characters of all, so that it holds every value of
    each. Alternatives of unions and what batched spaces hold have no names: these are compared as a whole.

    Args:
        spaces: what is aligned, at least one, by what errors call it.
        align: "strict": all must have the same parts. "intersect": what not all have is left out. "union":
            what any has is there.

    Raises:
        ValueError: `align` is none of these.
        SpaceError: the spaces differ, with every difference; or they have no part in common.

    Example:
        >>> from unienv_interface.backends import NumpyComputeBackend as numpy
        >>> low = DictSpace(numpy, {"x": BoxSpace(numpy, 0, 1, numpy.float32), "y": TextSpace(numpy, 3)})
        >>> high = DictSpace(numpy, {"x": BoxSpace(numpy, 1, 5, numpy.float32)})
        >>> print(align_spaces({"low": low, "high": high}, "intersect"))
        {'x': [0.0, 5.0] () float32}
    """
    if align not in ALIGNMENTS:
        raise ValueError(f"align: expected one of {', '.join(ALIGNMENTS)}, got {align!r}")
    if not spaces:
        raise SpaceError("spaces: expected at least one")
    (first_name, first), *others = spaces.items()
    for name, space in others:
        if (space.backend, space.device) != (first.backend, first.device):
            raise SpaceError(
                f"{name}: expected values of {_place(first)}, as {first_name} has, got {_place(space)}"
            )
    alignment = _Alignment(align)
    aligned = alignment.of(spaces)
    if alignment.problems:
        listed = "".join(f"\n- {problem}" for problem in alignment.problems)
        raise SpaceError(f"spaces to align ({align}) differ:{listed}")
    if aligned is None:
        raise SpaceError(f"spaces to align ({align}): {', '.join(spaces)} have no part in common")
    return aligned


class _Alignment:
    """One alignment, and what has been found to stand in its way.

    Args:
        align: a name in `ALIGNMENTS`.
    """

    def __init__(self, align: str) -> None:
        self.align = align
        self.problems: list[str] = []

    def of(self, spaces: Mapping[str, AnySpace], path: str = "") -> AnySpace | None:
        """The aligned space; None where nothing is left, or where problems have been found."""
        if all(isinstance(space, DictSpace) for space in spaces.values()):
            return self._of_dicts(spaces, path)
        lengths = {len(space) if isinstance(space, TupleSpace) else -1 for space in spaces.values()}
        if len(lengths) == 1 and lengths != {-1}:
            return self._of_tuples(spaces, path, lengths.pop())
        if not self._are_alike(spaces, path):
            return None
        return least_space(list(spaces.values()), path)

    def _of_dicts(self, spaces: Mapping[str, Any], path: str) -> AnySpace | None:
        keys = {name: set(space.keys()) for name, space in spaces.items()}
        parts = {}
        for key in ALIGNMENTS[self.align](list(keys.values())):
            place = join_path(path, key)
            having = {name: space[key] for name, space in spaces.items() if key in keys[name]}
            if self.align == "strict" and len(having) < len(spaces):
                lacking = [name for name in spaces if name not in having]
                self.problems.append(f"{place}: in {', '.join(having)}, and not in {', '.join(lacking)}")
                continue
            part = self.of(having, place)
            if part is not None:
                parts[key] = part
        if not parts and any(keys.values()):
            return None
        first = next(iter(spaces.values()))
        return DictSpace(first.backend, parts, None if parts else first.device)

    def _of_tuples(self, spaces: Mapping[str, Any], path: str, length: int) -> AnySpace | None:
        parts = [
            self.of({name: space[place] for name, space in spaces.items()}, join_path(path, place))
            for place in range(length)
        ]
        kept = [part for part in parts if part is not None]
        if len(kept) < length:  # a place has no name by which it could be left out
            if not self.problems:
                self.problems.append(f"{path or 'spaces'}: tuples of which a part has nothing in common")
            return None
        first = next(iter(spaces.values()))
        return TupleSpace(first.backend, kept, None if kept else first.device)

    def _are_alike(self, spaces: Mapping[str, AnySpace], path: str) -> bool:
        (first_name, first), *others = spaces.items()
        found = [f"{name} {_shown(space)}" for name, space in others if _frame(space) != _frame(first)]
        if found:
            place = f"{path}: " if path else ""
            self.problems.append(f"{place}{first_name} has {_shown(first)}, {', '.join(found)}")
        return not found


def _place(space: AnySpace) -> str:
    return f"{space.backend}" if space.device is None else f"{space.backend} on {space.device}"


def _shown(space: AnySpace) -> str:
    return f"{type(space).__name__} {space}"


# -- what spaces must agree in ---------------------------------------------------------------------


@singledispatch
def _frame(space: AnySpace) -> Hashable:
    """What is left of a space without bounds and lengths: in this, spaces must agree."""
    return space


@_frame.register(BoxSpace)
@_frame.register(BinarySpace)
def _(space: AnyBox | AnyBinary) -> Hashable:
    return type(space), space.device, space.dtype, space.shape


@_frame.register(DynamicBoxSpace)
def _(space: AnyDynamicBox) -> Hashable:
    return DynamicBoxSpace, space.device, space.dtype, len(space.shape_high), space.fill_value


@_frame.register(TextSpace)
def _(space: AnyText) -> Hashable:
    return TextSpace, space.device


@_frame.register(DictSpace)
def _(space: AnyDict) -> Hashable:
    return DictSpace, tuple((key, _frame(part)) for key, part in space.spaces.items())


@_frame.register(TupleSpace)
@_frame.register(UnionSpace)
def _(space: AnyTuple | AnyUnion) -> Hashable:
    return type(space), tuple(_frame(part) for part in space.spaces)


@_frame.register(BatchedSpace)
def _(space: AnyBatched) -> Hashable:
    return BatchedSpace, space.batch_shape, _frame(space.single_space)


@_frame.register(GraphSpace)
def _(space: AnyGraph) -> Hashable:
    features = (space.node_feature_space, space.edge_feature_space)
    frames = tuple(None if box is None else _frame(box) for box in features)
    return GraphSpace, space.device, space.is_edge, space.batch_shape, frames
