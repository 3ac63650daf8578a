"""The power goes after every commit and at random moments: what was committed is there, whole."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.unienv_data.store import powerloss, rowmodel
from tests.unienv_data.store.powerloss import Disk
from tests.unienv_data.store.rowmodel import append, check, close, commit, create, kill, newest, reopen
from unienv_data.store.objects.local import LocalObjects

disk = powerloss.disk
tiny_values: Any = rowmodel.tiny_values
pytestmark = [pytest.mark.durable, pytest.mark.usefixtures("tiny_values")]


@pytest.mark.parametrize("names_last", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_power_loss(tmp_path: Path, disk: Disk, seed: int, names_last: bool) -> None:
    order = random.Random(seed)
    root = tmp_path / "far" / "away" / "x.zarr"
    store = create(LocalObjects(root))
    states: dict[int, list[Any]] = {0: []}
    state: list[Any] = []

    def check_what_is_left(moment: int) -> None:
        left = tmp_path / f"left-{moment}"
        left.mkdir()
        disk.after_power_loss(left, tmp_path / "far", names_last=names_last)
        found = LocalObjects(left / "away" / "x.zarr")
        number = newest(found).number
        assert number >= store.commit_read.number
        check(reopen(found, writable=False), states[number])
        after = reopen(found, writable=True)
        fresh = [5000 + i for i in range(11)]
        append(after, fresh)
        close(after)
        check(reopen(found, writable=False), [*states[number], *fresh])

    for moment in range(16):
        fresh = [1000 + 40 * moment + i for i in range(order.randrange(1, 30))]
        append(store, fresh)
        state = [*state, *fresh]
        act = order.random()
        if act < 0.15:
            low, high = sorted(order.sample(range(len(state) + 1), 2))
            store.keep([(0, low), (high, len(state))])
            state = state[:low] + state[high:]
        if act < 0.5:
            states[commit(store).number] = state
        elif act < 0.6:
            states[store.seal(store.commit_read.buffer).number] = state
            states[store.commit_read.number - 1] = state
        elif act < 0.65:
            states[store.compact(store.commit_read.buffer).number] = state
            states[store.commit_read.number - 1] = state
        elif act < 0.8:
            number = store.commit_read.number
            close(store)
            states |= {n: state for n in range(number + 1, store.commit_read.number + 1)}
            store = reopen(LocalObjects(root), writable=True)
        elif act < 0.9:
            kill(store)
            store = reopen(LocalObjects(root), writable=True)
            state = list(states[store.commit_read.number])
        if order.random() < 0.3:
            check_what_is_left(moment)
    check(store, state)
    store.abandon()
