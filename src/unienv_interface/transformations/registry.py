"""The transformations that documents can name, by string ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from unienv_interface.errors import SpaceError
from unienv_interface.transformations.transformation import DataTransformation

__all__ = ["find_transformation", "register_transformation", "transformation_id", "transformation_ids"]

TransformationT = TypeVar("TransformationT", bound=type[DataTransformation])

_CLASSES: dict[str, type[DataTransformation]] = {}


def register_transformation(type_id: str) -> Callable[[TransformationT], TransformationT]:
    """Let documents name a class of transformations: a class decorator.

    Nothing that a document says is imported: a class can be read once the module that registers it has
    been imported.

    Args:
        type_id: what documents call it; the ids of other packages had better begin with their name,
            as in "mypackage.blur".

    Raises:
        ValueError: the id belongs to another class, or the class has another id.

    Example:
        >>> from unienv_interface.transformations import IdentityTransformation, register_transformation
        >>> @register_transformation("example.nothing")
        ... class Nothing(IdentityTransformation):
        ...     '''Does nothing, under another name.'''
        >>> from unienv_interface.transformations import transformation_to_json
        >>> transformation_to_json(Nothing())
        {'type': 'example.nothing'}
    """
    if not type_id:
        raise ValueError(f"type_id: expected a string that is not empty, got {type_id!r}")

    def register(cls: TransformationT) -> TransformationT:
        taken = _CLASSES.get(type_id, cls)
        if taken is not cls:
            raise ValueError(f"type_id: {type_id!r} belongs to {taken.__qualname__} of {taken.__module__}")
        others = [other for other, known in _CLASSES.items() if known is cls and other != type_id]
        if others:
            raise ValueError(f"type_id: {cls.__qualname__} is registered as {others[0]!r} already")
        _CLASSES[type_id] = cls
        return cls

    return register


def transformation_id(cls: type[DataTransformation]) -> str:
    """What documents call a class.

    Raises:
        SpaceError: it is not registered; a registered parent does not count, since the class may do
            something else.
    """
    for type_id, known in _CLASSES.items():
        if known is cls:
            return type_id
    raise SpaceError(
        f"{cls.__qualname__} of {cls.__module__} has no id: decorate it with register_transformation"
    )


def transformation_ids() -> list[str]:
    """All ids, sorted."""
    return sorted(_CLASSES)


def find_transformation(type_id: str) -> type[DataTransformation] | None:
    """The class of that id, None where there is none."""
    return _CLASSES.get(type_id)
