"""Nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from unienv_interface.space.space import AnySpace
from unienv_interface.transformations.documents import read_parameters
from unienv_interface.transformations.registry import register_transformation
from unienv_interface.transformations.transformation import DataTransformation

__all__ = ["IdentityTransformation"]


@register_transformation("identity")
class IdentityTransformation(DataTransformation):
    """Gives back what it is given, for every space."""

    has_inverse = True

    def get_target_space_from_source(self, source_space: AnySpace) -> AnySpace:
        return source_space

    def transform(self, source_space: AnySpace, data: Any) -> Any:
        return data

    def direction_inverse(self, source_space: AnySpace | None = None) -> IdentityTransformation:
        return self

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {}

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        return read_parameters(json_data, cls, {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
