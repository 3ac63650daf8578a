"""Whole objects that can be told to be damaged: what came damaged is fetched again, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from unienv_data.errors import CorruptDataError, DocumentError
from unienv_data.store.objects.base import ObjectStore

__all__ = ["read_checked"]

T = TypeVar("T")


def read_checked(objects: ObjectStore, name: str, decode: Callable[[bytes], T]) -> T:
    """What `decode` makes of an object.

    Args:
        objects: where it stands.
        name: its name.
        decode: raises CorruptDataError or DocumentError where the bytes are not what was written.

    Raises:
        FileNotFoundError: it is not there.
    """
    try:
        return decode(objects.read(name))
    except (CorruptDataError, DocumentError):
        if objects.is_local:
            raise
    objects.forget([name])
    return decode(objects.read(name))
