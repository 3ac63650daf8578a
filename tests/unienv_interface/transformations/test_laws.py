"""What holds for every transformation, on every space that it applies to."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from tests.unienv_interface.corpus import NO_ARRAYS, AnyBackend, AnySpace, same
from tests.unienv_interface.transformations.cases import CASES, spaces_for
from tests.unienv_interface.transformations.trying import alike, applications, members
from unienv_interface.errors import SpaceError
from unienv_interface.space.space_utils.batch_utils import batch_space, concatenate, get_at
from unienv_interface.space.space_utils.serialization_utils import space_to_json
from unienv_interface.transformations import (
    DataTransformation,
    json_to_transformation,
    transformation_ids,
    transformation_to_json,
)

pytestmark = pytest.mark.parametrize("case", CASES)


def test_applies_to_some_spaces_and_says_so_of_the_others(case: str, backend: AnyBackend) -> None:
    transformation = CASES[case].make()
    accepted = {name for name, *_ in applications(case, backend)}
    assert backend.simplified_name == "jax" or len(accepted) >= CASES[case].fewest
    for name in spaces_for(backend).keys() - accepted:
        space = spaces_for(backend)[name](backend)
        with pytest.raises(SpaceError):
            transformation.transform(space, space.create_empty())


def test_results_are_in_the_target_space(case: str, backend: AnyBackend) -> None:
    for name, transformation, space, target in applications(case, backend):
        assert target.backend is backend
        for value in members(name, transformation, space):
            before = copy.deepcopy(value)
            result = transformation.transform(space, value)
            assert same(target.coerce(result), result), name  # coerce says where it is outside
            assert same(value, before), name


def test_a_batch_is_transformed_as_its_items_are(case: str, backend: AnyBackend) -> None:
    for name, transformation, space, target in applications(case, backend):
        items = members(name, transformation, space)
        batch, results = concatenate(space, items), [transformation.transform(space, item) for item in items]
        expected = concatenate(target, results)
        before = copy.deepcopy(batch)
        for source in (space, batch_space(space, len(items)), batch_space(space)):
            assert alike(transformation.transform(source, batch), expected), (name, source)
        assert same(batch, before), name


def test_batches_of_batches(case: str, backend: AnyBackend) -> None:
    for name, transformation, space, target in applications(case, backend):
        items = members(name, transformation, space)
        batch, n = concatenate(space, items), len(items)
        batches = concatenate(batch_space(space, n), [batch, batch, batch])
        single = transformation.transform(space, batch)
        expected = concatenate(batch_space(target, n), [single, single, single])
        for source in (space, batch_space(space)):
            assert alike(transformation.transform(source, batches), expected), (name, source)


def test_empty_batches(case: str, backend: AnyBackend) -> None:
    for name, transformation, space, target in applications(case, backend):
        result = transformation.transform(space, concatenate(space, []))
        assert same(batch_space(target, 0).coerce(result), result), name


def test_the_target_of_batches_is_batches_of_the_target(case: str, backend: AnyBackend) -> None:
    for name, transformation, space, target in applications(case, backend):
        for n in (1, 4):
            batched = transformation.get_target_space_from_source(batch_space(space, n))
            assert batched == batch_space(target, n), name


def test_the_inverse_leads_back_to_the_space(case: str, backend: AnyBackend) -> None:
    found = 0
    for name, transformation, space, target in applications(case, backend):
        inverse = transformation.direction_inverse(space)
        if inverse is None:
            assert not (transformation.has_inverse and CASES[case].is_exact), name
            continue
        found += 1
        assert transformation.has_inverse
        assert inverse.get_target_space_from_source(target) == space, name
        batched = inverse.get_target_space_from_source(batch_space(target, 3))
        assert batched == batch_space(space, 3), name
        again = inverse.direction_inverse(target)
        assert again is not None
        assert again.get_target_space_from_source(space) == target, name
        items = members(name, transformation, space)
        results = [transformation.transform(space, item) for item in items]
        backs = [inverse.transform(target, result) for result in results]
        for item, back in zip(items, backs, strict=True):
            assert same(space.coerce(back), back), name
            assert same(back, item) or not CASES[case].is_exact, name
        expected = concatenate(space, backs)
        assert alike(inverse.transform(batch_space(target), concatenate(target, results)), expected), name
    assert found or backend.simplified_name == "jax" or not CASES[case].make().has_inverse


def test_documents_have_the_same_effect(case: str, backend: AnyBackend) -> None:
    transformation = CASES[case].make()
    document = transformation_to_json(transformation)
    assert document["type"] in transformation_ids()
    text = json.dumps(document, allow_nan=False)
    read = json_to_transformation(json.loads(text))
    assert type(read) is type(transformation)
    assert read.has_inverse == transformation.has_inverse
    assert json.dumps(transformation_to_json(read)) == text
    for name, _, space, target in applications(case, backend):
        assert_same_effect(read, transformation, name, space)
        described = transformation_to_json(transformation, space)
        assert_same_effect(json_to_transformation(described), transformation, name, space)
        inverse = transformation.direction_inverse(space)
        if inverse is not None:
            written = json.loads(json.dumps(transformation_to_json(inverse), allow_nan=False))
            back = json_to_transformation(written)
            assert space_to_json(back.get_target_space_from_source(target)) == space_to_json(space)
            for value in members(name, transformation, space):
                there = transformation.transform(space, value)
                assert alike(back.transform(target, there), inverse.transform(target, there)), name


def assert_same_effect(
    first: DataTransformation, second: DataTransformation, name: str, space: AnySpace
) -> None:
    assert first.get_target_space_from_source(space) == second.get_target_space_from_source(space)
    for value in members(name, second, space):
        assert alike(first.transform(space, value), second.transform(space, value)), name


def test_pickles_and_copies(case: str, backend: AnyBackend) -> None:
    transformation = CASES[case].make()
    for name, _, space, _ in applications(case, backend):
        transformation.get_target_space_from_source(space)  # what is kept of a space does not travel
        for copied in (pickle.loads(pickle.dumps(transformation)), copy.deepcopy(transformation)):
            assert_same_effect(copied, transformation, name, space)
        break


def test_is_told_as_text(case: str, backend: AnyBackend) -> None:
    assert repr(CASES[case].make()).endswith(")")


def test_entries_of_a_batch_do_not_depend_on_each_other(case: str, backend: AnyBackend) -> None:
    for name, transformation, space, target in applications(case, backend):
        if name in NO_ARRAYS:
            continue
        items = members(name, transformation, space)
        batch = transformation.transform(space, concatenate(space, items))
        if isinstance(batch, dict) and not batch:
            continue
        alone = transformation.transform(space, concatenate(space, items[1:2]))
        assert alike(get_at(target, batch, [1]), alone), name


def test_closing_twice(case: str, backend: AnyBackend) -> None:
    transformation = CASES[case].make()
    transformation.close()
    transformation.close()
