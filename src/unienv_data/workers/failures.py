"""Exceptions that are raised in one process and belong into another."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from typing import Any

import cloudpickle

from unienv_data.errors import WorkerError

__all__ = ["WorkerTraceback", "retell", "tell"]


class WorkerTraceback(Exception):  # noqa: N818 - what it is, rather than what went wrong
    """Where an exception was raised in another process: the cause of what is raised here."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


def tell(error: BaseException) -> bytes:
    """An exception with its traceback, as bytes."""
    process = f"In process {multiprocessing.current_process().name} (pid {os.getpid()}):\n\n"
    text = process + "".join(traceback.format_exception(error))
    summary = traceback.format_exception_only(error)[-1].strip()
    told: bytes = cloudpickle.dumps((_pickled(error), summary, text))
    return told


def retell(told: bytes) -> BaseException:
    """The exception that `tell` was told, its traceback as its cause.

    One that cannot be sent has become a WorkerError that says what it was.
    """
    pickled, summary, text = cloudpickle.loads(told)
    error = _unpickled(pickled) if pickled is not None else None
    if error is None:
        error = WorkerError(summary)
    error.__cause__ = WorkerTraceback(text)
    return error


def _pickled(error: BaseException) -> bytes | None:
    """The exception without its traceback; None where it would not arrive as what it is."""
    try:
        pickled: bytes = cloudpickle.dumps(error)
    except Exception:  # whatever the exception's own code raises
        return None
    return pickled if type(_unpickled(pickled)) is type(error) else None


def _unpickled(pickled: bytes) -> BaseException | None:
    try:
        error: Any = cloudpickle.loads(pickled)
    except Exception:  # such as a constructor that asks for more than the message
        return None
    return error if isinstance(error, BaseException) else None
