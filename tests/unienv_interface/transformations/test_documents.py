"""Transformations as JSON: what is refused, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pytest

from tests.unienv_interface.corpus import AnyBackend, AnySpace, box
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import DocumentError, SpaceError
from unienv_interface.space import DictSpace
from unienv_interface.transformations import (
    ChainedTransformation,
    DataTransformation,
    IdentityTransformation,
    NormalizeTransformation,
    RescaleTransformation,
    json_to_transformation,
    register_transformation,
    transformation_ids,
    transformation_to_json,
)


def problems_of(document: Any, source: str = "pipeline.json") -> list[str]:
    with pytest.raises(DocumentError) as caught:
        json_to_transformation(document, source=source)
    assert caught.value.source == source
    return list(caught.value.problems)


def test_a_document_by_hand_may_leave_out_what_has_a_default() -> None:
    document = {
        "type": "chained",
        "transformations": [
            {"type": "dict", "mapping": {"image": {"type": "image_to_float"}}},
            {"type": "normalize", "statistics": {"state": {"mean": [0, 1], "std": 2, "max": 3}}},
            {"type": "filter_dict", "exclude": ["image"]},
            {"type": "unflatten_dict"},
        ],
    }
    transformation = json_to_transformation(document)
    b = NumpyComputeBackend
    space = DictSpace(
        b, {"image": box(b, 0, 255, "uint8", (4, 4, 3)), "state": box(b, 0, 4, "float32", (2,))}
    )
    value = {"image": np.zeros((4, 4, 3), dtype=np.uint8), "state": np.array([1, 2], dtype=np.float32)}
    assert transformation.transform(space, value)["state"].tolist() == [0.5, 0.5]


def test_every_problem_is_told_with_its_place() -> None:
    document = {
        "type": "chained",
        "transformations": [
            {"type": "rescale", "new_low": "zero", "new_high": [1, [2]], "new_dtype": "float12", "more": 1},
            {"type": "no.such"},
            7,
            {"type": "rescale", "new_low": 3, "new_high": 2},
            {
                "type": "dict",
                "mapping": {
                    "a": {"type": "crop", "height": 0, "width": -1},
                    "b c": {"type": "image_resize", "new_height": 1},
                },
                "ignore_missing_keys": "no",
            },
            {
                "type": "normalize",
                "statistics": {
                    "a": {"mean": [1, 2], "std": -1},
                    "b": {"mean": 0},
                    "c": {"mean": None, "std": 1, "other": 2},
                },
                "mode": "mean_std",
                "epsilon": "Infinity",
            },
        ],
        "comment": "",
    }
    found = problems_of(document)
    assert all(problem.startswith("$") for problem in found)
    places = [problem.partition(": ")[0] for problem in found]
    assert places == [
        "$.comment",
        "$.transformations[0].more",
        "$.transformations[0].new_low",
        "$.transformations[0].new_high",
        "$.transformations[0].new_dtype",
        "$.transformations[1].type",
        "$.transformations[2]",
        "$.transformations[3].new_low",
        "$.transformations[4].mapping.a.width",
        '$.transformations[4].mapping["b c"].new_width',
        "$.transformations[4].ignore_missing_keys",
        "$.transformations[5].statistics.c.mean",
        "$.transformations[5].statistics.c.other",
    ]
    assert "expected at most new_high, got 3 > 2" in found[7]
    assert "expected one of " + ", ".join(transformation_ids()) in found[5]


def test_every_column_at_odds_is_told() -> None:
    found = problems_of(
        {
            "type": "normalize",
            "statistics": {"a": {"mean": [1, 2], "std": -1}, "b": {"mean": 0}, "c": {"mean": 0, "std": 1}},
            "mode": {"a": "mean_std", "b": "mean_std", "z": "quantile"},
        }
    )
    assert found == [
        "$.statistics: a/std: expected at least 0, got -1.0",
        "$.statistics: b: mean_std needs mean, std, got ['mean']",
        "$.statistics.z: missing",
    ]
    found = problems_of({"type": "normalize", "statistics": {"a": {"mean": 1, "std": 1}}, "mode": {"a": "x"}})
    assert found == ["$.mode.a: expected one of mean_std, min_max, quantile, got 'x'"]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (None, "$: expected an object, got None"),
        ([], "$: expected an object, got []"),
        ({}, "$.type: expected one of"),
        ({"type": ["identity"]}, "$.type: expected one of"),
        ({"type": "identity", "x": 1}, "$.x: expected no such key"),
        ({"type": "chained"}, "$.transformations: missing"),
        ({"type": "chained", "transformations": {}}, "$.transformations: expected an array"),
        ({"type": "dict", "mapping": []}, "$.mapping: expected an object"),
        (
            {"type": "dict", "mapping": {"a": {"type": "identity"}, "a/b": {"type": "identity"}}},
            "$.mapping: 'a/b'",
        ),
        ({"type": "filter_dict", "include": "abc"}, "$.include: expected an array"),
        ({"type": "dict_include_key", "enabled_keys": [1]}, "$.enabled_keys[0]: expected a string"),
        (
            {"type": "flatten_dict", "nested_separator": ""},
            "$.nested_separator: expected a string that",
        ),
        ({"type": "rescale", "new_low": 0, "new_high": "Infinity"}, "$.new_high: expected finite numbers"),
        ({"type": "rescale", "new_low": True, "new_high": 2}, "$.new_low: expected a finite number"),
        ({"type": "rescale", "new_low": [0, 0, 1], "new_high": [2, 3]}, "$.new_low: expected shapes"),
        ({"type": "crop", "height": 1, "width": 1, "layout": "X"}, "$.layout: expected one of CHW, HW, HWC"),
        ({"type": "image_resize", "new_height": 2, "new_width": 0}, "$.new_width: expected an integer that"),
        ({"type": "image_to_float", "dtype": "uint8"}, "$.dtype: expected one of float16"),
        ({"type": "float_to_image", "layout": "HW"}, "$.layout: expected as many axes"),
        ({"type": "normalize", "statistics": []}, "$.statistics: expected an object"),
        (
            {"type": "normalize", "statistics": {}, "epsilon": -1},
            "$.epsilon: expected a number that",
        ),
        (
            {
                "type": "denormalize",
                "statistics": {},
                "mode": {},
                "boxes": {"a": {"low": 0.5, "dtype": "int8"}},
            },
            "$.boxes.a.low: expected an integer",
        ),
        (
            {
                "type": "denormalize",
                "statistics": {"a": {"mean": 0, "std": 1}},
                "boxes": {"a": {"low": 3, "high": 2, "dtype": "int8"}},
            },
            "$.boxes.a.low: expected at most high",
        ),
        (
            {"type": "denormalize", "statistics": {"a": {"mean": 0, "std": 1}}, "boxes": {}},
            "$.boxes: expected one for each",
        ),
    ],
)
def test_what_is_refused(document: Any, problem: str) -> None:
    assert problems_of(document)[0].startswith(problem)


def test_nesting_without_end() -> None:
    document: Any = {"type": "identity"}
    for _ in range(100_000):
        document = {"type": "chained", "transformations": [document]}
    assert problems_of(document) == ["$: nested too deeply"]
    while document["type"] == "chained":  # so that freeing it does not recurse
        document = document["transformations"].pop()


def test_numbers_are_written_exactly(backend: AnyBackend) -> None:
    space = box(backend, [0.1, -(2.0**-149)], [0.3, 3.4e38], "float32")
    back = RescaleTransformation().direction_inverse(space)
    document = json.loads(json.dumps(transformation_to_json(back), allow_nan=False))
    target = RescaleTransformation().get_target_space_from_source(space)
    assert json_to_transformation(document).get_target_space_from_source(target) == space
    whole = box(backend, [-(2**63), 0], [2**63 - 1, 2**53 + 1], "int64")
    back = RescaleTransformation().direction_inverse(whole)
    document = json.loads(json.dumps(transformation_to_json(back), allow_nan=False))
    assert document["new_high"] == [2**63 - 1, 2**53 + 1]
    target = RescaleTransformation().get_target_space_from_source(whole)
    assert json_to_transformation(document).get_target_space_from_source(target) == whole


def test_statistics_of_any_array(backend: AnyBackend) -> None:
    statistics = {"mean": backend.asarray([0.1, 2.0], dtype=backend.float32), "std": np.float64(0.3)}
    document = transformation_to_json(NormalizeTransformation({"a": statistics}))
    assert document["statistics"]["a"] == {"mean": [0.10000000149011612, 2.0], "std": 0.3}


class Doubled(DataTransformation):
    """What somebody else may write."""

    def __init__(self, times: int) -> None:
        self.times = times

    def get_target_space_from_source(self, source_space: AnySpace) -> AnySpace:
        bounds: Any = source_space
        return box(source_space.backend, bounds.low * 2**self.times, bounds.high * 2**self.times, "float32")

    def transform(self, source_space: AnySpace, data: Any) -> Any:
        return data * 2**self.times

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        shape = None if source_space is None else list(source_space.shape or ())
        return {"times": self.times, "shape": shape}

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        if not isinstance(json_data.get("times"), int):
            raise DocumentError("doubled", ["$.times: expected an integer", "something else"])
        if json_data["times"] < 0:
            raise SpaceError("times: expected at least 0")
        return cls(json_data["times"])


def test_transformations_of_others_take_part() -> None:
    with pytest.raises(SpaceError, match=r"Doubled of .* has no id"):
        transformation_to_json(ChainedTransformation([Doubled(1)]))
    register_transformation("test.doubled")(Doubled)
    register_transformation("test.doubled")(Doubled)  # as importing its module again does
    assert "test.doubled" in transformation_ids()
    space = box(NumpyComputeBackend, 0, 4, "float32", (3,))
    chain = ChainedTransformation([Doubled(2), RescaleTransformation(0, 1)])
    document = transformation_to_json(chain, space)
    assert document["transformations"][0] == {"type": "test.doubled", "times": 2, "shape": [3]}
    assert transformation_to_json(chain)["transformations"][0]["shape"] is None
    read = json_to_transformation(document)
    x = np.array([0, 1, 4], dtype=np.float32)
    assert read.transform(space, x).tolist() == [0, 0.25, 1]
    assert read.direction_inverse(space) is None
    nested = {"type": "dict", "mapping": {"a": {"type": "test.doubled"}}}
    assert problems_of(nested) == [
        "$.mapping.a.times: expected an integer",
        "$.mapping.a: something else",
    ]
    nested["mapping"]["a"]["times"] = -1  # type: ignore[index]
    assert problems_of(nested) == ["$.mapping.a: times: expected at least 0"]


def test_ids_are_taken_once() -> None:
    class Other(IdentityTransformation):
        """Of no id of its own, and its parent's does not count."""

    with pytest.raises(SpaceError, match=r"Other of .* has no id"):
        transformation_to_json(Other())
    with pytest.raises(ValueError, match="'identity' belongs to IdentityTransformation"):
        register_transformation("identity")(Other)
    with pytest.raises(ValueError, match="registered as 'identity' already"):
        register_transformation("test.again")(IdentityTransformation)
    with pytest.raises(ValueError, match="type_id: expected a string"):
        register_transformation("")
