"""What is particular to arrays of varying shape, unions and graphs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import INF, SPACES, AnyBackend, box, dynamic_box, same, values
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import InexactValueError, SpaceError, SpaceValueError
from unienv_interface.space import (
    BatchedSpace,
    BinarySpace,
    DynamicBoxSpace,
    GraphInstance,
    GraphSpace,
    TextSpace,
    UnionSpace,
)
from unienv_interface.space.space_utils.batch_utils import (
    batch_size_data,
    batch_space,
    concatenate,
    get_at,
    set_at,
)
from unienv_interface.space.space_utils.flatten_utils import (
    flat_dim,
    flatten_data,
    flatten_space,
    unflatten_data,
)

N = NumpyComputeBackend


# -- arrays of varying shape -----------------------------------------------------------------------


def test_trailing_fill_values_stay(backend: AnyBackend) -> None:
    space = dynamic_box(backend, 0, 1, "float32", (0,), (4,))
    value = backend.asarray([0.5, 0, 0], dtype=backend.float32)
    assert same(unflatten_data(space, flatten_data(space, value)), value)
    assert backend.to_numpy(flatten_data(space, value)).tolist() == [3, 0.5, 0, 0, 0]
    batch = concatenate(space, [value, value[:1]])
    assert batch in batch_space(space, 2)
    assert same(get_at(batch_space(space, 2), batch, 0), value)
    assert batch_space(space, 2) == BatchedSpace(space, (2,))


def test_shapes_within_limits_are_members(backend: AnyBackend) -> None:
    space = dynamic_box(backend, [[0], [5]], [[1], [6]], "float32", (2, 1), (2, 3))
    assert space.shape is None
    assert (space.shape_low, space.shape_high, space.variable_axes) == ((2, 1), (2, 3), (1,))
    assert [[0, 1], [5, 6]] in space
    for wrong in ([[], []], [[0] * 4, [5] * 4], [[0, 1]], [0, 5], 0, [[0, 2], [5, 5]], "text", [[0], [5, 5]]):
        assert wrong not in space
    assert space.shape_contains((2, 3))
    assert not space.shape_contains((2, 3, 1))
    with pytest.raises(SpaceValueError, match=r"^x: expected shape \(2, 1\) ... \(2, 3\), got"):
        space.coerce([[0, 1]], path="x")
    with pytest.raises(InexactValueError, match="expected values that float32 holds"):
        space.coerce([[0.1], [5]])
    assert backend.to_numpy(space.get_low((2, 2))).tolist() == [[0, 0], [5, 5]]
    assert backend.to_numpy(space.get_high((2, 1))).tolist() == [[1], [6]]
    with pytest.raises(SpaceError, match=r"shape: expected \(2, 1\) ... \(2, 3\), got \(3, 1\)"):
        space.get_low((3, 1))


def test_samples_have_every_shape(backend: AnyBackend) -> None:
    space = dynamic_box(backend, 0, 1, "float32", (0, 1), (2, 2))
    rng, shapes = backend.random.random_number_generator(0), set()
    for _ in range(100):
        rng, value = space.sample(rng)
        shapes.add(tuple(value.shape))
    assert shapes == {(i, j) for i in range(3) for j in (1, 2)}


def test_padding(backend: AnyBackend) -> None:
    space = dynamic_box(backend, 0, 5, "int32", (1, 1), (3, 2), 9)
    value = backend.asarray([[1], [2]], dtype=backend.int32)
    padded = space.pad_data(value)
    assert backend.to_numpy(padded).tolist() == [[1, 9], [2, 9], [9, 9]]
    # 9 is out of bounds, so what is taken off is what was put on.
    assert same(space.unpad_data(padded), value)
    assert tuple(space.pad_data(value, start_axis=1).shape) == (2, 2)
    assert tuple(space.pad_data(value, end_axis=1).shape) == (3, 1)
    assert tuple(space.unpad_data(padded, start_axis=1).shape) == (3, 1)
    # No axis becomes shorter than it may be.
    assert tuple(space.unpad_data(backend.full((3, 2), 9, dtype=backend.int32)).shape) == (1, 1)
    static = DynamicBoxSpace
    assert static.get_array_axis_length(backend, backend.asarray([[1, 0], [0, 0]]), 0) == 1
    assert static.get_array_axis_length(backend, backend.asarray([[1, 0], [0, 0]]), -1) == 1
    assert static.get_array_axis_length(backend, backend.asarray([0, 3, 0]), 0, 3) == 3
    assert static.get_array_axis_length(backend, backend.zeros((0, 2)), 0) == 0
    longer = static.pad_array_on_axis(backend, value, 1, 3, 4)
    assert backend.to_numpy(longer).tolist() == [[1, 4, 4], [2, 4, 4]]
    assert backend.to_numpy(
        static.unpad_array_on_axis(backend, backend.asarray([1, 0, 2, 0]), 0)
    ).tolist() == [1, 0, 2]


def test_clipping_cuts_and_clips(backend: AnyBackend) -> None:
    space = dynamic_box(backend, 0, 5, "uint8", (1,), (3,))
    clipped = space.clip(backend.asarray([300.7, -1, 2, 4]))
    assert backend.to_numpy(clipped).tolist() == [5, 0, 2]
    assert clipped in space
    for wrong in (backend.zeros((0,)), backend.zeros((2, 2)), backend.asarray(1.0), [1, 2]):
        with pytest.raises(SpaceValueError):
            space.clip(wrong)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, "float32", (1,), (1, 2)), r"shape_low: expected at most shape_high \(1, 2\), got \(1,\)"),
        ((0, 1, "float32", (3,), (2,)), "shape_low: expected at most"),
        ((0, 1, "float32", (-1,), (2,)), "shape_low: expected integers"),
        (([0, 1], 1, "float32", (1,), (2,)), r"low: expected the same along axes \(0,\), which vary"),
        ((0, 300, "uint8", (1,), (2,)), "high: uint8 cannot hold 300"),
        ((0, 1, "uint8", (1,), (2,), -1), "fill_value: uint8 cannot hold -1"),
        ((0, 1, "uint8", (1,), (2,), 0.5), "fill_value: uint8 cannot hold 0.5"),
        ((0, 1, "float16", (1,), (2,), 1e6), "fill_value: float16 cannot hold 1000000.0"),
        ((0, 1, "float32", (1,), (2,), float("nan")), "fill_value: expected a number, got nan"),
        ((0, 1, "float32", (1,), (2,), "0"), "fill_value: expected a number, got '0'"),
        ((0, 1, "bool", (1,), (2,)), "dtype: expected an integer or floating type"),
    ],
)
def test_varying_boxes_that_are_none(arguments: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        dynamic_box(N, *arguments)


def test_fill_values_are_rounded_and_compared(backend: AnyBackend) -> None:
    def space(fill_value: float) -> Any:
        return dynamic_box(backend, 0, 1, "float32", (1,), (2,), fill_value)

    assert space(0.1).fill_value == float(np.float32(0.1))
    assert space(0.1) == space(float(np.float32(0.1))) != space(0.2)
    assert space(-0.0) == space(0)
    assert hash(space(-0.0)) == hash(space(0))
    assert space(INF).fill_value == INF


def test_flat_bounds_include_the_padding(backend: AnyBackend) -> None:
    flat = flatten_space(SPACES["dynamic_fill_outside"](backend))
    assert backend.to_numpy(flat.low).tolist() == [0, 0, 0, 0, 0, 0, 0]
    assert backend.to_numpy(flat.high).tolist() == [3, 3, 3, 3, 4, 4, 4]
    partly = flatten_space(dynamic_box(backend, 1, 2, "float32", (1,), (3,)))
    assert backend.to_numpy(partly.low).tolist() == [1, 1, 0, 0]


def test_kept_axes_of_varying_boxes_are_fixed() -> None:
    space = dynamic_box(N, 0, 9, "int16", (2, 0), (2, 3))
    assert flat_dim(space) == 1 + 6
    assert flat_dim(space, 1) == 1 + 3
    assert flat_dim(space, 2) is None
    value = np.array([[1, 0], [0, 0]], dtype=np.int16)
    rows = flatten_data(space, value, 1)
    assert rows.tolist() == [[2, 1, 0, 0], [2, 0, 0, 0]]
    assert rows in flatten_space(space, 1)
    assert same(unflatten_data(space, rows, 1), value)
    with pytest.raises(SpaceValueError, match=r"expected one length of axis 1 in all rows, got \[1, 2\]"):
        unflatten_data(space, np.array([[2, 1, 0, 0], [1, 0, 0, 0]]), 1)
    with pytest.raises(SpaceValueError, match=r"expected counts from 0 to 3, got \[4\]"):
        unflatten_data(space, np.array([4, 0, 0, 0, 0, 0, 0]))


# -- unions ----------------------------------------------------------------------------------------


def test_union_members(backend: AnyBackend) -> None:
    space = UnionSpace(backend, [BinarySpace(backend, ()), TextSpace(backend, 2)])
    assert (np.int8(1), "ab") in space
    assert [0, True] in space
    assert type(space.coerce((np.int8(1), "ab"))[0]) is int
    for wrong in ((0, "ab"), (2, "ab"), (-1, "ab"), (True, "ab"), (1.0, "ab"), (1,), (1, "ab", 0), "1a", 1):
        assert wrong not in space
    with pytest.raises(SpaceValueError, match=r"^u/1: expected 0 to 2 characters"):
        space.coerce((1, "abc"), path="u")
    with pytest.raises(SpaceValueError, match=r"^u/0: expected a position below 2, got 5"):
        space.coerce((5, "abc"), path="u")
    with pytest.raises(SpaceError, match="spaces: expected at least one"):
        UnionSpace(backend, [])


def test_union_samples_every_space(backend: AnyBackend) -> None:
    assert {value[0] for value in values("union", backend, 60)} == {0, 1, 2, 3}


def test_union_is_padded_when_flat(backend: AnyBackend) -> None:
    space = UnionSpace(backend, [box(backend, 2, 3, "float32", (2,)), box(backend, 5, 6, "float32", ())])
    flat = flatten_space(space)
    assert backend.to_numpy(flat.low).tolist() == [0, 2, 0]
    assert backend.to_numpy(flat.high).tolist() == [1, 6, 3]
    assert flat.dtype == backend.float32
    assert backend.to_numpy(flatten_data(space, (1, 5))).tolist() == [1, 5, 0]
    with pytest.raises(SpaceValueError, match=r"^0: expected counts from 0 to 1, got \[2"):
        unflatten_data(space, backend.asarray([2, 5, 0]))


# -- graphs ----------------------------------------------------------------------------------------


def graph(backend: AnyBackend, nodes: int, edges: list[tuple[int, int]]) -> GraphInstance[Any]:
    """A member of `graph_space`: node i has the feature i + 1, edge j the feature j + 1."""
    features = np.arange(1, nodes + 1, dtype=np.float32)[:, None]
    pairs = np.array(edges, dtype=np.int64).reshape(-1, 2)
    return GraphInstance(
        backend.asarray(nodes),
        backend.asarray(len(edges)),
        backend.from_numpy(features),
        backend.from_numpy(np.arange(1, len(edges) + 1, dtype=np.uint8)),
        backend.from_numpy(pairs, dtype=backend.default_integer_dtype),
    )


def graph_space(backend: AnyBackend, **options: Any) -> Any:
    arguments = {"is_edge": True, "min_nodes": 0, "max_nodes": 3, "min_edges": 0, "max_edges": 3}
    node, edge = box(backend, 1, 9, "float32", (1,)), box(backend, 1, 9, "uint8", ())
    return GraphSpace(backend, node, edge, **(arguments | options))


def test_graphs_are_padded_to_the_largest(backend: AnyBackend) -> None:
    space = graph_space(backend)
    small, large = graph(backend, 1, [(0, 0)]), graph(backend, 3, [(0, 1), (2, 0)])
    empty = graph(backend, 0, [])
    batch = concatenate(space, [small, large, empty])
    assert backend.to_numpy(batch.n_nodes).tolist() == [1, 3, 0]
    assert backend.to_numpy(batch.nodes_features)[..., 0].tolist() == [[1, 0, 0], [1, 2, 3], [0, 0, 0]]
    assert backend.to_numpy(batch.edges).tolist() == [[[0, 0], [0, 0]], [[0, 1], [2, 0]], [[0, 0], [0, 0]]]
    assert batch in batch_space(space, 3)
    assert batch_size_data({"g": batch}) == 3
    for index, item in enumerate((small, large, empty)):
        assert same(get_at(batch_space(space, 3), batch, index), item)
    # Without the large one there is less padding.
    assert same(get_at(space, batch, [0, 2]), concatenate(space, [small, empty]))
    assert same(set_at(space, batch, 1, empty), concatenate(space, [small, empty, empty]))


def test_padding_is_no_part_of_the_value(backend: AnyBackend) -> None:
    space = graph_space(backend)
    batched = batch_space(space, 2)
    batch = concatenate(space, [graph(backend, 1, [(0, 0)]), graph(backend, 2, [(1, 0)])])
    garbage = GraphInstance(
        batch.n_nodes,
        batch.n_edges,
        backend.asarray([[[1], [99], [99]], [[1], [2], [99]]], dtype=backend.float32),
        backend.asarray([[1, 88], [1, 88]], dtype=backend.uint8),
        backend.asarray([[[0, 0], [77, -7]], [[1, 0], [77, -7]]]),
    )
    assert garbage in batched
    assert same(batched.coerce(garbage), batch)
    assert same(get_at(batched, garbage, [1, 0]), get_at(batched, batch, [1, 0]))
    assert same(flatten_data(batched, garbage, 1), flatten_data(batched, batch, 1))


def test_graphs_without_edges_may_leave_them_out(backend: AnyBackend) -> None:
    space = graph_space(backend)
    whole = graph(backend, 2, [])
    bare = GraphInstance(whole.n_nodes, nodes_features=whole.nodes_features)
    assert bare in space
    assert same(space.coerce(bare), whole)
    assert bare not in graph_space(backend, min_edges=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_nodes": 4}, "^g/n_nodes: expected 0 to 3, got 4"),
        ({"n_nodes": 1.5}, "^g/n_nodes: expected values of type int"),
        ({"n_nodes": [2]}, r"^g/n_nodes: expected shape \(\), got shape \(1,\)"),
        ({"n_nodes": None}, "^g/n_nodes: expected int"),
        ({"n_nodes": 3}, r"^g/nodes_features: expected float32 array of shape \(3, 1\)"),
        ({"nodes_features": None}, "^g/nodes_features: expected float32 array"),
        (
            {"nodes_features": [[1.0], [10.0]]},
            r"^g/nodes_features: expected values in \[1.0, 9.0\], got 10.0",
        ),
        ({"nodes_features": [[1.0, 2.0], [1.0, 2.0]]}, r"^g/nodes_features: expected shape \(2, 1\)"),
        ({"n_edges": 2}, r"^g/edges: expected int64 array of shape \(2, 2\)"),
        ({"n_edges": None}, "^g/n_edges: expected int"),
        ({"edges": [[0, 2]]}, r"^g/edges: expected positions below 2 nodes, got 2 at index \(0, 1\)"),
        ({"edges": [[-1, 0]]}, r"^g/edges: expected values in \[0, 9223372036854775807\], got -1"),
        ({"edges": None}, "^g/edges: expected int64 array"),
        ({"edges_features": None}, "^g/edges_features: expected uint8 array"),
        ({"edges_features": [10]}, r"^g/edges_features: expected values in \[1, 9\], got 10"),
    ],
)
def test_graphs_that_are_no_members(backend: AnyBackend, changes: Any, message: str) -> None:
    member = graph(backend, 2, [(0, 1)])
    fields = {field.name: getattr(member, field.name) for field in dataclasses.fields(member)}
    space = graph_space(backend)
    assert GraphInstance(**fields) in space
    with pytest.raises(SpaceValueError, match=message):
        space.coerce(GraphInstance(**(fields | changes)), path="g")


def test_spaces_without_edges_take_none(backend: AnyBackend) -> None:
    space = GraphSpace(backend, None, max_nodes=3)
    assert GraphInstance(2) in space
    assert GraphInstance(2, n_edges=0) not in space
    assert GraphInstance(2, nodes_features=[[1.0]]) not in space
    assert {"n_nodes": 2} not in space


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"node_feature_space": BinarySpace(N, ())}, "node_feature_space: expected a BoxSpace"),
        ({"edge_feature_space": box(N, 0, 1, "float32", ())}, "edge_feature_space: expected None"),
        ({"min_nodes": 3, "max_nodes": 2}, "min_nodes: expected at most max_nodes 2, got 3"),
        ({"min_nodes": -1}, "min_nodes: expected an integer"),
        ({"max_edges": 1.5}, "max_edges: expected an integer"),
        ({"is_edge": True, "min_nodes": 0, "max_nodes": 0}, "min_edges: expected 0 where there are no nodes"),
        ({"batch_shape": (-1,)}, "batch_shape: expected integers"),
    ],
)
def test_graph_spaces_that_are_none(arguments: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        GraphSpace(N, **({"node_feature_space": None} | arguments))


def test_graph_samples_cover_their_range(backend: AnyBackend) -> None:
    space = graph_space(backend, batch_shape=(200,), min_edges=1)
    _, value = space.sample(backend.random.random_number_generator(0))
    assert value in space
    assert set(backend.to_numpy(value.n_nodes).tolist()) == {1, 2, 3}  # an edge needs a node
    assert set(backend.to_numpy(value.n_edges).tolist()) == {1, 2, 3}
    opened = graph_space(backend, batch_shape=(200,), max_nodes=None, max_edges=None)
    _, value = opened.sample(backend.random.random_number_generator(0))
    assert value in opened
    assert int(backend.to_numpy(value.n_nodes).max()) > 3


def test_flat_graphs_need_greatest_numbers(backend: AnyBackend) -> None:
    assert flat_dim(graph_space(backend)) == 2 + 3 * 1 + 3 * 2 + 3 * 1
    assert flatten_space(graph_space(backend)).dtype == backend.float32
    for missing in ("max_nodes", "max_edges"):
        with pytest.raises(SpaceError, match=f"flatten: {missing} must be set"):
            flatten_space(graph_space(backend, **{missing: None}))


def test_flat_graphs_are_told_by_their_numbers(backend: AnyBackend) -> None:
    space = graph_space(backend)
    flat = flatten_data(space, graph(backend, 2, [(0, 1)]))
    assert backend.to_numpy(flat).tolist() == [2, 1, 1, 2, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]
    with pytest.raises(SpaceValueError, match="expected counts from 0 to 3"):
        unflatten_data(space, flat + 2)
