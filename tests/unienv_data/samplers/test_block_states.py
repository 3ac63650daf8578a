"""States of samplers in the order "block": what they hold, and from which others one can go on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unienv_data.base.models import counting, rows_in
from unienv_data.errors import DocumentError
from unienv_data.samplers import StepSampler

EARLIER = {"seed": 7, "epoch": 1, "position": 8, "length": 30, "draw": 2}


def block(data: Any, **options: Any) -> Any:
    return StepSampler(data, 4, seed=7, shuffle="block", **options)


def begun(sampler: Any, batches: int) -> dict[str, int]:
    """The state after so many batches."""
    epoch = sampler.epoch_iter()
    for _ in range(batches):
        next(epoch)
    state: dict[str, int] = json.loads(json.dumps(sampler.state_dict()))
    return state


def test_states_of_other_orders_are_as_they_were() -> None:
    sampler = StepSampler(counting(30), 4, seed=7, shuffle="global")
    assert begun(sampler, 2) == {"seed": 7, "epoch": 0, "position": 8, "length": 30, "draw": 0}
    sampler.load_state_dict(EARLIER)
    assert sampler.state_dict() == EARLIER


def test_states_of_blocks_are_a_few_integers() -> None:
    state = begun(block(counting(30), rank=1, world_size=2), 2)
    assert set(map(type, state.values())) == {int}
    assert (state["position"], state["origin"], state["ranks"], state["left"]) == (16, 0, 2, 0)
    assert state["window"] >= 1


def test_what_comes_next_follows_the_state_and_not_the_sampler() -> None:
    """Where data are near, and the order has been left open, an epoch in blocks goes on all the same."""
    data = counting(30)
    sampler = block(data)
    state = begun(sampler, 3)
    rest = rows_in(block_loaded(data, state))
    resumed = StepSampler(data, 4, buffer_bytes=1)
    resumed.load_state_dict(state)
    assert rows_in(resumed) == rest
    # And the next epoch is the sampler's own.
    again = StepSampler(data, 4, seed=7, shuffle="global")
    list(again)
    assert rows_in(resumed) == rows_in(again)


def block_loaded(data: Any, state: dict[str, int]) -> Any:
    sampler = block(data)
    sampler.load_state_dict(state)
    return sampler


def test_epochs_are_not_gone_on_with_in_another_order() -> None:
    data = counting(30)
    state = begun(block(data), 2)
    for shuffle in ("global", "none"):
        with pytest.raises(ValueError, match='in the order "block"'):
            StepSampler(data, 4, shuffle=shuffle).load_state_dict(state)
        # Before its first batch an epoch has no order that matters.
        StepSampler(data, 4, shuffle=shuffle).load_state_dict(begun(block(data), 0))
    with pytest.raises(ValueError, match='not in the order "block"'):
        block(data).load_state_dict(EARLIER)


def test_rows_in_other_blocks_are_noticed() -> None:
    state = begun(block(counting(30)), 2)
    with pytest.raises(ValueError, match="lie in other blocks"):
        block(counting(30)).load_state_dict({**state, "layout": state["layout"] + 1})
    grown = counting(35)
    assert len(rows_in(block_loaded(grown, state))) == 22


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"window": -1}, "window: expected at least 0, got -1"),
        ({"origin": 9}, r"position: expected at least origin \+ left, got 8"),
        ({"ranks": 0}, "ranks: expected at least 1, got 0"),
        ({"layout": "x"}, "layout: expected an integer, got 'x'"),
        ({"more": 1}, "more: unknown"),
    ],
)
def test_damaged_states_are_refused(change: dict[str, Any], problem: str) -> None:
    sampler = block(counting(30))
    state = begun(sampler, 2)
    with pytest.raises(DocumentError, match=problem):
        sampler.load_state_dict({**state, **change})
    missing = {name: value for name, value in state.items() if name != "left"}
    with pytest.raises(DocumentError, match="left: missing"):
        sampler.load_state_dict(missing)


def test_a_buffer_must_hold_something() -> None:
    with pytest.raises(ValueError, match="buffer_bytes: expected at least 1, got 0"):
        StepSampler(counting(3), 2, buffer_bytes=0)
