"""The parts of composed spaces and their values, by paths such as `observation/state`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces import DictSpace, TupleSpace
from unienv_interface.space.spaces.values import describe
from unienv_interface.transformations.planning import Plan

__all__ = [
    "check_separator",
    "dict_values",
    "find_parts",
    "key_list",
    "located",
    "named_parts",
    "plan_parts",
    "with_parts",
]


def check_separator(separator: Any) -> str:
    """What stands between the keys of a path.

    Raises:
        SpaceError: it is no string, or empty.
    """
    if not isinstance(separator, str) or not separator:
        raise SpaceError(f"nested_separator: expected a string that is not empty, got {separator!r}")
    return separator


def key_list(argument: str, keys: Any) -> tuple[str, ...]:
    """Paths that a caller gave, sorted, each once.

    Raises:
        SpaceError: they are no strings, or one string, which would be taken letter by letter.
    """
    if isinstance(keys, str) or not isinstance(keys, Iterable):
        raise SpaceError(f"{argument}: expected several keys, got {keys!r}")
    found = list(keys)
    for key in found:
        if not isinstance(key, str):
            raise SpaceError(f"{argument}: expected strings, got {key!r}")
    return tuple(sorted(set(found)))


def named_parts(space: AnySpace) -> Mapping[str, AnySpace] | None:
    """The parts of a dict by their keys, of a tuple by their positions; None for other spaces."""
    if isinstance(space, DictSpace):
        return space.spaces
    if isinstance(space, TupleSpace):
        return {str(position): part for position, part in enumerate(space.spaces)}
    return None


def with_parts(space: AnySpace, parts: Mapping[str, AnySpace]) -> AnySpace:
    """A dict or tuple like `space` of other parts."""
    if isinstance(space, TupleSpace):
        return TupleSpace(space.backend, parts.values(), None if parts else space.device)
    return DictSpace(space.backend, parts, None if parts else space.device)


def dict_values(space: AnySpace, data: Any) -> Mapping[str, Any]:
    """The parts of a value of a dict or tuple, by name.

    Raises:
        SpaceValueError: `data` does not have these parts.
    """
    if isinstance(space, TupleSpace):
        if not isinstance(data, tuple | list) or len(data) != len(space):
            raise SpaceValueError("", f"tuple of {len(space)} values", describe(data))
        return {str(position): value for position, value in enumerate(data)}
    keys = list(named_parts(space) or ())
    if not isinstance(data, Mapping):
        raise SpaceValueError("", f"mapping with keys {keys}", describe(data))
    if data.keys() != set(keys):
        raise SpaceValueError("", f"keys {keys}", f"keys {sorted(data, key=str)}")
    return data


@contextmanager
def located(path: str) -> Iterator[None]:
    """Put `path` before what errors of spaces and values say."""
    try:
        yield
    except SpaceValueError as exc:
        inner = f"{path}/{exc.path}" if exc.path else path
        raise type(exc)(inner, exc.expected, exc.actual) from exc
    except SpaceError as exc:
        raise SpaceError(f"{path}: {exc}" if path else str(exc)) from exc


def find_parts(
    space: AnySpace,
    paths: Iterable[str],
    separator: str,
    *,
    ignore_missing: bool,
    only_dicts: bool = False,
) -> dict[str, AnySpace]:
    """The parts of a space at some paths.

    The path of a part is its keys and positions joined by the separator. A space without parts has the
    path "" itself.

    Args:
        space: a space of any kind.
        paths: paths of parts, at any depth.
        separator: what stands between the keys of a path.
        ignore_missing: leave out parts that are not there.
        only_dicts: do not look into tuples.

    Raises:
        SpaceError: a part is not there, or two have the same path.
    """
    wanted = set(paths)
    found: dict[str, AnySpace] = {}
    known: list[str] = []

    def visit(part: AnySpace, keys: tuple[str, ...]) -> None:
        children = None if only_dicts and not isinstance(part, DictSpace) else named_parts(part)
        if keys or children is None:
            path = separator.join(keys)
            known.append(path)
            if path in wanted:
                if path in found:
                    raise SpaceError(f"{path}: two parts have this path; choose another nested_separator")
                found[path] = part
        for key, child in (children or {}).items():
            visit(child, (*keys, key))

    visit(space, ())
    missing = sorted(wanted - found.keys())
    if missing and not ignore_missing:
        raise SpaceError(f"expected parts {missing}, got a space with {known}")
    return found


def plan_parts(space: AnySpace, plans: Mapping[str, Plan], separator: str) -> Plan | None:
    """The plan that does to some parts of a space what their own plans say, and nothing to others.

    Args:
        space: a space of any kind.
        plans: plan of each part, by its path as in `find_parts`; no path leads into another's part.
        separator: what stands between the keys of a path.

    Returns:
        The plan, None where it does nothing.
    """

    def build(part: AnySpace, keys: tuple[str, ...]) -> Plan | None:
        children = named_parts(part)
        path = separator.join(keys)
        if path in plans and (keys or children is None):
            return _located_plan(plans[path], path)
        if children is None:
            return None
        changed = {key: plan for key, child in children.items() if (plan := build(child, (*keys, key)))}
        return _composed_plan(part, children, changed, path) if changed else None

    return build(space, ())


def _located_plan(plan: Plan, path: str) -> Plan:
    def run(data: Any) -> Any:
        with located(path):
            return plan.run(data)

    return Plan(plan.target, run) if path else plan


def _composed_plan(
    space: AnySpace, parts: Mapping[str, AnySpace], changed: Mapping[str, Plan], path: str
) -> Plan:
    targets = {key: changed[key].target if key in changed else part for key, part in parts.items()}
    is_tuple = isinstance(space, TupleSpace)

    def run(data: Any) -> Any:
        try:
            values = dict_values(space, data)
        except SpaceValueError as exc:
            raise SpaceValueError(path, exc.expected, exc.actual) from None
        results = {key: changed[key].run(values[key]) if key in changed else values[key] for key in parts}
        return tuple(results.values()) if is_tuple else results

    return Plan(with_parts(space, targets), run)
