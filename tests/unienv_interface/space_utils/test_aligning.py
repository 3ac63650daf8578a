"""Spaces aligned by name, the least space of several, values that stand for none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import INF, SPACES, AnyBackend, box, dynamic_box, same, values
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import SpaceError
from unienv_interface.space import (
    BatchedSpace,
    BinarySpace,
    DictSpace,
    GraphSpace,
    TextSpace,
    TupleSpace,
    UnionSpace,
)
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.space.space_utils.align_utils import align_spaces
from unienv_interface.space.space_utils.default_values import default_value
from unienv_interface.space.space_utils.least_spaces import least_space

N = NumpyComputeBackend


@pytest.mark.parametrize("name", SPACES)
def test_equal_spaces_stay_as_they_are(name: str) -> None:
    space = SPACES[name](N)
    for align in ("strict", "intersect", "union"):
        assert align_spaces({"a": space, "b": SPACES[name](N), "c": space}, align) == space


@pytest.mark.parametrize("name", SPACES)
def test_default_values_are_members_and_always_the_same(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    value = default_value(space)
    assert space.contains(value)
    assert same(default_value(space), value)
    batch = default_value(batch_utils.batch_space(space, 3))
    assert same(batch, batch_utils.concatenate(space, [value] * 3))


def test_default_values_say_as_little_as_they_can() -> None:
    space = DictSpace(
        N,
        {
            "above": box(N, 2, 3, "float32", (2,)),
            "below": box(N, -9, [-5, 4], "int8", (2,)),
            "free": box(N, -INF, INF, "float64", (1,)),
            "short": TextSpace(N, 5, min_length=2, charset="xb"),
            "any": TextSpace(N, 5, min_length=1),
            "none": TextSpace(N, 5),
            "ragged": dynamic_box(N, 1, 2, "float32", (1, 0), (4, 3)),
            "union": UnionSpace(N, [BinarySpace(N, ()), TextSpace(N, 2)]),
        },
    )
    value = default_value(space)
    assert value["above"].tolist() == [2, 2]
    assert value["below"].tolist() == [-5, 0]
    assert value["free"].tolist() == [0]
    assert (value["short"], value["any"], value["none"]) == ("bb", " ", "")
    assert value["ragged"].shape == (1, 0)
    assert value["union"][0] == 0
    assert value["union"][1] == np.False_


def wide(backend: AnyBackend) -> tuple[DictSpace[Any, Any, Any], DictSpace[Any, Any, Any], Any]:
    """Two spaces that differ in bounds and lengths alone, and what holds both."""

    def graph(low: float, most: int | None) -> Any:
        features = box(backend, low, 5, "float32", (2,))
        return GraphSpace(backend, features, min_nodes=most or 0, max_nodes=most)

    def made(low: Any, high: Any, length: int, charset: Any, axis: tuple[int, int], most: Any) -> Any:
        text = TextSpace(backend, length, min_length=length - 1, charset=charset)
        ragged = dynamic_box(backend, low, high, "int16", (axis[0], 2), (axis[1], 2), -1)
        return DictSpace(
            backend,
            {
                "box": box(backend, low, high, "float32", (3,)),
                "ragged": ragged,
                "graph": graph(low, most),
                "tuple": TupleSpace(backend, [text, BinarySpace(backend, (2,))]),
                "union": UnionSpace(backend, [text, ragged]),
                "batched": BatchedSpace(DictSpace(backend, {"t": text}), (2,)),
            },
        )

    joined = made(-7, 4, 9, None, (0, 5), None)
    least_text = TextSpace(backend, 9, min_length=1)
    parts = dict(joined.spaces)
    parts["tuple"] = TupleSpace(backend, [least_text, BinarySpace(backend, (2,))])
    parts["union"] = UnionSpace(backend, [least_text, parts["ragged"]])
    parts["batched"] = BatchedSpace(DictSpace(backend, {"t": least_text}), (2,))
    first = made(-7, 1, 2, "ab", (0, 3), 3)
    return first, made(0, 4, 9, None, (2, 5), None), DictSpace(backend, parts)


def test_bounds_and_lengths_become_those_of_all(backend: AnyBackend) -> None:
    first, second, both = wide(backend)
    for align in ("strict", "intersect", "union"):
        assert align_spaces({"first": first, "second": second}, align) == both
        assert align_spaces({"second": second, "first": first}, align) == both
    rng = backend.random.random_number_generator(3)
    for space in (first, second):
        for _ in range(5 if backend is N else 1):
            rng, value = space.sample(rng)
            assert both.contains(value)


@pytest.mark.parametrize("name", SPACES)
def test_a_space_joined_with_itself_holds_its_values(name: str) -> None:
    space = least_space([SPACES[name](N), SPACES[name](N)])
    assert all(space.contains(value) for value in values(name, N))


def test_spaces_without_a_common_one_are_named() -> None:
    with pytest.raises(SpaceError, match="at least one"):
        least_space([])
    bare = GraphSpace(N, None, max_nodes=3)
    for other in (GraphSpace(N, None, is_edge=True), GraphSpace(N, box(N, 0, 1, "float32", (2,)))):
        with pytest.raises(SpaceError, match="no space holds the values of both"):
            least_space([bare, other])
    with pytest.raises(SpaceError, match="no space holds the values of both"):
        least_space([UnionSpace(N, [bare]), UnionSpace(N, [bare, bare])])
    features = [GraphSpace(N, box(N, 0, 1, "float32", (n,))) for n in (2, 3)]
    with pytest.raises(SpaceError, match="no space holds the values of both"):
        least_space(features)


def robots() -> dict[str, DictSpace[Any, Any, Any]]:
    def robot(joints: int, *cameras: str, **parts: Any) -> DictSpace[Any, Any, Any]:
        seen = DictSpace(N, {name: box(N, 0, 255, "uint8", (4, 4, 3)) for name in cameras})
        observation = DictSpace(N, {"image": seen, "state": box(N, -joints, joints, "float32", (7,))})
        return DictSpace(N, {"observation": observation, **parts})

    task = TextSpace(N, 9)
    return {
        "arm": robot(1, "top", "wrist", task=task),
        "dog": robot(3, "top", task=task, gait=BinarySpace(N, ())),
        "cat": robot(2, "top", "tail"),
    }


def test_parts_are_kept_by_manner() -> None:
    spaces = robots()
    common, every = align_spaces(spaces, "intersect"), align_spaces(spaces, "union")
    assert isinstance(common, DictSpace)
    assert isinstance(every, DictSpace)
    assert list(common) == ["observation"]
    assert list(common["observation"]["image"]) == ["top"]
    assert common["observation"]["state"] == box(N, -3, 3, "float32", (7,))
    assert list(every) == ["gait", "observation", "task"]
    assert list(every["observation"]["image"]) == ["tail", "top", "wrist"]
    assert every["observation"]["state"] == box(N, -3, 3, "float32", (7,))


def test_every_difference_is_told_at_once() -> None:
    with pytest.raises(SpaceError) as caught:
        align_spaces(robots(), "strict")
    assert str(caught.value).splitlines() == [
        "spaces to align (strict) differ:",
        "- gait: in dog, and not in arm, cat",
        "- observation/image/tail: in cat, and not in arm, dog",
        "- observation/image/wrist: in arm, and not in dog, cat",
        "- task: in arm, dog, and not in cat",
    ]
    first = DictSpace(N, {"x": box(N, 0, 1, "float32", (2,)), "y": BinarySpace(N, ()), "z": TextSpace(N, 2)})
    second = DictSpace(N, {"x": box(N, 0, 1, "float64", (2,)), "y": BinarySpace(N, (1,)), "z": first})
    for align in ("strict", "intersect", "union"):
        with pytest.raises(SpaceError) as caught:
            align_spaces({"a": first, "b": second}, align)
        lines = str(caught.value).splitlines()
        assert lines[0] == f"spaces to align ({align}) differ:"
        assert lines[1] == "- x: a has BoxSpace [0.0, 1.0] (2,) float32, b BoxSpace [0.0, 1.0] (2,) float64"
        assert [line[:4] for line in lines[1:]] == ["- x:", "- y:", "- z:"]


@pytest.mark.parametrize("align", ["strict", "intersect", "union"])
def test_what_has_no_names_is_compared_as_a_whole(align: str) -> None:
    text, truth = TextSpace(N, 3), BinarySpace(N, ())
    pairs: list[tuple[Any, Any]] = [
        (TupleSpace(N, [text]), TupleSpace(N, [text, text])),
        (UnionSpace(N, [text]), UnionSpace(N, [truth])),
        (dynamic_box(N, 0, 1, "int8", (1,), (2,), 0), dynamic_box(N, 0, 1, "int8", (1,), (2,), 1)),
        (
            BatchedSpace(DictSpace(N, {"a": text}), (1,)),
            BatchedSpace(DictSpace(N, {"a": text, "b": text}), (1,)),
        ),
        (text, truth),
    ]
    for one, other in pairs:
        with pytest.raises(SpaceError, match="differ"):
            align_spaces({"one": one, "other": other}, align)


def test_nothing_in_common_is_an_error() -> None:
    one, other = DictSpace(N, {"a": TextSpace(N, 1)}), DictSpace(N, {"b": TextSpace(N, 1)})
    with pytest.raises(SpaceError, match=r"spaces to align \(intersect\): one, other have no part in common"):
        align_spaces({"one": one, "other": other}, "intersect")
    pair = {"one": TupleSpace(N, [one]), "other": TupleSpace(N, [other])}
    with pytest.raises(SpaceError, match="tuples of which a part has nothing in common"):
        align_spaces(pair, "intersect")
    nested = {
        "one": DictSpace(N, {"n": one, "x": TextSpace(N, 1)}),
        "other": DictSpace(N, {"n": other, "x": TextSpace(N, 1)}),
    }
    assert align_spaces(nested, "intersect") == DictSpace(N, {"x": TextSpace(N, 1)})


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="align: expected one of strict, intersect, union, got 'outer'"):
        align_spaces({"a": TextSpace(N, 1)}, "outer")
    with pytest.raises(SpaceError, match="expected at least one"):
        align_spaces({})


@pytest.mark.requires_torch
def test_backends_and_devices_must_be_the_same() -> None:
    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    space = box(N, 0, 1, "float32", (2,))
    torch = space.to(backend=PyTorchComputeBackend)
    with pytest.raises(SpaceError, match="other: expected values of NumpyComputeBackend, as one has, got"):
        align_spaces({"one": space, "other": torch})
    with pytest.raises(SpaceError, match="other: expected values of PyTorchComputeBackend, as one has, got"):
        align_spaces({"one": torch, "other": torch.to(device="cpu")})
