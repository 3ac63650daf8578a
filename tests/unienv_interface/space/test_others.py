"""What is particular to binary, dict, tuple, text and batched spaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import AnyBackend, box
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    Space,
    TextSpace,
    TupleSpace,
)

N = NumpyComputeBackend


def test_binary_takes_booleans_only(backend: AnyBackend) -> None:
    space = BinarySpace(backend, (2,))
    assert [True, False] in space
    assert backend.asarray([True, False]) in space
    for wrong in ([1, 0], backend.asarray([1, 0]), [True], True, "ab"):
        assert wrong not in space
    with pytest.raises(SpaceError, match="dtype: expected a boolean type"):
        BinarySpace(backend, (2,), dtype=backend.int32)
    _, drawn = BinarySpace(backend, (1000,)).sample(backend.random.random_number_generator(0))
    assert 400 < int(backend.to_numpy(drawn).sum()) < 600


# -- dict and tuple --------------------------------------------------------------------------------


def test_dict_keys_are_sorted_everywhere(backend: AnyBackend) -> None:
    parts = {key: box(backend, 0, 1, "float32", ()) for key in ("b", "a", "C")}
    space = DictSpace(backend, parts)
    assert list(space) == list(space.keys()) == list(space.spaces) == ["C", "a", "b"]
    assert DictSpace(backend, list(parts.items())) == space
    _, value = space.sample(backend.random.random_number_generator(0))
    assert list(value) == ["C", "a", "b"]
    assert list(space.coerce({"b": 0, "a": 0, "C": 0})) == ["C", "a", "b"]


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        ({1: BinarySpace(N, ())}, "spaces: expected strings as keys, got 1"),
        ({"a": 3}, r"spaces\['a'\]: expected a Space, got int"),
        ([("a", BinarySpace(N, ())), ("a", BinarySpace(N, ()))], "spaces: expected each key once"),
    ],
)
def test_dict_refuses(spaces: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        DictSpace(N, spaces)


def test_parts_of_another_backend_are_refused(backend: AnyBackend, other: AnyBackend) -> None:
    part = BinarySpace(other, ())
    for make in (lambda: DictSpace(backend, {"a": part}), lambda: TupleSpace(backend, [part])):
        with pytest.raises(SpaceError, match=r"expected a space of .* got one of"):
            make()


def test_dict_is_not_what_it_was_made_from(backend: AnyBackend) -> None:
    parts = {"a": BinarySpace(backend, ())}
    space = DictSpace(backend, parts)
    parts["b"] = BinarySpace(backend, ())
    assert list(space) == ["a"]
    with pytest.raises(TypeError):
        space.spaces["b"] = BinarySpace(backend, ())


def test_dict_messages_name_the_path(backend: AnyBackend) -> None:
    inner = TupleSpace(backend, [box(backend, 0, 1, "float32", (2,)), TextSpace(backend, 2)])
    space = DictSpace(backend, {"obs": DictSpace(backend, {"parts": inner})})
    with pytest.raises(SpaceValueError, match=r"^obs/parts/1: expected 0 to 2 characters, got 3 characters$"):
        space.coerce({"obs": {"parts": ([0, 1], "abc")}})
    with pytest.raises(
        SpaceValueError, match=r"^obs: expected keys \['parts'\], got keys \['extra', 'parts'\]$"
    ):
        space.coerce({"obs": {"parts": ([0, 1], "ab"), "extra": 1}})
    with pytest.raises(SpaceValueError, match=r"^obs/parts: expected tuple of 2 values, got 1 values$"):
        space.coerce({"obs": {"parts": ([0, 1],)}})


def test_device_moves_all_parts(backend: AnyBackend) -> None:
    space = DictSpace(backend, {"a": BinarySpace(backend, ()), "t": TupleSpace(backend, [])}, device="cpu")
    assert space["a"] == BinarySpace(backend, (), device="cpu")
    assert space.device == space["a"].device
    assert space == DictSpace(backend, {"a": BinarySpace(backend, ()), "t": TupleSpace(backend, [])}).to(
        device="cpu"
    )


def test_shared_device_is_found() -> None:
    pytest.importorskip("torch")
    from unienv_interface.backends.pytorch import PyTorchComputeBackend as T

    here, there = BinarySpace(T, (), device="cpu"), BinarySpace(T, (), device="meta")
    assert Space.abbr_device([here, here]) == here.device
    assert Space.abbr_device([here, there]) is None
    assert Space.abbr_device([]) is None
    assert DictSpace(T, {"a": here, "b": there}).device is None
    assert DictSpace(T, {"a": here}).device == here.device
    assert here != there


def test_unknown_devices_are_refused(backend: AnyBackend) -> None:
    with pytest.raises(SpaceError, match="device: "):
        BinarySpace(backend, (), device="no such device")


# -- text ------------------------------------------------------------------------------------------


def test_repeated_characters_count_once(backend: AnyBackend) -> None:
    space = TextSpace(backend, 4, charset="banana")
    assert space.charset == frozenset("abn")
    assert space.charset_list == ("a", "b", "n")
    assert space.charset_index == {"a": 0, "b": 1, "n": 2}
    assert [space.character_index(char) for char in "abnz"] == [0, 1, 2, None]
    assert space == TextSpace(backend, 4, charset="nab") == TextSpace(backend, 4, charset={"n", "b", "a"})


def test_text_without_a_charset(backend: AnyBackend) -> None:
    space = TextSpace(backend, 4)
    assert space.charset is space.charset_list is space.charset_index is None
    assert space.character_index("a") is None
    assert "\x00😀" in space
    assert space != TextSpace(backend, 4, charset="")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_length": -1}, "max_length: expected an integer"),
        ({"max_length": 1.5}, "max_length: expected an integer"),
        ({"max_length": True}, "max_length: expected an integer"),
        ({"max_length": 2, "min_length": 3}, "min_length: expected at most max_length 2, got 3"),
        ({"max_length": 2, "charset": {"ab"}}, "charset: expected single characters, got 'ab'"),
        ({"max_length": 2, "charset": {1}}, "charset: expected single characters, got 1"),
        ({"max_length": 2, "min_length": 1, "charset": ""}, "charset: expected characters"),
    ],
)
def test_text_refuses(arguments: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        TextSpace(N, **arguments)


def test_text_members() -> None:
    space = TextSpace(N, 3, min_length=1, charset="ab")
    assert np.str_("ab") in space
    assert type(space.coerce(np.str_("ab"))) is str
    for wrong in ("", "aaaa", "c", b"a", 1, ["a"]):
        assert wrong not in space


def test_text_samples_have_every_length(backend: AnyBackend) -> None:
    space = TextSpace(backend, 3, min_length=1, charset="ab")
    rng, lengths = backend.random.random_number_generator(0), set()
    for _ in range(60):
        rng, text = space.sample(rng)
        lengths.add(len(text))
    assert lengths == {1, 2, 3}
    assert TextSpace(backend, 3, charset="").sample(rng)[1] == ""


# -- batched ---------------------------------------------------------------------------------------


def test_batches_of_text_take_lists_and_string_arrays(backend: AnyBackend) -> None:
    space = BatchedSpace(TextSpace(backend, 3), (2, 2))
    expected = np.array([["a", "b"], ["c", "d"]], dtype=object)
    for form in (expected, expected.astype(str), expected.tolist()):
        assert form in space
        assert space.coerce(form).dtype == object
        assert (space.coerce(form) == expected).all()
    for wrong in (expected[0], ["a", "b"], [["a", "b"], ["c"]], "abcd", [["a", "b"], ["c", "long"]]):
        assert wrong not in space
    with pytest.raises(SpaceValueError, match=r"^1/1: expected 0 to 3 characters, got 4 characters$"):
        space.coerce([["a", "b"], ["c", "long"]])


def test_batches_keep_sequences_whole() -> None:
    space = BatchedSpace(TupleSpace(N, [TextSpace(N, 3), BinarySpace(N, (2,))]), (2,))
    _, value = space.sample(N.random.random_number_generator(0))
    assert value.shape == (2,)
    assert all(isinstance(item, tuple) for item in value)
    assert value.tolist() in space


def test_batched_shape_continues_with_that_of_the_elements() -> None:
    element = BoxSpace(N, 0, 1, dtype=np.dtype("float32"), shape=(3,))
    assert BatchedSpace(element, (2,)).shape == (2, 3)
    assert BatchedSpace(element, (2,)).dtype == np.float32
    assert BatchedSpace(TextSpace(N, 3), (2,)).shape == (2,)
    with pytest.raises(SpaceError, match="single_space: expected a Space, got str"):
        BatchedSpace("text", (2,))
    with pytest.raises(SpaceError, match="batch_shape: "):
        BatchedSpace(element, (-2,))
