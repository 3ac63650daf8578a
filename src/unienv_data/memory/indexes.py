"""What users address cells by, as a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unienv_data.errors import IndexOutOfRangeError, InvalidIndexError
from unienv_interface._optional import import_optional

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["cells_of"]


def cells_of(indexes: Any, count: int, device: torch.device) -> torch.Tensor:
    """Indexes as cells.

    Args:
        indexes: (n,) integers, in a tensor, an array or a sequence; negative ones count from the last cell.
        count: how many cells there are.
        device: where the cells are to be used.

    Returns:
        (n,) int64 on `device`.

    Raises:
        InvalidIndexError: they are not integers, or not one after the other.
        IndexOutOfRangeError: there is no such cell.
    """
    expected = "indexes: expected integers (n,)"
    try:
        given = torch.as_tensor(indexes)
    except (TypeError, ValueError, RuntimeError) as exc:
        raise InvalidIndexError(f"{expected}, got {type(indexes).__name__} ({exc})") from exc
    is_integer = not (given.is_floating_point() or given.is_complex() or given.dtype == torch.bool)
    if given.ndim != 1 or not (is_integer or not len(given)):
        raise InvalidIndexError(f"{expected}, got {given.dtype} {tuple(given.shape)}")
    cells = given.to(torch.int64)
    # Looked at here: a GPU that is asked for what is not there is lost to the process.
    if len(cells) and not (-count <= int(cells.min()) and int(cells.max()) < count):
        found = f"{int(cells.min())} to {int(cells.max())}"
        raise IndexOutOfRangeError(f"indexes: expected {-count} to {count - 1}, got {found}")
    return torch.where(cells < 0, cells + count, cells).to(device)
