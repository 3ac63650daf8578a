"""Starting worker processes where `multiprocessing` alone would not, or would leave traces."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.process
import os
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from unienv_data.errors import WorkerError

__all__ = ["MAIN_GUARD", "UNGUARDED_EXIT_CODE", "default_context", "known_children", "start_process"]

MAIN_GUARD = "workers import the script that starts them: put its code under `if __name__ == '__main__':`"
"""What a script must do, in a sentence."""

UNGUARDED_EXIT_CODE = 87
"""With this a worker ends that has come to start workers itself, by importing its script."""

known_children: set[Any] = getattr(multiprocessing.process, "_children", set())
"""The processes that `multiprocessing` ends with this one; a forked child would end its parent's."""

_NAME = "unienv-data-worker"


def default_context() -> BaseContext:
    """How workers are started unless somebody says otherwise: never by forking this process."""
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")


def start_process(
    context: BaseContext,
    target: Callable[..., None],
    arguments: tuple[Any, ...],
    number: int,
    *,
    daemon: bool,
) -> BaseProcess:
    """Start a process that calls `target(*arguments)`.

    Args:
        context: how.
        target: a function of a module.
        arguments: what it is given.
        number: tells the process from others, in its name.
        daemon: whether `multiprocessing` is to end the process with this one.

    Raises:
        WorkerError: this process is being started itself, and has come here by importing its script.
    """
    here = multiprocessing.current_process()
    if getattr(here, "_inheriting", False):
        if here.name.startswith(_NAME):
            os._exit(UNGUARDED_EXIT_CODE)  # whoever has started it says why
        raise WorkerError(MAIN_GUARD)
    if context.get_start_method() == "forkserver":
        if _is_anothers(_server()):
            context = multiprocessing.get_context("spawn")
        else:
            _preload(_server())
    name = f"{_NAME}-{number}"
    maker: Any = context  # of which BaseContext does not say that it makes processes
    process: BaseProcess = maker.Process(target=target, args=arguments, name=name, daemon=daemon)
    with _children_allowed(here), _importable_main(), _interrupts_held(context):
        process.start()
    return process


def _server() -> Any:
    return getattr(forkserver, "_forkserver", None)


def _is_anothers(server: Any) -> bool:
    """Whether the fork server is that of the process that this one was forked from, which it cannot ask."""
    pid = getattr(server, "_forkserver_pid", None)
    if pid is None or sys.platform == "win32":
        return False
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _preload(server: Any) -> None:
    """Have the fork server import once what every worker needs, where nobody has said what it should."""
    if getattr(server, "_forkserver_pid", 0) is None and server._preload_modules == ["__main__"]:
        forkserver.set_forkserver_preload(sorted(filter(_is_worth_preloading, sys.modules)))


def _is_worth_preloading(module: str) -> bool:
    room = module.split(".")
    # JAX has threads, which do not survive a fork.
    return room[0] in ("unienv_interface", "unienv_data") and not {"jax", "testing", "cli"} & {*room}


@contextlib.contextmanager
def _children_allowed(process: BaseProcess) -> Iterator[None]:
    """Daemonic processes may start workers, too, which end with them anyway."""
    daemonic = process.daemon
    if daemonic:
        process.daemon = False
    try:
        yield
    finally:
        if daemonic:
            process.daemon = True


@contextlib.contextmanager
def _importable_main() -> Iterator[None]:
    """A script that came from standard input is not looked for in a file called <stdin>."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if path is None or getattr(main, "__spec__", None) is not None or os.path.exists(path):
        yield
        return
    del main.__file__
    try:
        yield
    finally:
        main.__file__ = path


@contextlib.contextmanager
def _interrupts_held(context: BaseContext) -> Iterator[None]:
    """An interrupt does not reach spawned children before they can ignore it."""
    # What a fork server inherited, its other children would, too.
    if sys.platform == "win32" or context.get_start_method() != "spawn":
        yield
        return
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
