"""What holds for every space."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import SPACES, AnyBackend, same, values
from unienv_interface.errors import SpaceValueError
from unienv_interface.space import DynamicBoxSpace

pytestmark = pytest.mark.parametrize("name", SPACES)

FOREIGN = [
    None,
    object(),
    b"bytes",
    1j,
    np.array([1j]),
    np.array(["text"]),
    np.array([None, object()]),
    [object()],
    [[1], [1, 2]],
    {"no such key": 1},
    {1: 2},
    {},
    (),
    [],
    range(3),
    10**400,
    float,
    np.datetime64("2020-01-01"),
]


def test_values_are_members_and_canonical(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    for value in values(name, backend):
        assert value in space
        assert same(space.coerce(value), value)


def test_sampling_is_a_function_of_the_seed(name: str, backend: AnyBackend) -> None:
    assert same(values(name, backend, seed=3), values(name, backend, seed=3))


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda x: type(x).__name__)
def test_contains_never_raises(name: str, backend: AnyBackend, foreign: Any) -> None:
    space = SPACES[name](backend)
    assert isinstance(space.contains(foreign), bool)
    if not space.contains(foreign):
        with pytest.raises(SpaceValueError):
            space.coerce(foreign)


def test_equal_when_made_alike_and_hashable(name: str, backend: AnyBackend) -> None:
    first, second = SPACES[name](backend), SPACES[name](backend)
    assert first is not second
    assert first == second
    assert hash(first) == hash(second)
    assert {first: 1}[second] == 1


def test_differs_from_every_other(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    assert [other for other, make in SPACES.items() if make(backend) == space] == [name]
    assert space != name


def test_pickles_and_copies(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    space.contains(None)  # whatever is cached on use does not travel
    hash(space)
    assert pickle.loads(pickle.dumps(space)) == space
    assert copy.copy(space) is space
    assert copy.deepcopy({"space": space})["space"] is space


def test_immutable(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    for attribute in ("shape", "dtype", "backend", "spaces", "anything"):
        with pytest.raises(AttributeError):
            setattr(space, attribute, None)
    with pytest.raises(AttributeError):
        del space.backend
    assert space == SPACES[name](backend)


def test_to_another_backend_and_back(name: str, backend: AnyBackend, other: AnyBackend) -> None:
    space = SPACES[name](backend)
    moved = space.to(other)
    assert moved.backend is other
    assert moved != space
    assert moved == SPACES[name](other)
    assert moved.to(backend) == space
    for value in values(name, backend):
        there = space.data_to(value, other)
        assert there in moved
        assert same(moved.data_to(there, backend), value)


def test_to_where_it_is_changes_nothing(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    assert space.to() is space
    assert space.to(backend) is space
    on_cpu = space.to(device="cpu")
    assert on_cpu.to(device="cpu") is on_cpu


def test_empty_value_has_the_structure(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    empty, value = space.create_empty(), values(name, backend)[-1]
    assert type(empty) is type(value)
    if not isinstance(space, DynamicBoxSpace):
        assert getattr(empty, "shape", None) == getattr(value, "shape", None)
    assert getattr(empty, "dtype", None) == getattr(value, "dtype", None)


def test_repr_tells_spaces_apart(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    full = repr(space)
    assert type(space).__name__ in full
    assert backend.simplified_name in full
    assert backend.simplified_name not in space.get_repr(include_backend=False)
    assert len(str(space)) <= len(full)


def test_is_bounded_both_means_below_and_above(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    assert space.is_bounded() == (space.is_bounded("below") and space.is_bounded("above"))
