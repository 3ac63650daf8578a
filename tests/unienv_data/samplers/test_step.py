"""StepSampler: batches of rows, moved to a device where one is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_torch
from tests.unienv_data.base.models import (
    METADATA,
    NESTED,
    NUMERIC,
    ListBatch,
    counting,
    rows_in,
    samples,
)
from tests.unienv_interface.corpus import same
from unienv_data.errors import EmptyDataError
from unienv_data.samplers import StepSampler
from unienv_interface.backends import NumpyComputeBackend


def test_batches_are_rows_of_the_source() -> None:
    data = ListBatch(NESTED, samples(NESTED, 20), metadata=True)
    sampler = StepSampler(data, 6, seed=3)
    for value, metadata in [*sampler.epoch_iter_with_metadata(), sampler.sample_with_metadata()]:
        assert metadata is not None
        assert same(value, data[metadata["row"]])
    assert sampler.single_space is NESTED
    assert sampler.single_metadata_space is METADATA
    assert (sampler.data, sampler.batch_size, len(sampler)) == (data, 6, 4)


def test_positional_arguments_are_those_documented() -> None:
    data = counting(10)
    sampler = StepSampler(data, 4, 7, None)
    assert sampler.seed == 7
    assert rows_in(sampler) == rows_in(StepSampler(data, batch_size=4, seed=7, device=None))
    assert rows_in(StepSampler(data, 4, shuffle="none", drop_last=True)) == list(range(8))
    with pytest.raises(EmptyDataError):
        StepSampler(counting(0), 4).sample()


def test_rows_in_their_own_order_are_read_as_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    data = counting(10)
    seen: list[Any] = []
    read = data._read

    def recorded(rows: Any) -> Any:
        seen.append(rows)
        return read(rows)

    monkeypatch.setattr(data, "_read", recorded)
    list(StepSampler(data, 4, shuffle="none"))
    assert seen == [range(4), range(4, 8), range(8, 10)]


def test_generators_follow_the_seed_and_leave_the_order_alone() -> None:
    data = counting(50)
    sampler = StepSampler(data, 4, seed=7)
    expected = rows_in(sampler)
    sampler.manual_seed(7)
    first = drawn(sampler)
    assert rows_in(sampler) == expected
    assert drawn(sampler) != first
    sampler.manual_seed(7)
    assert drawn(sampler) == first
    assert drawn(StepSampler(data, 4, seed=7)) == first
    assert drawn(StepSampler(data, 4, seed=8)) != first


def drawn(sampler: Any) -> list[list[float]]:
    random = NumpyComputeBackend.random
    sampler.rng, one = random.random_uniform((3,), rng=sampler.rng)
    sampler.data_rng, other = random.random_uniform((3,), rng=sampler.data_rng)
    return [one.tolist(), other.tolist()]


@requires_torch
def test_torch_batches_come_in_torch() -> None:
    import torch

    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    space = NUMERIC.to(backend=PyTorchComputeBackend)
    data = ListBatch(space, samples(space, 20))
    sampler = StepSampler(data, 6, seed=3)
    index = sampler.sample_index()
    assert isinstance(index, torch.Tensor)
    assert index.dtype == torch.int64
    assert sampler.sampled_space.contains(sampler.sample())
    numpy_rows = StepSampler(counting(20), 6, seed=3).sample_index()
    assert isinstance(numpy_rows, np.ndarray)
    assert index.tolist() == numpy_rows.tolist()


@requires_torch
@pytest.mark.parametrize("flattened", [False, True])
def test_batches_are_put_on_the_device_asked_for(flattened: bool) -> None:
    import torch

    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    data = ListBatch(NUMERIC.to(backend=PyTorchComputeBackend), metadata=True)
    data.extend_from(ListBatch(NUMERIC, samples(NUMERIC, 20)))
    data.single_metadata_space = METADATA.to(backend=PyTorchComputeBackend)
    # Torch's meta device has shapes only, and every machine has it.
    plain, moved = StepSampler(data, 6, seed=3), StepSampler(data, 6, 3, torch.device("meta"))
    assert moved.device == torch.device("meta")
    assert moved.sampled_space.device == moved.device
    assert moved.sample_index().device.type == "cpu"
    if flattened:
        expected, value = plain.sample_flat(), moved.sample_flat()
        assert (value.device.type, value.shape, value.dtype) == ("meta", expected.shape, expected.dtype)
        return
    value, metadata = moved.sample_with_metadata()
    parts = [value["image"], value["done"], *value["state"], metadata["row"]]
    assert {part.device.type for part in parts} == {"meta"}
    assert metadata["name"].shape == (6,)
