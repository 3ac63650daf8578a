"""Which cells of a memory a sample takes. Nothing is read here but the position.

A sequence is samples of one environment that were recorded one after the other. Its cells lie `num_envs`
apart, and go on in the first row where they reach the last; counted by age they never meet the head, where
the newest sample and the oldest are neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unienv_data.errors import EmptyDataError
from unienv_data.memory.position import Position
from unienv_interface._optional import import_optional

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["draw", "every_sequence", "first_ages", "sequences_from"]


def first_ages(position: Position, length: int) -> int:
    """How many recorded samples begin a sequence of `length`: those of ages below this.

    Raises:
        EmptyDataError: none does.
    """
    count = position.recorded - (length - 1) * position.num_envs
    if count < 1:
        rows = -(-position.recorded // position.num_envs)
        raise EmptyDataError(
            f"expected {length} samples in a row of one environment at least, and the most recorded is {rows}"
        )
    return count


def sequences_from(position: Position, ages: torch.Tensor, length: int) -> torch.Tensor:
    """The cells of sequences.

    Args:
        position: where the memory stands.
        ages: (S,) the ages of their first samples, each below `first_ages`.
        length: L, samples of each.

    Returns:
        (S, L) cells.
    """
    steps = torch.arange(length, device=ages.device) * position.num_envs
    return (position.oldest + ages[:, None] + steps) % position.cells


def every_sequence(position: Position, length: int, device: Any = None) -> torch.Tensor:
    """The sequences that the samples of each environment are cut into, one environment after another.

    An environment's first sequence begins with its oldest sample; the newest, after its last whole sequence,
    are in none.

    Returns:
        (S, L) cells.
    """
    envs = torch.arange(position.num_envs, device=device)
    first = (envs - position.oldest) % position.num_envs  # the age of each environment's oldest sample
    samples = (position.recorded - first + position.num_envs - 1) // position.num_envs
    begins = torch.arange(0, position.memory_size - length + 1, length, device=device)
    ages = first[:, None] + begins * position.num_envs
    return sequences_from(position, ages[begins + length <= samples[:, None]], length)


def draw(
    total: int,
    count: int,
    *,
    replacement: bool,
    generator: torch.Generator | None = None,
    device: Any = None,
) -> torch.Tensor:
    """Draw from the numbers below `total`, each as likely as the others.

    Args:
        total: at least 1.
        count: how many are drawn; without replacement, all where there are fewer.
        replacement: whether a number may come twice.
        generator: where chance comes from; None for PyTorch's own generator of the device.
        device: where the numbers are put.

    Returns:
        (count,) int64, in random order.
    """
    options = {"generator": generator, "device": device if generator is None else generator.device}
    if replacement:
        drawn = torch.randint(total, (count,), **options)
    elif count * 4 > total:
        drawn = torch.randperm(total, **options)[:count]
    else:
        drawn = _draw_few(total, count, options)
    return drawn.to(device)


def _draw_few(total: int, count: int, options: dict[str, Any]) -> torch.Tensor:
    """As a permutation's first `count` of many numbers would be, without the permutation."""
    while True:
        drawn = torch.randint(total, (2 * count,), **options)
        # The first `count` different numbers, in the order in which they came.
        ordered, places = drawn.sort(stable=True)
        is_first = torch.ones_like(ordered, dtype=torch.bool)
        is_first[1:] = ordered[1:] != ordered[:-1]
        different = drawn[places[is_first].sort().values]
        if len(different) >= count:
            return different[:count]
