"""What holds for every space."""

from __future__ import annotations

import copy
import json
from abc import abstractmethod
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import pytest

from unienv_data.testing.checking import check
from unienv_data.testing.factories import AnyBackend, AnySpace
from unienv_data.testing.samples import same
from unienv_data.testing.suite import Suite, batch_of, rows_of
from unienv_interface.errors import SpaceValueError
from unienv_interface.space.space_utils.batch_utils import batch_size, batch_size_data, batch_space
from unienv_interface.space.space_utils.flatten_utils import (
    flat_dim,
    flatten_data,
    is_flattenable,
    unflatten_data,
)
from unienv_interface.space.space_utils.serialization_utils import json_to_space, space_to_json

__all__ = ["FOREIGN", "SpaceTests"]

FOREIGN: Sequence[Any] = (
    None,
    object(),
    b"bytes",
    1j,
    np.array([1j]),
    np.array(["text"]),
    np.array([None, object()], dtype=object),
    [object()],
    [[1], [1, 2]],
    {"no such key": 1},
    {1: 2},
    range(3),
    10**400,
    float,
    np.datetime64("2020-01-01"),
)
"""What is a value of hardly any space."""


class SpaceTests(Suite):
    """Subclass, and say which space, and which values of it, at least two."""

    @abstractmethod
    def make_space(self, backend: AnyBackend) -> AnySpace:
        """The space; equal ones whenever it is called."""

    @abstractmethod
    def make_values(self, space: AnySpace) -> Sequence[Any]:
        """Values of the space in canonical form, samples among them."""

    def test_values(self, backend: AnyBackend) -> None:
        """Are members, as they are."""
        space = self.make_space(backend)
        for value in self.make_values(space):
            check(value in space, "member", value, space)
            check(same(space.coerce(value), value), "coerced", space.coerce(value), value)

    def test_samples(self, backend: AnyBackend) -> None:
        """Are members, and a function of the seed."""
        space = self.make_space(backend)
        drawn = []
        for _ in range(2):
            rng = backend.random.random_number_generator(3)
            samples = []
            for _ in range(3):
                rng, value = space.sample(rng)
                samples.append(value)
                check(value in space, "sample", value, space)
            drawn.append(samples)
        check(same(drawn[0], drawn[1]), "samples", drawn[0], drawn[1])

    def test_what_is_no_value(self, backend: AnyBackend) -> None:
        """Is refused by coerce, and contains never raises."""
        space = self.make_space(backend)
        for foreign in FOREIGN:
            if not space.contains(foreign):
                with pytest.raises(SpaceValueError):
                    space.coerce(foreign)

    def test_identity(self, backend: AnyBackend) -> None:
        """Equal when made alike, hashable, immutable; an equal one reaches other processes."""
        space, other = self.make_space(backend), self.make_space(backend)
        check(space == other and hash(space) == hash(other), "equal", space, other)
        check(copy.copy(space) is space and copy.deepcopy(space) is space, "copy", space, space)
        sent = ForkingPickler.loads(ForkingPickler.dumps(space))
        check(sent == space, "sent to another process", sent, space)
        with pytest.raises(AttributeError):
            setattr(space, "backend", backend)  # noqa: B010 - no assignment that types would refuse
        check(space != "space", "another thing", space, "space")

    def test_documents(self, backend: AnyBackend) -> None:
        """Are strict JSON from which an equal space is made."""
        space = self.make_space(backend)
        text = json.dumps(space_to_json(space), allow_nan=False)
        check(json_to_space(json.loads(text), backend, space.device) == space, "from JSON", text, space)

    def test_batches(self, backend: AnyBackend) -> None:
        """Hold their values in order."""
        space = self.make_space(backend)
        values = list(self.make_values(space))
        batch = batch_of(space, values)
        batched = batch_space(space, len(values))
        check(batch in batched, "a batch", batch, batched)
        if batch_size(batched) is not None:
            check(batch_size_data(batch) == len(values), "its size", batch_size_data(batch), len(values))
        found = rows_of(space, batch, len(values))
        check(all(map(same, found, values)), "its values", found, values)

    def test_flat_forms(self, backend: AnyBackend) -> None:
        """Have one length, and give the value back."""
        space = self.make_space(backend)
        if not is_flattenable(space):
            pytest.skip("values of this space are no flat arrays")
        for value in self.make_values(space):
            flat = flatten_data(space, value)
            check(tuple(flat.shape) == (flat_dim(space),), "length", flat.shape, flat_dim(space))
            check(same(unflatten_data(space, flat), value), "unflattened", flat, value)

    def test_other_backends(self, backend: AnyBackend) -> None:
        """Take the space and its values, and give them back."""
        space = self.make_space(backend)
        for name in self.backend_names:
            other = self.backend_called(name)
            if other is None or other is backend:
                continue
            moved = space.to(other)
            check(moved.to(backend) == space, "there and back", moved, space)
            for value in self.make_values(space):
                there = space.data_to(value, other)
                check(there in moved, "a value there", there, moved)
                check(same(moved.data_to(there, backend), value), "a value back", there, value)

    def test_description(self, backend: AnyBackend) -> None:
        """Names the class and, where asked for, the backend."""
        space = self.make_space(backend)
        check(type(space).__name__ in repr(space), "repr", repr(space), type(space).__name__)
        check(backend.simplified_name in repr(space), "repr", repr(space), backend.simplified_name)
        short = space.get_repr(abbreviate=True, include_backend=False)
        check(backend.simplified_name not in short, "short", short, backend.simplified_name)
