"""The schema of spaces and the code that writes and reads them agree."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unienv_interface.corpus import SPACES
from unienv_data.errors import DocumentError
from unienv_data.schema.validation import load_schema, validate
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space.space_utils.serialization_utils import json_to_space, space_to_json

WRONG: list[Any] = [
    None,
    True,
    -1,
    1.5,
    "nonsense",
    [],
    {},
    float("inf"),
    float("nan"),
    [[-1]],
    {"type": "BoxSpace"},
]


def document_of(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        json.dumps(space_to_json(SPACES[name](NumpyComputeBackend)), allow_nan=False)
    )
    return document


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    for key, value in list(document.items() if isinstance(document, dict) else enumerate(document)):
        yield document, key
        if isinstance(value, dict | list):
            yield from places(value)


def mutations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The document with one key missing, one more, or one value replaced, at every place."""
    for number in range(len(list(places(document)))):
        for wrong in WRONG:
            twin = copy.deepcopy(document)
            container, key = list(places(twin))[number]
            if type(container[key]) is type(wrong) and wrong == container[key]:
                continue
            container[key] = wrong
            yield twin
        twin = copy.deepcopy(document)
        container, key = list(places(twin))[number]
        if isinstance(container, dict):
            del container[key]
            yield twin
            container["unexpected"] = 0
            yield twin


def is_valid(document: Any) -> bool:
    try:
        validate(document, "space", "here")
    except DocumentError:
        return False
    return True


def is_readable(document: Any) -> bool:
    try:
        json_to_space(document)
    except DocumentError:
        return False
    return True


@pytest.mark.parametrize("name", SPACES)
def test_every_space_is_written_as_the_schema_says(name: str) -> None:
    validate(document_of(name), "space", name)


@pytest.mark.parametrize("name", SPACES)
def test_what_the_schema_refuses_is_not_read(name: str) -> None:
    refused = [twin for twin in mutations(document_of(name)) if not is_valid(twin)]
    assert refused
    assert [twin for twin in refused if is_readable(twin)] == []


def test_every_kind_of_space_is_in_the_schema() -> None:
    kinds = {type(make(NumpyComputeBackend)).__name__ for make in SPACES.values()}
    schema = load_schema("space")
    described = {
        rule["properties"]["type"]["const"] for rule in schema["$defs"].values() if "properties" in rule
    }
    assert kinds <= described == set(schema["properties"]["type"]["enum"])
    assert {rule["if"]["properties"]["type"]["const"] for rule in schema["allOf"]} == described
