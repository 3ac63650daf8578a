"""Batches that workers can import quickly."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from unienv_data.base import BatchBase
from unienv_data.indexing import RowIndex
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace

BACKEND = NumpyComputeBackend
NUMBER = BoxSpace(BACKEND, -(2**40), 2**40, BACKEND.int64, shape=())
ORIGIN = DictSpace(BACKEND, {"row": NUMBER, "pid": NUMBER})


class Numbers(BatchBase[Any, Any, Any, Any, Any]):
    """A batch whose rows are their own numbers, and whose metadata tells who has read them.

    Args:
        length: how many rows.
        meanwhile: called with the rows that are read, before they are.
    """

    is_mutable = False

    def __init__(self, length: int, meanwhile: Callable[[list[int]], None] | None = None) -> None:
        super().__init__(NUMBER, ORIGIN)
        self.length = length
        self.meanwhile = meanwhile

    def __len__(self) -> int:
        return self.length

    def _read(self, rows: RowIndex) -> tuple[Any, dict[str, Any]]:
        if self.meanwhile is not None:
            self.meanwhile(list(rows))
        values = np.array(rows, dtype=np.int64)
        return values, {"row": values.copy(), "pid": np.full(len(values), os.getpid())}


class CustomError(Exception):
    """Has no sensible message, and attributes of its own."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


class StubbornError(Exception):
    """Cannot be made from its message."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def fails_at(row: int, error: BaseException) -> Callable[[list[int]], None]:
    """Raises `error` where `row` is among those that are read."""

    def check(rows: list[int]) -> None:
        if row in rows:
            raise error

    return check


def in_worker(number: int, action: Callable[[], None]) -> Callable[[list[int]], None]:
    """Does something in one worker, whatever it reads."""

    def act(rows: list[int]) -> None:
        if multiprocessing.current_process().name.endswith(f"-{number}"):
            action()

    return act


def nap() -> None:
    time.sleep(0.05)


def forever(rows: list[int]) -> None:
    time.sleep(600)
