"""JSON documents against the JSON Schemas that ship with the package: every problem, each with its place.

The schemas (`schemas/*.schema.json`, Draft 2020-12) refer to one another by file name. They are package
resources where the package is installed; in a checkout they stand at its top.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unienv_data.errors import DocumentError

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

__all__ = ["load_schema", "validate"]

_SUFFIX = ".schema.json"
_LONGEST_INSTANCE = 60


def validate(document: Any, schema: str, source: str) -> None:
    """Check a document against one of the schemas.

    Numbers must be finite, and integers be written as such: what strict JSON can say.

    Args:
        document: what a JSON parser gives.
        schema: "dataset" for a commit, "space" for a space.
        source: the file or object that the document came from, for the message.

    Raises:
        DocumentError: it breaks the schema; the error lists every problem with its location
            (`$.space.spaces.image.shape[2]: ...`).
    """
    try:
        errors = sorted(_validator(schema).iter_errors(document), key=_place)
    except RecursionError:
        raise DocumentError(source, ["$: nested too deeply"]) from None
    problems = [problem for error in errors for problem in _problems_of(error)]
    if problems:
        raise DocumentError(source, list(dict.fromkeys(problems)))


def load_schema(name: str) -> dict[str, Any]:
    """The schema called `name` ("dataset", "space"), as a document.

    Raises:
        KeyError: there is none of that name.
    """
    file = _schema_folder() / (name + _SUFFIX)
    if not file.is_file():
        raise KeyError(f"no schema is called {name!r}")
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def _schema_folder() -> Traversable:
    installed = resources.files("unienv_data") / "schemas"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "schemas"


@lru_cache(maxsize=8)
def _validator(schema: str) -> Validator:
    # Imported here: it takes longer than all the rest of the package, and only documents need it.
    from jsonschema import Draft202012Validator, validators
    from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY, SchemaRegistry

    names = [file.name for file in _schema_folder().iterdir() if file.name.endswith(_SUFFIX)]
    documents = {name: load_schema(name.removesuffix(_SUFFIX)) for name in names}
    for document in documents.values():
        # By its "$schema" jsonschema would choose a validator of its own, with laxer types.
        del document["$schema"]
    registry: SchemaRegistry = EMPTY_REGISTRY.with_resources(
        (name, DRAFT202012.create_resource(document)) for name, document in documents.items()
    )
    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": lambda _, value: _is_integer(value), "number": lambda _, value: _is_number(value)}
    )
    extend: Callable[..., type[Validator]] = validators.extend
    strict = extend(Draft202012Validator, type_checker=checker)
    return strict(documents[schema + _SUFFIX], registry=registry)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _problems_of(error: ValidationError) -> Iterator[str]:
    """What an error says, and where; of alternatives, only what the one that was meant lacks."""
    meant = _meant_alternative(error)
    if meant:
        for inner in meant:
            yield from _problems_of(inner)
    else:
        yield f"{_location(error.absolute_path)}: {_message(error)}"


def _meant_alternative(error: ValidationError) -> list[ValidationError]:
    """The errors of the only alternative whose type the instance has; none where that is not told."""
    alternatives: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        alternatives.setdefault(inner.relative_schema_path[0], []).append(inner)
    of_the_type = [
        errors
        for errors in alternatives.values()
        if not any(inner.validator in ("type", "const") and not inner.relative_path for inner in errors)
    ]
    return of_the_type[0] if len(of_the_type) == 1 else []


def _location(path: Iterable[str | int]) -> str:
    steps = []
    for step in path:
        if isinstance(step, str) and step.isidentifier():
            steps.append(f".{step}")
        else:
            steps.append(f"[{json.dumps(step, ensure_ascii=False)}]")
    return "$" + "".join(steps)


def _place(error: ValidationError) -> list[tuple[int, str]]:
    """Sorts errors by where they are: items in order, keys by name."""
    return [(step, "") if isinstance(step, int) else (-1, step) for step in error.absolute_path]


def _message(error: ValidationError) -> str:
    instance = repr(error.instance)
    types = [inner.validator_value for inner in error.context or () if inner.validator == "type"]
    message = error.message
    if types and len(types) == len(error.context):
        message = f"{instance} is not of type {' or '.join(map(repr, types))}"
    if len(instance) <= _LONGEST_INSTANCE:
        return message
    return message.replace(instance, _abbreviated(error.instance, instance))


def _abbreviated(instance: Any, text: str) -> str:
    if isinstance(instance, Mapping):
        return f"an object of {len(instance)} keys"
    if isinstance(instance, list):
        return f"an array of {len(instance)} items"
    return text[: _LONGEST_INSTANCE - 4] + "..." + text[-1]
