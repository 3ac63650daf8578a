"""Batches of torch tensors, and between backends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unienv_data.base.models import NUMBER, NUMERIC, ListBatch, samples
from tests.unienv_interface import corpus
from tests.unienv_interface.corpus import same
from unienv_interface.space.space_utils import batch_utils, flatten_utils

torch = pytest.importorskip("torch")
PyTorchComputeBackend: Any = pytest.importorskip("unienv_interface.backends.pytorch").PyTorchComputeBackend


@pytest.mark.parametrize("name", [name for name in corpus.SPACES if name != "dict_empty"])
def test_rows_come_back_in_torch(name: str) -> None:
    space = corpus.SPACES[name](PyTorchComputeBackend)
    rows = samples(space, 5)
    batch = ListBatch(space, rows)
    assert same(batch[-1], rows[-1])
    for index in (
        [3, 0, 3],
        slice(1, 4),
        [],
        torch.tensor([4, -4]),
        torch.tensor([True, False, True, True, False]),
    ):
        expected = [rows[row] for row in torch.arange(5)[index].tolist()]
        value = batch[index]
        assert batch_utils.batch_space(space, len(expected)).contains(value)
        assert same(list(batch_utils.iterate(space, value)), expected)
        if flatten_utils.is_flattenable(space):
            flat = batch.get_flattened_at(index)
            assert flat.shape == (len(expected), flatten_utils.flat_dim(space))
            assert same(list(flat), [flatten_utils.flatten_data(space, row) for row in expected])


def test_extending_crosses_backends() -> None:
    source = ListBatch(NUMERIC, samples(NUMERIC, 5))
    target = ListBatch(NUMERIC.to(backend=PyTorchComputeBackend))
    target.extend_from(source, chunk_size=2)
    value = target[...]
    assert all(PyTorchComputeBackend.is_backendarray(part) for part in (value["image"], value["state"][0]))
    back = target.single_space.data_to(value, backend=source.backend)
    assert same(back, source[...])


def test_indexes_of_another_backend() -> None:
    batch = ListBatch(NUMBER, samples(NUMBER, 5))
    assert same(batch[torch.tensor([1, -1])], batch[[1, -1]])
    assert same(batch[torch.tensor(2)], batch[2])
    assert same(batch[torch.tensor([True, False, False, False, True])], batch[[0, 4]])
