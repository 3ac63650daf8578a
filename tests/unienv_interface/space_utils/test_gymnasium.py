"""To and from Gymnasium."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import SPACES, AnyBackend, box, same, values
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import InexactValueError, SpaceError
from unienv_interface.space import BinarySpace, DictSpace, GraphSpace, TextSpace, UnionSpace

gym = pytest.importorskip("gymnasium")
from unienv_interface.space.space_utils.gym_utils import (  # noqa: E402 - it imports gymnasium
    from_gym_data,
    from_gym_space,
    to_gym_data,
    to_gym_space,
)

N = NumpyComputeBackend
NO_COUNTERPART = {
    "binary_empty",
    "text",
    "text_empty",
    "robot",
    "union_text",
    "graph_batch",
    "graph_bare",
    "dynamic",
    "dynamic_two_axes",
    "dynamic_fill_outside",
    "dynamic_fixed",
    "everything",
}
#: Gymnasium knows no batches and does not count the nodes and edges of graphs.
ONE_WAY = {name for name in SPACES if name.startswith(("batched", "graph"))}
COUNTERPARTS = [name for name in SPACES if name not in NO_COUNTERPART]


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_there_and_back(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    theirs = to_gym_space(space)
    assert isinstance(theirs, gym.Space)
    back = from_gym_space(theirs, backend)
    if name not in (*ONE_WAY, "empty", "empty_axis"):  # without elements, bounds are lost
        assert back == space
    for value in values(name, backend):
        there = to_gym_data(space, value)
        if name != "unbounded" and not name.startswith("full_float"):  # NaN, which Box refuses
            assert theirs.contains(there), there
        assert same(from_gym_data(space, there), value)
    sample = theirs.sample()
    if not name.startswith(("graph", "batched")):
        assert from_gym_data(space, sample) in space


@pytest.mark.parametrize("name", sorted(NO_COUNTERPART))
def test_what_gymnasium_lacks_is_refused(name: str) -> None:
    with pytest.raises(SpaceError, match="to_gym_space: "):
        to_gym_space(SPACES[name](N))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (gym.spaces.Discrete(3), box(N, 0, 2, "int64", ())),
        (gym.spaces.Discrete(3, start=-1), box(N, -1, 1, "int64", ())),
        (gym.spaces.MultiDiscrete([[2, 3]], start=[[0, 5]]), box(N, [[0, 5]], [[1, 7]], "int64")),
        (gym.spaces.MultiBinary(4), BinarySpace(N, (4,))),
        (gym.spaces.Box(0, 1, (2,), dtype=bool), BinarySpace(N, (2,))),
        (gym.spaces.Text(5, charset="ba"), TextSpace(N, 5, min_length=1, charset="ab")),
        (
            gym.spaces.Graph(gym.spaces.Discrete(3), None),
            GraphSpace(N, box(N, 0, 2, "int64", ()), min_nodes=0, min_edges=0),
        ),
    ],
)
def test_their_spaces_as_ours(theirs: Any, ours: Any, backend: AnyBackend) -> None:
    space = from_gym_space(theirs, backend)
    assert space == ours.to(backend)
    theirs.seed(0)
    for _ in range(5):
        value = from_gym_data(space, theirs.sample())
        assert value in space
        assert same(space.coerce(value), value)


def test_sequences_are_refused() -> None:
    with pytest.raises(SpaceError, match="from_gym_space: no space is like Sequence"):
        from_gym_space(gym.spaces.Sequence(gym.spaces.Discrete(2)), N)


def test_other_data_type_and_device(backend: AnyBackend) -> None:
    theirs = gym.spaces.Dict({"x": gym.spaces.Box(0, 1, (2,), dtype=np.float64)})
    space = from_gym_space(theirs, backend, dtype=backend.float32, device="cpu")
    assert space == DictSpace(backend, {"x": box(backend, 0, 1, "float32", (2,))}, device="cpu")
    assert from_gym_data(space, {"x": np.array([0.1, 1])}) in space
    with pytest.raises(InexactValueError):
        from_gym_data(box(backend, 0, 9, "int8", ()), np.int64(300))


def test_union_positions_are_theirs(backend: AnyBackend) -> None:
    space = UnionSpace(backend, [BinarySpace(backend, ()), box(backend, 0, 9, "int8", ())])
    theirs = to_gym_space(space)
    assert isinstance(theirs, gym.spaces.OneOf)
    assert from_gym_data(space, theirs.sample()) in space


def test_graph_without_edges_is_theirs(backend: AnyBackend) -> None:
    space = SPACES["graph"](backend)
    empty = values("graph", backend)[0]
    there = to_gym_data(space, empty)
    assert there.edge_links is None
    assert same(from_gym_data(space, there), empty)
