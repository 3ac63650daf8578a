"""What a collection should have recorded: lists of transitions, and where segments end."""

from __future__ import annotations

from typing import Any

from tests.unienv_data.replay_buffer.collecting.worlds import CountingWorld


class Model:
    """The transitions of a world, kept without any of the code under test.

    Args:
        world: the world, which is asked for its state before and after a step.
        per_env: whether each slot has a buffer.
    """

    def __init__(self, world: CountingWorld, *, per_env: bool) -> None:
        self.world, self.per_env = world, per_env
        self.slots = len(world.state)
        self.live = [False] * self.slots
        self.rows: list[list[dict[str, Any]]] = [[] for _ in range(self.slots if per_env else 1)]
        self.open: list[int | None] = [None for _ in self.rows]
        self.segments: list[list[tuple[int, int]]] = [[] for _ in self.rows]
        self.episodes: dict[int, list[list[dict[str, Any]]]] = {slot: [] for slot in range(self.slots)}

    def reset(self, slots: list[int]) -> None:
        """Before the world resets these slots."""
        for slot in slots:
            if self.live[slot] and self.episodes[slot] and self.episodes[slot][-1]:
                self.end(slot if self.per_env else 0)
            self.live[slot] = True
            self.episodes[slot].append([])

    def end(self, number: int) -> None:
        start = self.open[number]
        if start is not None and len(self.rows[number]) > start:
            self.segments[number].append((start, len(self.rows[number])))
        self.open[number] = None

    def step(self, before: list[list[int]], actions: list[int], ends: dict[int, str]) -> None:
        """After a step; `before` is the world's state before it."""
        contexts = [[row[1]] for row in before]
        ended = set()
        for slot in range(self.slots):
            if not self.live[slot]:
                continue
            number = slot if self.per_env else 0
            row = {
                "obs": before[slot],
                "next_obs": [*before[slot][:2], before[slot][2] + 1],
                "action": actions[slot],
                "reward": float(actions[slot] + before[slot][2] + 1),
                "terminated": ends.get(slot) == "terminated",
                "truncated": ends.get(slot) == "truncated",
                "done": slot in ends,
                "context": f"episode {contexts[slot][0]}" if self.world.text else contexts[slot],
                "env_index": slot,
            }
            if self.open[number] is None:
                self.open[number] = len(self.rows[number])
            self.rows[number].append(row)
            self.episodes[slot][-1].append(row)
            if slot in ends:
                self.live[slot] = False
                ended.add(number)
        for number in ended:
            self.end(number)


def recovered(rows: list[dict[str, Any]], segments: list[tuple[int, int]], reset_slots: list[Any]) -> Any:
    """The episodes of each slot of a shared buffer, as its documentation says how to find them.

    Args:
        rows: the rows of the buffer.
        segments: its segments, the open one included.
        reset_slots: what the episode table says of each.
    """
    episodes: dict[int, list[list[dict[str, Any]]]] = {}
    goes_on: set[int] = set()
    for (start, stop), cut in zip(segments, reset_slots, strict=True):
        goes_on -= set(cut or ())
        for row in rows[start:stop]:
            slot = row["env_index"]
            if slot not in goes_on:
                episodes.setdefault(slot, []).append([])
                goes_on.add(slot)
            episodes[slot][-1].append(row)
            if row["done"]:
                goes_on.discard(slot)
    return episodes
