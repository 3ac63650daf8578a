"""Carrying out a plan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from unienv_data.conversion.appending.onto import append_rows
from unienv_data.conversion.destinations.destination import STORAGE
from unienv_data.conversion.plan import ConversionPlan
from unienv_data.conversion.writing.journal import Journal, forget_unfinished, mark_of, read_journal
from unienv_data.conversion.writing.rows import (
    AnyBuffer,
    WrittenRows,
    stored_bytes,
    unfinished_of,
    write_rows,
)
from unienv_data.errors import ConversionError
from unienv_data.progress import NO_PROGRESS, Progress
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_data.store.commits import storage_objects
from unienv_data.store.objects import open_objects

__all__ = ["Conversion", "SkippedEpisode", "run_conversion"]


@dataclass(frozen=True)
class SkippedEpisode:
    """An episode that could not be read, and was left out.

    Args:
        source_episode: what the source calls it.
        reason: why.
    """

    source_episode: int | str
    reason: str


@dataclass(frozen=True)
class Conversion:
    """What was converted.

    Args:
        destination: where the dataset stands.
        rows: how many rows it has.
        episodes: in how many episodes.
        stored_bytes: what its columns weigh.
        seconds: how long it took.
        skipped: the episodes that could not be read.
        resumed_rows: rows that a conversion had written which was cut short.
        already_there: how many episodes were left out because the dataset had them.
    """

    destination: str
    rows: int
    episodes: int
    stored_bytes: int
    seconds: float
    skipped: tuple[SkippedEpisode, ...] = ()
    resumed_rows: int = 0
    already_there: int = 0


def run_conversion(plan: ConversionPlan, progress: Progress = NO_PROGRESS) -> Conversion:
    """Convert as planned.

    The dataset appears whole at the end: a local one by a rename, one on an object store by its first commit.
    Whatever ends the conversion early, an exception that a signal handler raises included, what was written
    is removed, and what stood at a local destination before stands there still. The source is only read.

    Of a process that is killed a hidden folder stays (on an object store, what it has written), which the
    next conversion to the same place removes, or goes on with where that was asked for; then what has been
    written stays also if this one is interrupted.

    Args:
        plan: from `plan_conversion`.
        progress: told the rows that are done.

    Raises:
        ConversionError: the plan is refused; or the source turns out to be damaged or to contradict itself.
        DatasetExistsError: something has come to stand at the destination.
        WorkerDiedError: a worker process has ended unasked.
    """
    plan.require_acceptable()
    options = plan.options
    plan.destination.check(plan.source, options.overwrite, options.append, options.resume)
    started = time.monotonic()
    try:
        written, stored = (_convert if plan.onto is None else append_rows)(plan, progress)
    except OSError as exc:
        if exc.__class__.__module__ != "builtins":
            raise  # one of ours says what is to be said
        raise ConversionError(f"{plan.destination.shown}: cannot be written: {exc.strerror or exc}") from exc
    called: list[Any] = plan.episode_rows["source_episode"].to_pylist()
    names = dict(zip(plan.episodes, called, strict=True))
    return Conversion(
        destination=plan.destination.shown,
        rows=written.rows,
        episodes=written.episodes,
        stored_bytes=stored,
        seconds=time.monotonic() - started,
        skipped=tuple(SkippedEpisode(names[episode], reason) for episode, reason in written.bad.items()),
        resumed_rows=written.resumed_rows,
        already_there=plan.already_there,
    )


def _convert(plan: ConversionPlan, progress: Progress) -> tuple[WrittenRows, int]:
    """A dataset of its own, all of it or nothing; gives what was written, and what its columns weigh."""
    options, mark = plan.options, mark_of(plan)
    going_on, journal = _left_off(plan, mark) if options.resume else (None, None)
    with (
        plan.destination.writing(options.overwrite, going_on, options.resume) as location,
        _buffer_at(plan, location, journal) as buffer,
    ):
        if len(buffer):  # all was done but saying so
            written = WrittenRows(len(buffer), len(buffer.episodes), {}, len(buffer))
        else:
            written = write_rows(plan, buffer, location, mark, journal, progress, options.stats)
        if written.bad:
            named = {str(episode): reason for episode, reason in written.bad.items()}
            buffer.set_attributes({**buffer.attributes, "skipped_episodes": named})
        if options.stats:
            buffer.update_stats(collected=written.collected, progress=progress)
        buffer.seal()
        forget_unfinished(unfinished_of(buffer))
        return written, stored_bytes(buffer)


def _left_off(plan: ConversionPlan, mark: str) -> tuple[str | None, Journal | None]:
    """Where a conversion of the same was cut short, and its journal.

    Raises:
        ConversionError: what was cut short there is another one.
    """
    others = 0
    for place in plan.destination.left_off():
        root = open_objects(place, dict(plan.destination.storage_options))
        journal = read_journal(storage_objects(root, STORAGE))
        if journal is not None and journal.mark == mark:
            return place, journal
        others += journal is not None
    if others:
        raise ConversionError(
            f"{plan.destination.shown}: the conversion that was cut short there read another source, or with "
            f"other options, or was another version's; without --resume it is removed, and begun anew"
        )
    return None, None


@contextmanager
def _buffer_at(plan: ConversionPlan, location: str, journal: Journal | None) -> Iterator[AnyBuffer]:
    """The buffer to write to; closed at the end, abandoned without a commit if anything goes wrong."""
    place: dict[str, Any] = {
        "storage_options": dict(plan.destination.storage_options),
        "assume_single_writer": plan.options.assume_single_writer,
    }
    buffer: AnyBuffer
    if journal is None:
        buffer = ReplayBuffer.create(
            ZarrStorage,
            plan.space,
            cache_path=location,
            capacity=None,
            overwrite=plan.options.overwrite,
            codecs=dict(plan.codecs),
            chunks=dict(plan.chunks),
            attributes=dict(plan.attributes),
            commit_on_create=False,
            **place,
        )
    elif ReplayBuffer.is_loadable_from(location, storage_options=place["storage_options"]):
        buffer = ReplayBuffer.load_from(location, read_only=False, **place)
    else:
        buffer = ReplayBuffer.begun_at(location, journal.base, **place)
    try:
        yield buffer
    except BaseException:
        buffer.abandon()
        raise
    buffer.close()
