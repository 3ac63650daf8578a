"""Spaces of Gymnasium, and ours. Importing this module imports gymnasium."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from unienv_interface._optional import import_optional
from unienv_interface.backends.base import AnyBackend
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    GraphSpace,
    TextSpace,
    TupleSpace,
    UnionSpace,
)
from unienv_interface.space.spaces.aliases import (
    AnyBatched,
    AnyBinary,
    AnyBox,
    AnyDict,
    AnyGraph,
    AnyText,
    AnyTuple,
    AnyUnion,
)

__all__ = ["from_gym_space", "to_gym_space"]

_gym: Any = import_optional("gymnasium", extra="gym").spaces


# -- to Gymnasium ----------------------------------------------------------------------------------


@singledispatch
def to_gym_space(space: AnySpace) -> Any:
    """The Gymnasium space of the same values.

    Boxes become `Box`, binary spaces `MultiBinary`, unions `OneOf`, batches of what does not stack
    nested `Tuple`s. `Graph` does not limit the numbers of nodes and edges.

    Raises:
        SpaceError: Gymnasium has no such space (arrays of varying shape; text without a charset;
            batches of graphs; nodes without features, edges without features).
    """
    raise SpaceError(f"to_gym_space: Gymnasium has no space like {space!r}")


@to_gym_space.register(BoxSpace)
def _(space: AnyBox) -> Any:
    if space.bounds.dtype == "bfloat16":
        raise SpaceError(f"to_gym_space: NumPy has no bfloat16, of {space!r}")
    low, high = space.bounds.full()
    return _gym.Box(low.copy(), high.copy(), shape=space.shape, dtype=low.dtype.type)


@to_gym_space.register(BinarySpace)
def _(space: AnyBinary) -> Any:
    if 0 in space.shape:
        raise SpaceError(f"to_gym_space: Gymnasium's MultiBinary has no empty axes, of {space!r}")
    return _gym.MultiBinary(space.shape)


@to_gym_space.register(DictSpace)
def _(space: AnyDict) -> Any:
    return _gym.Dict({key: to_gym_space(part) for key, part in space.spaces.items()})


@to_gym_space.register(TupleSpace)
def _(space: AnyTuple) -> Any:
    return _gym.Tuple([to_gym_space(part) for part in space.spaces])


@to_gym_space.register(UnionSpace)
def _(space: AnyUnion) -> Any:
    return _gym.OneOf([to_gym_space(part) for part in space.spaces])


@to_gym_space.register(TextSpace)
def _(space: AnyText) -> Any:
    if space.charset is None:
        raise SpaceError(f"to_gym_space: Gymnasium's Text needs a charset, which {space!r} has not")
    return _gym.Text(space.max_length, min_length=space.min_length, charset=space.charset)


@to_gym_space.register(BatchedSpace)
def _(space: AnyBatched) -> Any:
    if not space.batch_shape:
        return to_gym_space(space.single_space)
    inner = BatchedSpace(space.single_space, space.batch_shape[1:])
    return _gym.Tuple([to_gym_space(inner) for _ in range(space.batch_shape[0])])


@to_gym_space.register(GraphSpace)
def _(space: AnyGraph) -> Any:
    node, edge = space.node_feature_space, space.edge_feature_space
    if node is None or space.batch_shape or (space.is_edge and edge is None):
        raise SpaceError(f"to_gym_space: Gymnasium's Graph is one graph with features, not {space!r}")
    return _gym.Graph(to_gym_space(node), None if edge is None else to_gym_space(edge))


# -- from Gymnasium --------------------------------------------------------------------------------


def from_gym_space(
    gym_space: Any, backend: AnyBackend, dtype: Any | None = None, device: Any | None = None
) -> AnySpace:
    """The space of the same values as a Gymnasium space.

    `Discrete` and `MultiDiscrete` become integer boxes, `MultiBinary` and boolean boxes binary
    spaces, `OneOf` unions.

    Args:
        gym_space: a Gymnasium space.
        backend: backend of the space.
        dtype: data type of all boxes; by default that of each Gymnasium space.
        device: device of the space.

    Raises:
        SpaceError: there is no space for it (`Sequence`, which has no greatest length).
    """
    space = _from_gym(gym_space, backend, dtype)
    return space if device is None else space.to(device=device)


@singledispatch
def _from_gym(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    raise SpaceError(f"from_gym_space: no space is like {gym_space!r}")


def _box(gym_space: Any, backend: AnyBackend, dtype: Any | None, low: Any, high: Any) -> AnySpace:
    wanted = backend.dtype_from_name(gym_space.dtype.name) if dtype is None else dtype
    return BoxSpace(backend, low, high, wanted, shape=gym_space.shape)


@_from_gym.register(_gym.Box)
def _(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    if gym_space.dtype == np.bool_:
        return BinarySpace(backend, gym_space.shape)
    return _box(gym_space, backend, dtype, gym_space.low, gym_space.high)


@_from_gym.register(_gym.Discrete)
def _(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    start, n = int(gym_space.start), int(gym_space.n)
    return _box(gym_space, backend, dtype, start, start + n - 1)


@_from_gym.register(_gym.MultiDiscrete)
def _(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    low = np.asarray(gym_space.start)
    return _box(gym_space, backend, dtype, low, low + np.asarray(gym_space.nvec) - 1)


@_from_gym.register(_gym.MultiBinary)
def _(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    return BinarySpace(backend, gym_space.shape)


@_from_gym.register(_gym.Text)
def _(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    return TextSpace(
        backend,
        int(gym_space.max_length),
        min_length=int(gym_space.min_length),
        charset=gym_space.character_set,
    )


@_from_gym.register(_gym.Dict)
def _(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    return DictSpace(
        backend, {key: _from_gym(part, backend, dtype) for key, part in gym_space.spaces.items()}
    )


@_from_gym.register(_gym.Tuple)
def _(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    return TupleSpace(backend, [_from_gym(part, backend, dtype) for part in gym_space.spaces])


@_from_gym.register(_gym.OneOf)
def _(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    return UnionSpace(backend, [_from_gym(part, backend, dtype) for part in gym_space.spaces])


@_from_gym.register(_gym.Graph)
def _(gym_space: Any, backend: AnyBackend, dtype: Any | None) -> AnySpace:
    node: Any = _from_gym(gym_space.node_space, backend, dtype)
    has_edges = gym_space.edge_space is not None
    edge: Any = _from_gym(gym_space.edge_space, backend, dtype) if has_edges else None
    return GraphSpace(backend, node, edge, is_edge=has_edges, min_nodes=0, min_edges=0)
