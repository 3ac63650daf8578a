"""Every space of the corpus as columns: rows that fit what is declared, and come back as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unienv_data.columns.test_naming import folded
from unienv_data.columns import Ragged, columns_of
from unienv_data.columns.rows import take
from unienv_data.errors import PathError, SpaceError, SpaceValueError
from unienv_data.store.layout import LayoutOptions, lay_out
from unienv_data.testing import SPACES, same, values
from unienv_interface.backends.numpy import NumpyComputeBackend as B
from unienv_interface.space import BatchedSpace, BoxSpace, DictSpace, TextSpace, TupleSpace
from unienv_interface.space.space_utils.batch_utils import batch_space, concatenate, get_at

backend: Any = B
corpus = pytest.mark.parametrize("name", SPACES)


def number(**options: Any) -> Any:
    return BoxSpace(backend, -1, 1, np.dtype(np.float32), **{"shape": (2,), **options})


@corpus
def test_names_are_distinct_and_can_be_laid_out(name: str) -> None:
    specs = columns_of(SPACES[name](backend)).specs
    names = [spec.name for spec in specs]
    assert len({*map(folded, names)}) == len(names)
    entries, logs = lay_out(specs, LayoutOptions())
    assert {entry.log for entry in entries.values()} <= set(logs)
    assert len({*map(folded, entries)}) == len(entries)
    for one in entries:  # no array stands inside another
        assert not any(other.startswith(f"{one}/") for other in entries)


@corpus
def test_rows_are_as_declared_and_come_back(name: str) -> None:
    space = SPACES[name](backend)
    node = columns_of(space)
    rows = values(name, backend)
    batch = concatenate(space, rows)
    encoded = node.encode(batch, len(rows))
    assert set(encoded) == {spec.name for spec in node.specs}
    for spec in node.specs:
        data = encoded[spec.name]
        assert len(data) == len(rows)
        if isinstance(data, Ragged):
            assert data.shapes.shape == (len(rows), spec.ragged_axes)
            assert data.values.dtype == spec.dtype
            assert (data.starts + data.counts <= len(data.values)).all()
            assert spec.max_values is None or (data.counts <= spec.max_values).all()
        else:
            assert spec.ragged_axes is None
            assert (data.dtype, data.shape[1:]) == (spec.dtype, spec.shape)
            assert data.flags.c_contiguous
    decoded = node.decode(encoded, len(rows))
    assert same(decoded, batch)
    for i, row in enumerate(rows):
        one = node.encode_one(row)
        assert set(one) == set(encoded)
        alone = {name: take(data, np.array([i])) for name, data in encoded.items()}
        assert same(get_at_row(space, node, one), get_at_row(space, node, alone))


def get_at_row(space: Any, node: Any, columns: Any) -> Any:
    return get_at(batch_space(space, 1), node.decode(columns, 1), 0)


@corpus
def test_rows_in_another_order_are_those_rows(name: str) -> None:
    space = SPACES[name](backend)
    node = columns_of(space)
    rows = values(name, backend)
    order = np.array([len(rows) - 1, 0, 0, len(rows) // 2], dtype=np.int64)
    encoded = node.encode(concatenate(space, rows), len(rows))
    taken = node.decode({name: take(data, order) for name, data in encoded.items()}, len(order))
    assert same(taken, concatenate(space, [rows[i] for i in order]))


def test_batches_in_batches() -> None:
    text = TextSpace(backend, max_length=5)
    space = BatchedSpace(BatchedSpace(BatchedSpace(text, (2,)), (3,)), (2, 1))
    node = columns_of(space)
    assert len({spec.name for spec in node.specs}) == len(node.specs) == 4
    rng = backend.random.random_number_generator(3)
    for _ in range(3):
        rng, value = space.sample(rng)
        assert same(get_at_row(space, node, node.encode_one(value)), value)
    entries, _ = lay_out(node.specs, LayoutOptions())
    assert not any(other.startswith(f"{one}/") for one in entries for other in entries)


WRONG: list[tuple[Any, str]] = [
    ({"a": np.zeros(2, np.float32)}, "no 'b'"),
    ({"a": np.zeros(2, np.float32), "b": ("x", 1), "c": 1}, "unknown 'c'"),
    ({"a": np.zeros(3, np.float32), "b": ("x", np.zeros(2, np.float32))}, "a"),
    ({"a": np.full(2, 3, np.float32), "b": ("x", np.zeros(2, np.float32))}, "a"),
    ({"a": np.zeros(2, np.float32), "b": ("too long", np.zeros(2, np.float32))}, "b/0"),
    ({"a": np.zeros(2, np.float32), "b": (5, np.zeros(2, np.float32))}, "b/0"),
    ({"a": np.zeros(2, np.float32), "b": ("x",)}, "b"),
    ({"a": np.zeros(2, np.float32), "b": "x"}, "b"),
    (None, "mapping"),
    ([1, 2], "mapping"),
]


@pytest.mark.parametrize(("value", "message"), WRONG, ids=lambda item: item if isinstance(item, str) else "")
def test_what_does_not_fit_is_refused_with_its_place(value: Any, message: str) -> None:
    inner = TupleSpace(backend, [TextSpace(backend, max_length=4), number()])
    node = columns_of(DictSpace(backend, {"a": number(), "b": inner}))
    with pytest.raises(SpaceValueError, match=message):
        node.encode_one(value)


def test_children_by_key() -> None:
    node = columns_of(DictSpace(backend, {"a/b": number(), "c": TupleSpace(backend, [number()])}))
    assert node.child("a/b").name == "a%2Fb"
    assert node.child("c").child(0).name == "c/0"
    for use in (lambda: node.child("d"), lambda: node.child(0), lambda: node.child("c").child(1)):
        with pytest.raises(PathError):
            use()
    with pytest.raises(PathError):
        node.child("a/b").child("x")


def test_a_space_that_nobody_knows() -> None:
    class Unknown:
        """No space at all."""

    with pytest.raises(SpaceError, match=r"a/b: no columns are known for Unknown"):
        columns_of(Unknown(), "a/b", "a/b")  # type: ignore[arg-type]
