"""Carrying out a plan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from unienv_data.conversion.plan import ConversionPlan
from unienv_data.conversion.shaping import open_shaped
from unienv_data.errors import ConversionError
from unienv_data.formats.naming import nest
from unienv_data.progress import NO_PROGRESS, Progress
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage

__all__ = ["Conversion", "run_conversion"]


@dataclass(frozen=True)
class Conversion:
    """What was converted.

    Args:
        destination: where the dataset stands.
        rows: how many rows it has.
        episodes: in how many episodes.
        stored_bytes: what its columns weigh.
        seconds: how long it took.
    """

    destination: str
    rows: int
    episodes: int
    stored_bytes: int
    seconds: float


def run_conversion(plan: ConversionPlan, progress: Progress = NO_PROGRESS) -> Conversion:
    """Convert as planned.

    The dataset appears whole at the end: a local one by a rename, one on an object store by its first commit.
    Whatever ends the conversion early, an exception that a signal handler raises included, what was written
    is removed, and what stood at a local destination before stands there still. The source is only read.

    Args:
        plan: from `plan_conversion`.
        progress: told the rows that are done.

    Raises:
        ConversionError: the plan is refused; or the source turns out to be damaged or to contradict itself.
        DatasetExistsError: something has come to stand at the destination.
    """
    plan.require_acceptable()
    plan.destination.check(plan.source, plan.options.overwrite)
    started = time.monotonic()
    try:
        with plan.destination.writing(plan.options.overwrite) as location:
            rows, stored = _write(plan, location, progress)
    except OSError as exc:
        if exc.__class__.__module__ != "builtins":
            raise  # one of ours says what is to be said
        raise ConversionError(f"{plan.destination.shown}: cannot be written: {exc.strerror or exc}") from exc
    seconds = time.monotonic() - started
    return Conversion(plan.destination.shown, rows, len(plan.episodes), stored, seconds)


def _write(plan: ConversionPlan, location: str, progress: Progress) -> tuple[int, int]:
    """Write all rows; gives their number and the bytes of their columns."""
    about = plan.episode_rows.drop_columns(["length"]).to_pylist()
    episode_columns = dict(zip(plan.episodes, about, strict=True))
    paths = {planned.name: planned.column.path for planned in plan.columns}
    copied = [planned.name for planned in plan.columns if planned.is_copied]
    options: dict[str, Any] = {"encoded": copied} if copied else {}
    with (
        open_shaped(plan.source, plan.options, plan.format) as reader,
        _new_buffer(plan, location) as buffer,
        progress.task("converting", total=plan.rows, unit="row") as task,
    ):
        for chunk in reader.chunks(list(paths), plan.episodes, **options):
            buffer.append_batch(nest({paths[name]: values for name, values in chunk.columns.items()}))
            if chunk.ends_episode:
                buffer.mark_segment_end(episode=episode_columns[chunk.episode], commit=False)
            task.advance(chunk.rows)
        if len(buffer) != plan.rows:
            raise ConversionError(
                f"{plan.source.shown}: {plan.rows} rows were planned, but {len(buffer)} were there: "
                f"did it change?"
            )
        buffer.seal()
        storage = cast("ZarrStorage[Any, Any, Any, Any, Any]", buffer.storage)
        return len(buffer), sum(column.stored_bytes for column in storage.describe())


@contextmanager
def _new_buffer(plan: ConversionPlan, location: str) -> Iterator[ReplayBuffer[Any, Any, Any, Any, Any]]:
    """An empty buffer at `location`; closed at the end, abandoned without a commit if anything goes wrong."""
    buffer = ReplayBuffer.create(
        ZarrStorage,
        plan.space,
        cache_path=location,
        capacity=None,
        overwrite=plan.options.overwrite,
        codecs=dict(plan.codecs),
        chunks=dict(plan.chunks),
        attributes=dict(plan.attributes),
        storage_options=dict(plan.destination.storage_options),
        assume_single_writer=plan.options.assume_single_writer,
        commit_on_create=False,
    )
    try:
        yield buffer
    except BaseException:
        buffer.abandon()
        raise
    buffer.close()
