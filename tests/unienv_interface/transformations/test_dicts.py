"""Transformations of structure, against plain dicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_interface.corpus import AnyBackend, AnySpace, box, same
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space import DictSpace, TupleSpace
from unienv_interface.transformations import (
    ChainedTransformation,
    CropTransformation,
    DataTransformation,
    DictExcludeKeyTransformation,
    DictIncludeKeyTransformation,
    DictTransformation,
    FilterDictTransformation,
    FlattenDictTransformation,
    IdentityTransformation,
    RescaleTransformation,
    UnflattenDictTransformation,
)

KEYS = st.sampled_from(["a", "b", "c", "", "long name"])
Tree = dict[str, Any]


def trees(least: int = 0) -> st.SearchStrategy[Tree]:
    """Nested dicts whose leaves are None; each key at most once in a dict."""
    return st.recursive(
        st.dictionaries(KEYS, st.none(), min_size=least, max_size=3),
        lambda inner: st.dictionaries(KEYS, st.none() | inner, min_size=least, max_size=3),
        max_leaves=8,
    )


def space_of(tree: Tree | None) -> AnySpace:
    if tree is None:
        return box(NumpyComputeBackend, 0, 9, "uint8", (2,))
    return DictSpace(NumpyComputeBackend, {key: space_of(part) for key, part in tree.items()})


def paths_of(tree: Tree, keys: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Of every part, dicts included."""
    found = []
    for key, part in tree.items():
        found.append((*keys, key))
        if part is not None:
            found += paths_of(part, (*keys, key))
    return found


def part_of(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = value[key]
    return value


def sample(space: AnySpace) -> Any:
    return space.sample(np.random.default_rng(0))[1]


@given(st.data(), trees(), st.booleans())
def test_filters_as_its_definition_says(data: st.DataObject, tree: Tree, includes: bool) -> None:
    paths = paths_of(tree)
    some = st.lists(st.sampled_from(paths), max_size=4) if paths else st.just([])
    include = data.draw(some) if includes else None
    exclude = data.draw(some)

    def kept(part: Tree | None, value: Any, keys: tuple[str, ...], inside: bool) -> Any:
        """The value without what is left out, None where nothing is left."""
        if keys in exclude:
            return None
        inside = inside or (include is not None and keys in include)
        if part is None:
            return value if inside else None
        found = {
            key: result
            for key in sorted(part)
            if (result := kept(part[key], value[key], (*keys, key), inside)) is not None
        }
        return found if found or inside else None

    space = space_of(tree)
    value = sample(space)
    expected = kept(tree, value, (), include is None) or {}
    transformation = FilterDictTransformation(
        None if include is None else ["/".join(keys) for keys in include],
        ["/".join(keys) for keys in exclude],
    )
    if len({"/".join(keys) for keys in paths}) < len(paths):  # "" as a key
        return
    result = transformation.transform(space, value)
    assert same(result, expected)
    assert same(transformation.get_target_space_from_source(space).coerce(result), result)
    assert transformation.direction_inverse(space) is None


@given(trees(), st.sampled_from(["/", ".", "--"]))
def test_flattens_and_comes_back(tree: Tree, separator: str) -> None:
    space = space_of(tree)
    value = sample(space)
    flatten = FlattenDictTransformation(separator)
    flat, target = flatten.transform(space, value), flatten.get_target_space_from_source(space)
    assert same(target.coerce(flat), flat)
    leaves = [keys for keys in paths_of(tree) if not part_of(tree, keys)]
    assert list(flat) == sorted(separator.join(keys) for keys in leaves)
    for keys in leaves:
        found = flat[separator.join(keys)]
        assert found is part_of(value, keys) or found == {}
    unflatten = flatten.direction_inverse(space)
    assert isinstance(unflatten, UnflattenDictTransformation)
    assert unflatten.get_target_space_from_source(target) == space
    assert same(unflatten.transform(target, flat), value)


@given(trees(1))
def test_transforms_the_named_parts_only(tree: Tree) -> None:
    space = space_of(tree)
    value = sample(space)
    leaves = [keys for keys in paths_of(tree) if part_of(tree, keys) is None]
    chosen = leaves[::2]
    if len({"/".join(keys) for keys in paths_of(tree)}) < len(paths_of(tree)):
        return
    transformation = DictTransformation({"/".join(keys): RescaleTransformation(0, 1) for keys in chosen})
    result, target = (
        transformation.transform(space, value),
        transformation.get_target_space_from_source(space),
    )
    assert same(target.coerce(result), result)
    for keys in leaves:
        before, after = part_of(value, keys), part_of(result, keys)
        if keys in chosen:
            np.testing.assert_allclose(after, before / 9, rtol=1e-6)
        else:
            assert after is before
    back = transformation.direction_inverse(space)
    assert back is not None
    assert same(back.transform(target, result), value)


def pair(b: AnyBackend) -> AnySpace:
    numbers = box(b, 0, 4, "float32", (2,))
    return DictSpace(b, {"x": numbers, "t": TupleSpace(b, [numbers, DictSpace(b, {"y": numbers})])})


def test_parts_in_tuples(backend: AnyBackend) -> None:
    space = pair(backend)
    value = space.sample(backend.random.random_number_generator(0))[1]
    transformation = DictTransformation(
        {"t/1/y": RescaleTransformation(0, 1), "t/0": IdentityTransformation()}
    )
    result = transformation.transform(space, value)
    assert isinstance(result["t"], tuple)
    assert result["x"] is value["x"]
    assert same(result["t"][1]["y"], value["t"][1]["y"] / 4)
    target: Any = transformation.get_target_space_from_source(space)
    assert target["t"][1]["y"] == box(backend, 0, 1, "float32", (2,))
    with pytest.raises(SpaceError, match=r"expected parts \['t/0'\]"):
        FilterDictTransformation(exclude=["t/0"]).get_target_space_from_source(space)


def test_parts_that_a_space_lacks(backend: AnyBackend) -> None:
    space = pair(backend)
    missing: dict[str, DataTransformation] = {"x/y": RescaleTransformation(), "z": RescaleTransformation()}
    for make in (
        lambda **options: DictTransformation(missing, **options),
        lambda **options: DictIncludeKeyTransformation(missing, **options),
        lambda **options: DictExcludeKeyTransformation(missing, **options),
    ):
        with pytest.raises(SpaceError, match=r"expected parts \['x/y', 'z'\], got .*\['t', .*'x'\]"):
            make().get_target_space_from_source(space)
        make(ignore_missing_keys=True).get_target_space_from_source(space)
    include = DictIncludeKeyTransformation(["z"], ignore_missing_keys=True)
    assert include.get_target_space_from_source(space) == DictSpace(backend, {})
    assert include.transform(space, space.create_empty()) == {}


def test_other_separators() -> None:
    b = NumpyComputeBackend
    numbers = box(b, 0, 1, "float32", (2,))
    space = DictSpace(b, {"a/b": numbers, "a": DictSpace(b, {"b": numbers})})
    kept = DictIncludeKeyTransformation(["a.b"], nested_separator=".").get_target_space_from_source(space)
    assert kept == DictSpace(b, {"a": space["a"]})  # type: ignore[index]
    with pytest.raises(SpaceError, match="a/b: two parts have this path"):
        DictIncludeKeyTransformation(["a/b"]).get_target_space_from_source(space)
    with pytest.raises(SpaceError, match="'/' does not tell the keys"):
        FlattenDictTransformation().get_target_space_from_source(space)
    flat = FlattenDictTransformation(".").get_target_space_from_source(space)
    assert list(flat) == ["a.b", "a/b"]  # type: ignore[call-overload]
    slashes = DictSpace(b, {"a/": DictSpace(b, {"/b": numbers})})
    with pytest.raises(SpaceError, match="does not tell the keys"):
        FlattenDictTransformation("//").get_target_space_from_source(slashes)


def test_what_does_not_unflatten() -> None:
    b = NumpyComputeBackend
    numbers = box(b, 0, 1, "float32", (2,))
    unflatten = UnflattenDictTransformation()
    for parts, message in (
        ({"a": numbers, "a/b": numbers}, "a/b: 'a' is a part of its own"),
        ({"a/": numbers, "a/b/c": numbers, "a/b": numbers}, "a/b"),
        ({"a": DictSpace(b, {}), "a/b": numbers}, "a/b: 'a' is a part"),
        ({"a": DictSpace(b, {"b": numbers})}, "a: expected a space that is no dict"),
    ):
        with pytest.raises(SpaceError, match=message):
            unflatten.get_target_space_from_source(DictSpace(b, parts))
    with pytest.raises(SpaceError, match="expected a DictSpace"):
        unflatten.get_target_space_from_source(numbers)


def test_what_they_refuse() -> None:
    crop = CropTransformation(1, 1)
    makes: list[tuple[Any, str]] = [
        (lambda: DictTransformation({"a": crop, "a/b": crop}), "'a/b' leads into the part 'a'"),
        (lambda: DictTransformation({"a": crop, "a!": crop, "a/b": crop}), "'a/b' leads into the part 'a'"),
        (lambda: DictTransformation({"a": 3}), "mapping: expected a DataTransformation for 'a', got int"),
        (lambda: DictTransformation({1: crop}), "mapping: expected strings"),
        (lambda: DictTransformation([crop]), "mapping: expected a mapping"),
        (lambda: DictTransformation({}, nested_separator=""), "nested_separator"),
        (lambda: FilterDictTransformation("abc"), "include: expected several keys, got 'abc'"),
        (lambda: FilterDictTransformation(exclude=[1]), "exclude: expected strings, got 1"),
        (lambda: DictIncludeKeyTransformation("abc"), "enabled_keys: expected several keys"),
        (lambda: DictExcludeKeyTransformation(3), "excluded_keys: expected several keys"),
        (lambda: ChainedTransformation([crop, 3]), r"transformations\[1\]: expected a DataTransformation"),
    ]
    for make, message in makes:
        with pytest.raises(SpaceError, match=message):
            make()


def test_faults_are_told_where_they_are(backend: AnyBackend) -> None:
    space = pair(backend)
    inner = DictTransformation({"y": RescaleTransformation()})
    transformation = DictTransformation({"t/1": inner})
    good = space.create_empty()
    for value, message in (
        ({**good, "t": (good["t"][0], {"y": backend.zeros((3,))})}, "^t/1/y: expected shape"),
        ({**good, "t": (good["t"][0], {})}, r"^t/1: expected keys \['y'\], got keys \[\]"),
        ({**good, "t": 3}, "^t: expected tuple of 2 values, got 3"),
        ({**good, "t": (1, 2, 3)}, "^t: expected tuple of 2 values"),
        ({"t": good["t"]}, r"^the value: expected keys \['t', 'x'\], got keys \['t'\]"),
    ):
        with pytest.raises(SpaceValueError, match=message):
            transformation.transform(space, value)
    with pytest.raises(SpaceError, match=r"^t/1: y: CropTransformation: expected arrays"):
        DictTransformation({"t/1": DictTransformation({"y": CropTransformation(1, 1)})}).plan(space)
    nested = DictSpace(backend, {"a": DictSpace(backend, {"b": DictSpace(backend, {"c": space})})})
    with pytest.raises(SpaceValueError, match=r"^a/b: expected mapping with keys \['c'\], got 3"):
        FlattenDictTransformation().transform(nested, {"a": {"b": 3}})
    with pytest.raises(SpaceValueError, match=r"^a: expected keys \['b'\]"):
        DictExcludeKeyTransformation(["a/b/c"]).transform(nested, {"a": {}})


def test_chains_run_in_order_and_back(backend: AnyBackend) -> None:
    space = box(backend, 0, 4, "float32", (3,))
    chain = ChainedTransformation(
        [RescaleTransformation(0, 100), RescaleTransformation(0, 8, "int8"), IdentityTransformation()]
    )
    x = backend.asarray([0.0, 1.0, 4.0], dtype=backend.float32)
    y = chain.transform(space, x)
    assert backend.to_numpy(y).tolist() == [0, 2, 8]
    back = chain.direction_inverse(space)
    assert back is not None
    assert [type(step).__name__ for step in back.transformations] == [
        "IdentityTransformation",
        "RescaleTransformation",
        "RescaleTransformation",
    ]
    assert same(back.transform(chain.get_target_space_from_source(space), y), x)
    one_way = ChainedTransformation([IdentityTransformation(), CropTransformation(1, 1)])
    assert not one_way.has_inverse
    assert one_way.direction_inverse(space) is None
    assert ChainedTransformation([FlattenDictTransformation()]).direction_inverse() is not None


def test_closing_closes_what_they_hold() -> None:
    closed = []

    class Held(IdentityTransformation):
        def close(self) -> None:
            closed.append(self)

    held = [Held(), Held()]
    ChainedTransformation([DictTransformation({"a": held[0]}), held[1]]).close()
    assert closed == held


def test_plans_are_made_once_a_space() -> None:
    class Counting(IdentityTransformation):
        asked = 0

        def get_target_space_from_source(self, source_space: AnySpace) -> AnySpace:
            Counting.asked += 1
            return source_space

    space = pair(NumpyComputeBackend)
    chain = ChainedTransformation([DictTransformation({"x": Counting()})])
    value = sample(space)
    for _ in range(5):
        chain.transform(space, value)
        chain.transform(pair(NumpyComputeBackend), value)  # an equal space
    assert Counting.asked == 1
    for n in range(100):  # and not kept for ever
        chain.get_target_space_from_source(
            DictSpace(NumpyComputeBackend, {"x": box(NumpyComputeBackend, 0, 1, "float32", (n,))})
        )
    assert len(chain._plans) < 20
