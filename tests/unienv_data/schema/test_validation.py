"""Documents against the shipped schemas: every problem at once, each with its place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from unienv_data.errors import DocumentError
from unienv_data.schema.validation import load_schema, validate

BOX = {"type": "BoxSpace", "shape": [3], "dtype": "float32", "low": "-Infinity", "high": [1, 2.5, "Infinity"]}
SPACES: dict[str, dict[str, Any]] = {
    "box": BOX,
    "binary": {"type": "BinarySpace", "shape": [], "dtype": "bool"},
    "dynamic box": {
        "type": "DynamicBoxSpace",
        "shape_low": [0, 3],
        "shape_high": [7, 3],
        "dtype": "int64",
        "low": [[0, 1, 2]],
        "high": 9,
        "fill_value": -1,
    },
    "dict": {"type": "DictSpace", "spaces": {"a": BOX, "b c": {"type": "TupleSpace", "spaces": []}}},
    "empty dict": {"type": "DictSpace", "spaces": {}},
    "tuple": {"type": "TupleSpace", "spaces": [BOX, BOX]},
    "union": {"type": "UnionSpace", "spaces": [BOX]},
    "text": {"type": "TextSpace", "min_length": 0, "max_length": 4, "charset": "abc"},
    "any text": {"type": "TextSpace", "min_length": 0, "max_length": 4, "charset": None},
    "graph": {
        "type": "GraphSpace",
        "node_feature_space": BOX,
        "edge_feature_space": None,
        "is_edge": True,
        "min_nodes": 1,
        "max_nodes": None,
        "min_edges": 0,
        "max_edges": 7,
        "batch_shape": [2],
    },
    "batched": {"type": "BatchedSpace", "batch_shape": [2, 3], "single_space": BOX},
}


def problems(document: Any, schema: str = "space") -> list[str]:
    with pytest.raises(DocumentError) as caught:
        validate(document, schema, "dataset.zarr/metadata.json")
    assert caught.value.source == "dataset.zarr/metadata.json"
    assert str(caught.value).startswith("dataset.zarr/metadata.json: $")
    return list(caught.value.problems)


@pytest.mark.parametrize("name", SPACES)
def test_spaces_pass(name: str) -> None:
    validate(SPACES[name], "space", "here")


@pytest.mark.parametrize("name", SPACES)
def test_every_key_of_a_space_is_needed_and_no_other_allowed(name: str) -> None:
    space = SPACES[name]
    for key in space:
        less = {other: value for other, value in space.items() if other != key}
        assert problems(less) == [f"$: {key!r} is a required property"]
    assert problems({**space, "extra": 1}) == [
        "$: Additional properties are not allowed ('extra' was unexpected)"
    ]


@pytest.mark.parametrize("name", SPACES)
def test_every_value_of_a_space_is_typed(name: str) -> None:
    wrong: Any
    for key in SPACES[name]:
        for wrong in (1.5, {}, "bad"):
            if (key in ("fill_value", "low", "high") and wrong == 1.5) or (
                key == "charset" and wrong == "bad"
            ):
                continue
            if key == "spaces" and wrong == {} and name.endswith("dict"):
                continue
            found = problems({**SPACES[name], key: wrong})
            assert all(problem.startswith(f"$.{key}: ") for problem in found), found


def test_every_problem_comes_at_once_in_order_with_its_place() -> None:
    document = {
        "type": "DictSpace",
        "spaces": {
            "z": {**BOX, "dtype": "complex64"},
            "a b": {**BOX, "shape": [1, -1, 2.0], "extra": 0},
            "inner": {"type": "TupleSpace", "spaces": [BOX, {"type": "Box"}, 3]},
        },
    }
    found = problems(document)
    assert [problem.split(": ")[0] for problem in found] == [
        '$.spaces["a b"]',
        '$.spaces["a b"].shape[1]',
        '$.spaces["a b"].shape[2]',
        "$.spaces.inner.spaces[1].type",
        "$.spaces.inner.spaces[2]",
        "$.spaces.z.dtype",
    ]
    assert found[1].endswith("-1 is less than the minimum of 0")
    assert found[2].endswith("2.0 is not of type 'integer'")
    assert "'Box' is not one of ['BatchedSpace', " in found[3]


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), float("-inf"), "inf", "-infinity", "NaN", None]
)
def test_numbers_are_finite_or_spelled(value: Any) -> None:
    assert problems({**BOX, "low": [0, value, 0]})[0].startswith("$.low[1]: ")
    assert problems({**BOX, "high": value})[0].startswith("$.high: ")


def test_of_alternatives_only_the_one_meant_is_spoken_of() -> None:
    graph = SPACES["graph"]
    assert problems({**graph, "node_feature_space": {**BOX, "dtype": "x", "more": 1}})[1].startswith(
        "$.node_feature_space.dtype: 'x' is not one of"
    )
    assert problems({**graph, "node_feature_space": 3}) == [
        "$.node_feature_space: 3 is not of type 'null' or 'object'"
    ]


def test_long_values_are_abbreviated() -> None:
    assert problems({**BOX, "shape": {str(number): 0 for number in range(999)}}) == [
        "$.shape: an object of 999 keys is not of type 'array'"
    ]
    assert problems({**BOX, "dtype": list(range(999))})[0].startswith("$.dtype: an array of 999 items is not")
    (long,) = problems({**BOX, "dtype": "x" * 999})
    assert long.startswith("$.dtype: 'xxx")
    assert "xxx...' is not one of" in long
    assert len(long) < 300


def test_deep_nesting_is_a_problem_and_no_crash() -> None:
    document: dict[str, Any] = BOX
    for _ in range(2000):
        document = {"type": "TupleSpace", "spaces": [document]}
    assert problems(document) == ["$: nested too deeply"]


@pytest.mark.parametrize("document", [None, 3, "space", [], {}])
def test_what_is_no_space_at_all(document: Any) -> None:
    assert problems(document)


def test_dataset_schema_refers_to_the_space_schema() -> None:
    found = problems({"space": {**BOX, "dtype": "x"}}, "dataset")
    assert "$: 'uuid' is a required property" in found
    assert any(problem.startswith("$.space.dtype: 'x' is not one of") for problem in found)


@pytest.mark.parametrize("name", ["space", "dataset"])
def test_schemas_are_schemas_whose_references_resolve(name: str) -> None:
    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"{name}.schema.json"
    folder = Path(__file__).parents[3] / "schemas"
    for reference in re.findall(r'"\$ref": "([^"]*)"', json.dumps(schema)):
        file, _, pointer = reference.partition("#")
        target = json.loads((folder / file).read_text(encoding="utf-8")) if file else schema
        for step in pointer.strip("/").split("/"):
            target = target[step] if step else target
        assert target


def test_unknown_schema_is_refused() -> None:
    for name in ("nothing", "../pyproject", "space.schema.json"):
        with pytest.raises(KeyError, match=re.escape(name)):
            load_schema(name)
        with pytest.raises(KeyError, match=re.escape(name)):
            validate({}, name, "here")


def test_jsonschema_is_imported_only_for_documents() -> None:
    code = (
        "import sys; import unienv_data, unienv_data.schema.validation;"
        "sys.exit('jsonschema' in sys.modules or 'referencing' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
