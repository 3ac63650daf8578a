"""Objects that one process keeps in its memory: within the budget, what is used least goes first."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.store.cache.memory import KeepingMemory
from unienv_data.store.cache.part import Part
from unienv_data.store.objects.base import Run

LIMIT = 100

NAMES = st.sampled_from(["a/x", "a/y", "b", "c", "d"])
STEPS = st.one_of(
    st.tuples(st.just("land"), NAMES, st.lists(st.integers(0, 45), max_size=3)),
    st.tuples(st.sampled_from(["touch", "demote", "drop", "pin"]), NAMES, st.just([])),
)


def land(memory: KeepingMemory, name: str, pieces: list[bytes], pinned: set[str]) -> bool:
    def bring(part: Part) -> bool:
        part.write(b"void")
        part.begin()
        for piece in pieces:
            part.write(memoryview(piece))
        size = sum(map(len, pieces))
        assert part.size == size
        assert part.last(5) == b"".join(pieces)[-5:]
        return True

    with memory.landing(name, 0.0):
        size = sum(map(len, pieces))
        return memory.land(name, bring, likely=size, durable=False, is_pinned=pinned.__contains__)


@given(st.lists(STEPS, max_size=40))
def test_it_is_a_list_of_which_the_first_go(steps: list[tuple[str, str, list[int]]]) -> None:
    memory, model, pinned = KeepingMemory("here", LIMIT), OrderedDict[str, bytes](), set[str]()
    for number, (kind, name, sizes) in enumerate(steps):
        if kind == "land":
            pieces = [bytes([number]) * size for size in sizes]
            whole = b"".join(pieces)
            others = {kept: data for kept, data in model.items() if kept != name}
            fits = sum(len(data) for kept, data in others.items() if kept in pinned) + len(whole) <= LIMIT
            if name in model or not fits:
                continue  # the fetcher brings what is not here, and whatever there is room for
            assert land(memory, name, pieces, pinned)
            for kept in list(model):
                if sum(map(len, model.values())) + len(whole) > LIMIT and kept not in pinned:
                    del model[kept]
            model[name] = whole
        elif kind == "pin":
            pinned ^= {name}
        elif kind == "drop":
            memory.drop([name])
            model.pop(name, None)
        elif name in model:
            getattr(memory, kind)([name])
            model.move_to_end(name, last=kind == "touch")
        assert {kept: memory.below("").read(kept) for kept in model} == dict(model)
        assert [memory.size(kept) for kept in model] == [len(data) for data in model.values()]
        assert not any(memory.has(kept) for kept in ("a/x", "a/y", "b", "c", "d") if kept not in model)
    memory.close()
    assert not any(map(memory.has, model))


def test_what_does_not_fit_is_not_kept() -> None:
    memory = KeepingMemory("here", LIMIT)
    assert land(memory, "a", [bytes(60)], set())
    assert not land(memory, "b", [bytes(50)], {"a"})
    assert not memory.land("c", lambda part: part.write(bytes(LIMIT + 1)) is None, likely=1, durable=False)
    assert not memory.land("d", lambda part: False, likely=1, durable=False)
    assert memory.has("a")
    assert [memory.has(name) for name in "bcd"] == [False] * 3
    assert land(memory, "b", [bytes(50)], set())
    assert not memory.has("a")


def test_views_are_of_the_object_itself() -> None:
    memory, data = KeepingMemory("here", None), bytes(range(100))
    land(memory, "a/b", [data], set())
    place = memory.below("a/")
    run = Run("b", np.array([0, 50]), np.array([10, 100]))
    views = place.views([run])
    assert views is not None
    assert [view.tobytes() for view in views] == [data[:10], data[50:]]
    assert all(not view.flags.writeable for view in views)
    assert place.views([run._replace(stops=np.array([10, 101]))]) is None
    memory.drop(["a/b"])
    assert views[1].tobytes() == data[50:]
