"""Spaces as JSON documents: nothing is lost, and everything wrong is told."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import requires_torch
from tests.unienv_interface.corpus import INF, SPACES, AnyBackend, AnySpace, box, full_box
from unienv_interface.backends import NumpyComputeBackend, load_backend
from unienv_interface.backends.dtypes import INTEGERS
from unienv_interface.errors import DocumentError, SpaceError
from unienv_interface.space import BoxSpace, DictSpace, TextSpace
from unienv_interface.space.space_utils.batch_utils import batch_space
from unienv_interface.space.space_utils.serialization_utils import json_to_space, space_to_json

N = NumpyComputeBackend


def through_text(space: AnySpace) -> Any:
    return json.loads(json.dumps(space_to_json(space), allow_nan=False))


@pytest.mark.parametrize("name", SPACES)
def test_document_gives_the_space_back(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    document = through_text(space)
    assert json_to_space(document, backend) == space
    assert through_text(json_to_space(document, backend)) == document
    on_device = json_to_space(document, backend, "cpu")
    assert on_device == space.to(device="cpu")
    batch = batch_space(space, 3)
    assert json_to_space(through_text(batch), backend) == batch


@pytest.mark.parametrize("name", SPACES)
def test_document_says_nothing_of_the_backend(name: str, backend: AnyBackend, other: AnyBackend) -> None:
    assert space_to_json(SPACES[name](backend)) == space_to_json(SPACES[name](other))
    assert json_to_space(space_to_json(SPACES[name](backend)), other) == SPACES[name](other)


@pytest.mark.parametrize("name", SPACES)
def test_document_fits_the_schema(name: str) -> None:
    validation = pytest.importorskip("unienv_data.schema.validation")
    validation.validate(through_text(SPACES[name](N)), "space", name)


def test_image_is_short() -> None:
    image = full_box(N, "uint8", (480, 640, 3))
    text = json.dumps(space_to_json(image))
    assert text == '{"type": "BoxSpace", "low": 0, "high": 255, "dtype": "uint8", "shape": [480, 640, 3]}'


def test_infinities_are_strings_and_uniform_axes_are_cut() -> None:
    space = box(N, [[0], [-INF]], INF, "float32", (2, 3))
    document = space_to_json(space)
    assert document["low"] == [[0.0], ["-Infinity"]]
    assert document["high"] == "Infinity"


@given(
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=4),
    st.sampled_from(["float16", "float32", "float64"]),
)
def test_floating_bounds_are_exact(bounds: list[float], dtype: str) -> None:
    with np.errstate(over="ignore"):
        low = np.array(bounds).astype(dtype)
    low[low == np.inf] = 0
    space = BoxSpace(N, low, np.inf, dtype=np.dtype(dtype))
    assert json_to_space(through_text(space)) == space
    assert (json_to_space(through_text(space)).low == low).all()


@given(st.data(), st.sampled_from(INTEGERS))
def test_integer_bounds_are_exact(data: st.DataObject, dtype: str) -> None:
    info = np.iinfo(dtype)
    bounds = st.integers(int(info.min), int(info.max))
    low, high = sorted([data.draw(bounds), data.draw(bounds)])
    space = box(N, low, high, dtype, (2,))
    document = through_text(space)
    assert (document["low"], document["high"]) == (low, high)
    assert json_to_space(document) == space
    uneven = box(N, [int(info.min), low], [high, int(info.max)], dtype)
    assert json_to_space(through_text(uneven)) == uneven
    assert uneven.bounds.full()[1].tolist() == [high, int(info.max)]


def test_float32_bounds_are_written_short() -> None:
    assert space_to_json(box(N, 0.1, 0.2, "float32", ()))["low"] == 0.1


@pytest.mark.parametrize("charset", [None, "", "ba", '\u00e9\ud800😀\x00"\\'])
def test_any_charset(charset: str | None) -> None:
    space = TextSpace(N, 3, charset=charset)
    assert json_to_space(through_text(space)) == space


# -- refusals --------------------------------------------------------------------------------------

BOX = {"type": "BoxSpace", "low": 0, "high": 1, "dtype": "float32", "shape": [2]}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (None, "$: expected an object, got None"),
        ([BOX], "$: expected an object, got [{"),
        ({}, "$.type: expected one of BatchedSpace, "),
        ({"type": "Box"}, "$.type: expected one of BatchedSpace, "),
        ({"type": ["BoxSpace"]}, "$.type: expected one of BatchedSpace, "),
        (BOX | {"extra": 1}, "$.extra: expected no such key"),
        (BOX | {"backend": "numpy"}, "$.backend: expected no such key"),
        ({key: BOX[key] for key in ("type", "low", "high", "dtype")}, "$.shape: missing"),
        (BOX | {"low": "0"}, "$.low: expected a finite number, 'Infinity' or '-Infinity', got '0'"),
        (BOX | {"low": float("-inf")}, "$.low: expected a finite number, "),
        (BOX | {"low": None}, "$.low: expected a finite number, "),
        (BOX | {"low": True}, "$.low: expected a finite number, "),
        (BOX | {"low": [0, "x"]}, "$.low[1]: expected a finite number, "),
        (BOX | {"low": [[0], [0, 1]]}, "$.low: expected evenly nested arrays of numbers, "),
        (BOX | {"low": [0, 0, 0]}, "$.low: expected what broadcasts to shape (2,), got shape (3,)"),
        (BOX | {"low": 2}, "$.low: expected at most high, got 2.0 > 1.0"),
        (BOX | {"low": 1e300, "high": "Infinity"}, "$.low: float32 cannot hold 1e+300"),
        (BOX | {"dtype": "int8", "low": 0.5}, "$.low: expected an integer, got 0.5"),
        (BOX | {"dtype": "int8", "low": 1.0}, "$.low: expected an integer, got 1.0"),
        (BOX | {"dtype": "int8", "high": "Infinity"}, "$.high: expected an integer, got 'Infinity'"),
        (BOX | {"dtype": "int8", "high": 128}, "$.high: int8 cannot hold 128"),
        (BOX | {"dtype": "complex64"}, "$.dtype: expected the name of a data type of NumpyComputeBackend"),
        (
            BOX | {"dtype": "bool", "low": False, "high": True},
            "$.dtype: expected an integer or floating type",
        ),
        (BOX | {"dtype": "f4"}, "$.dtype: expected the name"),
        (BOX | {"shape": 2}, "$.shape: expected an array, got 2"),
        (BOX | {"shape": [2.0]}, "$.shape[0]: expected an integer that is at least 0, got 2.0"),
        (BOX | {"shape": [-1]}, "$.shape[0]: expected an integer that is at least 0, got -1"),
        ({"type": "BinarySpace", "shape": [1], "dtype": "int8"}, "$.dtype: expected a boolean type"),
        ({"type": "DictSpace", "spaces": [BOX]}, "$.spaces: expected an object"),
        ({"type": "DictSpace", "spaces": {"a b": 3}}, '$.spaces["a b"]: expected an object, got 3'),
        ({"type": "TupleSpace", "spaces": {"a": BOX}}, "$.spaces: expected an array"),
        ({"type": "TupleSpace", "spaces": [BOX, BOX | {"low": 5}]}, "$.spaces[1].low: expected at most high"),
        (
            {"type": "TextSpace", "max_length": 1, "min_length": 2, "charset": None},
            "$.min_length: expected at most max_length 1, got 2",
        ),
        (
            {"type": "TextSpace", "max_length": 1, "min_length": 0, "charset": ["a"]},
            "$.charset: expected a string",
        ),
        (
            {"type": "BatchedSpace", "single_space": None, "batch_shape": []},
            "$.single_space: expected an object",
        ),
    ],
)
def test_what_is_wrong_is_told(document: Any, problem: str) -> None:
    with pytest.raises(DocumentError) as caught:
        json_to_space(document, source="here.json")
    assert caught.value.source == "here.json"
    assert any(found.startswith(problem) for found in caught.value.problems), caught.value.problems
    assert len(caught.value.problems) == len(set(caught.value.problems))


def test_every_problem_at_once() -> None:
    document = {
        "type": "DictSpace",
        "spaces": {
            "observation": BOX | {"low": "?", "shape": [-1]},
            "other": {"type": "TupleSpace", "spaces": [{"type": "?"}, {"type": "BinarySpace"}]},
        },
        "unknown": 0,
    }
    with pytest.raises(DocumentError) as caught:
        json_to_space(document)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "$.unknown",
        "$.spaces.observation.low",
        "$.spaces.observation.shape[0]",
        "$.spaces.other.spaces[0].type",
        "$.spaces.other.spaces[1].shape",
        "$.spaces.other.spaces[1].dtype",
    ]


def test_nesting_without_end() -> None:
    document: Any = BOX
    for _ in range(10_000):
        document = {"type": "TupleSpace", "spaces": [document]}
    with pytest.raises(DocumentError, match="nested too deeply"):
        json_to_space(document)


@requires_torch
def test_a_backend_without_the_type() -> None:
    torch_backend = load_backend("pytorch")
    space = box(torch_backend, 0, 1, "bfloat16", (2,))
    document = through_text(space)
    assert json_to_space(document, torch_backend) == space
    with pytest.raises(DocumentError, match=r"\$\.dtype: expected the name of a data type of Numpy"):
        json_to_space(document, N)
    with pytest.raises(SpaceError, match="dtype: expected one of"):
        space.to(N)


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(SpaceError, match="device: "):
        json_to_space(space_to_json(DictSpace(N, {})), N, "cuda")
