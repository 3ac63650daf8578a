"""Transformations that work out once a space what they do to its values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from unienv_interface.space.space import AnySpace
from unienv_interface.transformations.transformation import DataTransformation

__all__ = ["Plan", "PlannedTransformation", "leads_back", "plan_of", "same"]

# A transformation sees the space of single values and that of batches; few see more.
_MOST_PLANS = 16


@dataclass(frozen=True)
class Plan:
    """What a transformation does to the values of one space.

    Attributes:
        target: the space of the results.
        run: gives the result for a value, or a batch of values.
    """

    target: AnySpace
    run: Callable[[Any], Any]


def same(data: Any) -> Any:
    """`data` as it is."""
    return data


def plan_of(transformation: DataTransformation, source_space: AnySpace) -> Plan:
    """The plan of any transformation."""
    if isinstance(transformation, PlannedTransformation):
        return transformation.plan(source_space)
    target = transformation.get_target_space_from_source(source_space)
    return Plan(target, partial(transformation.transform, source_space))


def leads_back(
    transformation: DataTransformation, inverse: DataTransformation, source_space: AnySpace
) -> bool:
    """Whether `inverse` goes from the target space of a transformation to exactly its source space."""
    target = transformation.get_target_space_from_source(source_space)
    return inverse.get_target_space_from_source(target) == source_space


class PlannedTransformation(DataTransformation):
    """A transformation that is described by its plan for a space, made when first needed and kept.

    Subclasses call `super().__init__()` last: from then on attributes cannot be set, so that plans
    stay true.
    """

    def __init__(self) -> None:
        self._plans: dict[AnySpace, Plan] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if "_plans" in self.__dict__:
            raise AttributeError(f"{type(self).__name__} is immutable: cannot set {name!r}")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot delete {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_plans": {}}

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.serialize().items())
        return f"{type(self).__name__}({shown})"

    @abstractmethod
    def _plan(self, source_space: AnySpace) -> Plan:
        """Work out what is done to the values of a space.

        Raises:
            SpaceError: the transformation does not apply to them.
        """

    def plan(self, source_space: AnySpace) -> Plan:
        """What is done to the values of a space.

        Raises:
            SpaceError: the transformation does not apply to them.
        """
        plan = self._plans.get(source_space)
        if plan is None:
            plan = self._plan(source_space)
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[source_space] = plan
        return plan

    def get_target_space_from_source(self, source_space: AnySpace) -> AnySpace:
        return self.plan(source_space).target

    def transform(self, source_space: AnySpace, data: Any) -> Any:
        return self.plan(source_space).run(data)
