"""Whether there is room for what will be written. Pure."""

from __future__ import annotations

__all__ = ["room_refusal"]


def room_refusal(shown: str, needed: int, free: int | None, ways: str) -> str | None:
    """Why too little room is a reason not to begin; None where there is enough, or nobody knows.

    Args:
        shown: the destination, as it is called in messages.
        needed: bytes, about.
        free: bytes that are free; None where nobody knows.
        ways: what else takes less, as `, pack tighter (--codec)`; or nothing.
    """
    if free is None or needed <= free:
        return None
    return (
        f"{shown}: about {needed:,} bytes are needed, {free:,} are free. Convert fewer columns (--columns, "
        f"--exclude) or episodes (--episodes){ways}, or go ahead all the same (--force)."
    )
