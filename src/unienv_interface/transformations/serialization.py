"""Transformations as JSON documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unienv_interface.errors import DocumentError, SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_reading import Problems
from unienv_interface.transformations.registry import (
    find_transformation,
    transformation_id,
    transformation_ids,
)
from unienv_interface.transformations.transformation import DataTransformation

__all__ = ["json_to_transformation", "read_transformation", "transformation_to_json"]


def transformation_to_json(
    transformation: DataTransformation, source_space: AnySpace | None = None
) -> dict[str, Any]:
    """A transformation as a strict JSON document: the id of its class, and its parameters.

    No backend is part of it. What reading the document gives has the same effect.

    Args:
        transformation: of a registered class.
        source_space: the space that it is used with, for those whose parameters depend on it.

    Raises:
        SpaceError: its class is not registered.
    """
    return {"type": transformation_id(type(transformation)), **transformation.serialize(source_space)}


def json_to_transformation(document: Any, *, source: str = "transformation") -> DataTransformation:
    """The transformation that `transformation_to_json` made into `document`.

    Args:
        document: what a JSON parser gives.
        source: where the document came from, for the message.

    Raises:
        DocumentError: the document is not of that form; lists every problem with its location
            (`$.transformations[2].new_low: ...`).
    """
    problems = Problems()
    try:
        transformation = read_transformation(document, problems)
    except RecursionError:
        raise DocumentError(source, ["$: nested too deeply"]) from None
    if transformation is None or problems.found:
        raise DocumentError(source, problems.found)
    return transformation


def read_transformation(document: Any, problems: Problems) -> DataTransformation | None:
    """The transformation at one place of a document, None where there are problems."""
    if not isinstance(document, Mapping):
        problems.add("an object", document)
        return None
    kind = document.get("type")
    cls = find_transformation(kind) if isinstance(kind, str) else None
    if cls is None:
        problems.at("type").add(f"one of {', '.join(transformation_ids())}", kind)
        return None
    try:
        return cls.deserialize_from(document)
    except DocumentError as exc:
        # Its locations begin at its own part of the document.
        problems.found.extend(
            problems.location + problem[1:] if problem.startswith("$") else f"{problems.location}: {problem}"
            for problem in exc.problems
        )
    except SpaceError as exc:
        problems.found.append(f"{problems.location}: {exc}")
    return None
