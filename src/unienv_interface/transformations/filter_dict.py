"""Some parts of dicts, without the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_reading import Problems, array_of, flag
from unienv_interface.space.spaces import DictSpace
from unienv_interface.transformations.documents import read_parameters, text
from unienv_interface.transformations.parts import (
    check_separator,
    dict_values,
    find_parts,
    key_list,
    located,
    with_parts,
)
from unienv_interface.transformations.planning import Plan, PlannedTransformation, same
from unienv_interface.transformations.registry import register_transformation

__all__ = [
    "DictExcludeKeyTransformation",
    "DictIncludeKeyTransformation",
    "FilterDictTransformation",
]

_OPTIONS = {"ignore_missing_keys": flag, "nested_separator": text}
_DEFAULTS = {"ignore_missing_keys": False, "nested_separator": "/"}


@register_transformation("filter_dict")
class FilterDictTransformation(PlannedTransformation):
    """The parts of a dict that are included and not excluded.

    A part is named by its path: the keys that lead to it, joined by `nested_separator`. Naming a dict
    names all that is in it; a dict that is not named itself is kept for the named parts in it. Nothing
    leads back.

    Args:
        include: paths of what is kept; None keeps everything.
        exclude: paths of what is left out.
        ignore_missing_keys: pass over parts that a space does not have; otherwise they are an error.
        nested_separator: what stands between the keys of a path.

    Attributes:
        include: as given, sorted.
        exclude: as given, sorted.
        ignore_missing_keys: as given.
        nested_separator: as given.
    """

    def __init__(
        self,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] = (),
        *,
        ignore_missing_keys: bool = False,
        nested_separator: str = "/",
    ) -> None:
        self.include = None if include is None else key_list("include", include)
        self.exclude = key_list("exclude", exclude)
        self.ignore_missing_keys = bool(ignore_missing_keys)
        self.nested_separator = check_separator(nested_separator)
        super().__init__()

    def _plan(self, source_space: AnySpace) -> Plan:
        if not isinstance(source_space, DictSpace):
            raise SpaceError(f"{type(self).__name__}: expected a DictSpace, got {source_space!r}")
        find_parts(
            source_space,
            (*(self.include or ()), *self.exclude),
            self.nested_separator,
            ignore_missing=self.ignore_missing_keys,
            only_dicts=True,
        )
        plan = self._kept(source_space, (), self.include is None)
        return plan or Plan(with_parts(source_space, {}), lambda data: {})

    def _kept(self, space: AnySpace, keys: tuple[str, ...], is_included: bool) -> Plan | None:
        """The plan of a part, None where it is left out."""
        path = self.nested_separator.join(keys)
        if keys and path in self.exclude:
            return None
        is_included = is_included or (bool(keys) and path in (self.include or ()))
        if not isinstance(space, DictSpace):
            return Plan(space, same) if is_included else None
        kept = {
            key: plan
            for key, part in space.spaces.items()
            if (plan := self._kept(part, (*keys, key), is_included)) is not None
        }
        if not kept and not is_included:
            return None
        if len(kept) == len(space) and all(plan.run is same for plan in kept.values()):
            return Plan(space, same)

        def run(data: Any) -> dict[str, Any]:
            with located(path):
                values = dict_values(space, data)
            return {key: plan.run(values[key]) for key, plan in kept.items()}

        return Plan(with_parts(space, {key: plan.target for key, plan in kept.items()}), run)

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {
            "include": None if self.include is None else list(self.include),
            "exclude": list(self.exclude),
            **self._options(),
        }

    def _options(self) -> dict[str, Any]:
        return {
            "ignore_missing_keys": self.ignore_missing_keys,
            "nested_separator": self.nested_separator,
        }

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        readers = {"include": _texts_or_none, "exclude": array_of(text), **_OPTIONS}
        return read_parameters(json_data, cls, readers, {"include": None, "exclude": [], **_DEFAULTS})


@register_transformation("dict_include_key")
class DictIncludeKeyTransformation(FilterDictTransformation):
    """Only the named parts of a dict: `FilterDictTransformation(include=enabled_keys)`.

    Args:
        enabled_keys: paths of what is kept.
        ignore_missing_keys: as of `FilterDictTransformation`.
        nested_separator: likewise.
    """

    def __init__(
        self,
        enabled_keys: Iterable[str],
        *,
        ignore_missing_keys: bool = False,
        nested_separator: str = "/",
    ) -> None:
        self.enabled_keys = key_list("enabled_keys", enabled_keys)
        super().__init__(
            self.enabled_keys, ignore_missing_keys=ignore_missing_keys, nested_separator=nested_separator
        )

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {"enabled_keys": list(self.enabled_keys), **self._options()}

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        return read_parameters(json_data, cls, {"enabled_keys": array_of(text), **_OPTIONS}, _DEFAULTS)


@register_transformation("dict_exclude_key")
class DictExcludeKeyTransformation(FilterDictTransformation):
    """A dict without the named parts: `FilterDictTransformation(exclude=excluded_keys)`.

    Args:
        excluded_keys: paths of what is left out.
        ignore_missing_keys: as of `FilterDictTransformation`.
        nested_separator: likewise.
    """

    def __init__(
        self,
        excluded_keys: Iterable[str],
        *,
        ignore_missing_keys: bool = False,
        nested_separator: str = "/",
    ) -> None:
        self.excluded_keys = key_list("excluded_keys", excluded_keys)
        super().__init__(
            exclude=self.excluded_keys,
            ignore_missing_keys=ignore_missing_keys,
            nested_separator=nested_separator,
        )

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {"excluded_keys": list(self.excluded_keys), **self._options()}

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        return read_parameters(json_data, cls, {"excluded_keys": array_of(text), **_OPTIONS}, _DEFAULTS)


def _texts_or_none(value: Any, problems: Problems) -> list[str] | None:
    return None if value is None else array_of(text)(value, problems)
