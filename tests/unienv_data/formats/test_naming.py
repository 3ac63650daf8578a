from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.formats.naming import dotted_name, nest, nested_paths

# Few letters, so that prefixes, empty parts and slashes meet often.
NAMES = st.lists(st.text(alphabet="ab./", max_size=6), unique=True, max_size=12)


@given(NAMES)
def test_every_name_comes_back(names: list[str]) -> None:
    paths = nested_paths(names)
    assert list(paths) == names
    assert [dotted_name(path) for path in paths.values()] == names


@given(NAMES)
def test_paths_are_leaves_of_one_tree(names: list[str]) -> None:
    paths = list(nested_paths(names).values())
    for one, other in itertools.permutations(paths, 2):
        assert one != other[: len(one)]


@given(NAMES)
def test_nesting_places_every_value(names: list[str]) -> None:
    paths = nested_paths(names)
    tree = nest({path: name for name, path in paths.items()})
    for name, path in paths.items():
        node = tree
        for key in path:
            node = node[key]
        assert node == name


@given(NAMES)
def test_a_name_is_taken_apart_unless_there_is_a_reason(names: list[str]) -> None:
    for name, path in nested_paths(names).items():
        parts = name.split(".")
        reason = "/" in name or "" in parts or any(name.startswith(other + ".") for other in names)
        assert path == ((name,) if reason else tuple(parts))


@given(NAMES, st.randoms())
def test_order_does_not_matter(names: list[str], random) -> None:
    shuffled = random.sample(names, len(names))
    assert nested_paths(shuffled) == nested_paths(names)


def test_a_group_named_like_a_column_stays_whole_at_every_depth() -> None:
    assert nested_paths(["a", "a.b", "a.b.c", "d.e", "d.e.f", "d.g"]) == {
        "a": ("a",),
        "a.b": ("a.b",),
        "a.b.c": ("a.b.c",),
        "d.e": ("d", "e"),
        "d.e.f": ("d.e.f",),
        "d.g": ("d", "g"),
    }


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice: a"):
        nested_paths(["a", "b", "a"])


def test_nest_of_one_unnamed_leaf_is_the_leaf() -> None:
    assert nest({(): 3}) == 3
    with pytest.raises(ValueError, match="empty"):
        nest({(): 3, ("a",): 4})


def test_nest_refuses_a_leaf_inside_a_leaf() -> None:
    with pytest.raises(ValueError, match="a is a column, and a/b"):
        nest({("a", "b"): 1, ("a",): 2})
