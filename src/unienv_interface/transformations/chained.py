"""One transformation after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_reading import array_of
from unienv_interface.transformations.documents import read_parameters
from unienv_interface.transformations.planning import Plan, PlannedTransformation, plan_of, same
from unienv_interface.transformations.registry import register_transformation
from unienv_interface.transformations.serialization import read_transformation, transformation_to_json
from unienv_interface.transformations.transformation import DataTransformation

__all__ = ["ChainedTransformation"]


@register_transformation("chained")
class ChainedTransformation(PlannedTransformation):
    """Transformations applied in order, each to what the one before it gives.

    It has an inverse where all of them have one; closing it closes them.

    Args:
        transformations: in order of application; none do nothing.

    Attributes:
        transformations: as given.
    """

    def __init__(self, transformations: Iterable[DataTransformation]) -> None:
        self.transformations = tuple(transformations)
        for position, transformation in enumerate(self.transformations):
            if not isinstance(transformation, DataTransformation):
                kind = type(transformation).__name__
                raise SpaceError(f"transformations[{position}]: expected a DataTransformation, got {kind}")
        self.has_inverse = all(transformation.has_inverse for transformation in self.transformations)
        super().__init__()

    def _plan(self, source_space: AnySpace) -> Plan:
        space, steps = source_space, []
        for transformation in self.transformations:
            plan = plan_of(transformation, space)
            space = plan.target
            steps.append(plan.run)
        if not steps:
            return Plan(space, same)

        def run(data: Any) -> Any:
            for step in steps:
                data = step(data)
            return data

        return Plan(space, run)

    def direction_inverse(self, source_space: AnySpace | None = None) -> ChainedTransformation | None:
        if not self.has_inverse:
            return None
        inverses = []
        for transformation, space in self._with_spaces(source_space):
            inverse = transformation.direction_inverse(space)
            if inverse is None:
                return None
            inverses.append(inverse)
        return ChainedTransformation(reversed(inverses))

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        documents = [transformation_to_json(*pair) for pair in self._with_spaces(source_space)]
        return {"transformations": documents}

    def _with_spaces(
        self, source_space: AnySpace | None
    ) -> Iterable[tuple[DataTransformation, AnySpace | None]]:
        """Each transformation with the space that it starts from, None where that is not known."""
        space = source_space
        for transformation in self.transformations:
            yield transformation, space
            if space is not None:
                space = transformation.get_target_space_from_source(space)

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        return read_parameters(json_data, cls, {"transformations": array_of(read_transformation)})

    def close(self) -> None:
        for transformation in self.transformations:
            transformation.close()
