"""The rows of a plan, written to a buffer: blocks lent, spans written by somebody, and taken in again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from unienv_data.conversion.appending.identity import DIGEST, EpisodeSum, added, digest_of
from unienv_data.conversion.plan import ConversionPlan
from unienv_data.conversion.writing.collecting import Collector
from unienv_data.conversion.writing.hands import by_cluster, by_this_process, by_workers
from unienv_data.conversion.writing.journal import Journal, write_journal
from unienv_data.conversion.writing.receipts import Receipt, find_receipts, read_receipt
from unienv_data.conversion.writing.spans import SpanJob
from unienv_data.conversion.writing.units import Unit, spans_of, unit_rows_of, units_of
from unienv_data.errors import ConversionError, DatasetError
from unienv_data.formats.base import DEFAULT_CHUNK_BYTES, row_bytes
from unienv_data.progress import Progress, Task
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.statistics import DatasetAccumulator
from unienv_data.storages import ZarrStorage
from unienv_data.store.commits import storage_objects
from unienv_data.store.lending import Loan, Report
from unienv_data.store.objects import ObjectStore
from unienv_data.store.platform import memory_bytes

__all__ = ["WrittenRows", "stored_bytes", "unfinished_of", "write_rows"]

AnyBuffer = ReplayBuffer[Any, Any, Any, Any, Any]

_MEMORY = 1 << 30
_LEAST_CHUNK = 1 << 20


@dataclass(frozen=True)
class WrittenRows:
    """What has been written.

    Attributes:
        rows: how many rows the buffer has got.
        episodes: in how many episodes.
        bad: position of each episode that could not be read -> why.
        resumed_rows: rows that had been written before.
        collected: statistics of some columns, of these rows and episodes; None where there are none.
    """

    rows: int
    episodes: int
    bad: Mapping[int, str]
    resumed_rows: int
    collected: DatasetAccumulator | None = None


def unfinished_of(buffer: AnyBuffer) -> ObjectStore:
    """Where the journal and the receipts of a buffer's conversion stand: below its storage."""
    storage = _storage_of(buffer)
    return storage_objects(storage.objects, storage.committed.path)


def _storage_of(buffer: AnyBuffer) -> ZarrStorage[Any, Any, Any, Any, Any]:
    return cast("ZarrStorage[Any, Any, Any, Any, Any]", buffer.storage)


def stored_bytes(buffer: AnyBuffer) -> int:
    """What the columns of a buffer weigh."""
    return sum(column.stored_bytes for column in _storage_of(buffer).describe())


def write_rows(
    plan: ConversionPlan,
    buffer: AnyBuffer,
    location: str,
    mark: str,
    journal: Journal | None,
    progress: Progress,
    collect: bool = False,
) -> WrittenRows:
    """Write the rows of a plan behind those that a buffer has; they are durable with its next commit.

    Args:
        plan: what to write.
        buffer: where to; it has no changes that have not been committed.
        location: where it stands.
        mark: `mark_of` the plan.
        journal: of a conversion of the same that was cut short, to be gone on with.
        progress: told the rows that are done, and their bytes.
        collect: gather statistics meanwhile, where this process writes all rows.

    Raises:
        ConversionError: an episode cannot be read, and is not to be skipped; or none can.
    """
    objects = unfinished_of(buffer)
    weight = _row_bytes(plan)
    if journal is None:
        base = _storage_of(buffer).committed
        loan = buffer.lend(plan.rows)
        journal = Journal(mark, base, loan.to_json(), unit_rows_of(loan.block_rows, weight))
        write_journal(objects, journal)
        done: set[Unit] = set()
    else:
        loan = buffer.lend(plan.rows, journal.loan)
        done = find_receipts(objects, units_of(plan.rows, journal.unit_rows))
    units = units_of(plan.rows, journal.unit_rows)
    job = _job(plan, loan)
    with progress.task("converting", total=plan.rows, unit="row") as task:
        resumed = sum(unit.rows for unit in done)
        task.advance(resumed)
        todo = [unit for unit in units if unit not in done]
        collector = _collector(plan, buffer) if collect and not done else None
        _write(plan, job, location, _storage_of(buffer).objects, todo, weight, task, collector)
    bad, sums = _findings(objects, units)
    kept = [number for number in range(len(plan.episodes)) if number not in bad]
    if not kept:
        raise ConversionError(f"{plan.source.shown}: no episode can be read; of the first: {bad[0]}")
    reports = (_report(receipt, job, bad) for receipt in _receipts(objects, units))
    before = len(buffer)
    buffer.settle(reports, _described(plan, kept, sums))
    named = {plan.episodes[number]: reason for number, reason in sorted(bad.items())}
    lengths = plan.episode_rows["length"].to_numpy()[kept].tolist()
    found = None if collector is None else collector.found(lengths)
    return WrittenRows(len(buffer) - before, len(kept), named, resumed, found)


def _collector(plan: ConversionPlan, buffer: AnyBuffer) -> Collector | None:
    """Who gathers statistics of rows while they are written; None where other processes write them."""
    if plan.options.workers > 1 or plan.options.scheduler is not None:
        return None
    return Collector(plan.space, {column.name for column in _storage_of(buffer).describe() if column.lossy})


def _write(
    plan: ConversionPlan,
    job: SpanJob,
    location: str,
    root: ObjectStore,
    todo: Sequence[Unit],
    weight: int,
    task: Task,
    collector: Collector | None,
) -> None:
    """Have what is to be done written by whoever was chosen."""
    options = plan.options

    def told(rows: int, size: int) -> None:
        task.advance(rows)
        task.weigh(size)

    if options.scheduler is not None:
        spans = spans_of(todo, max(options.workers, _CLUSTER), weight)
        by_cluster(job, location, spans, options.scheduler, told)
    elif options.workers > 1:
        by_workers(job, location, spans_of(todo, options.workers, weight), options.workers, told)
    else:
        by_this_process(job, root, spans_of(todo, 1, weight), told, collector)


_CLUSTER = 4
"""Workers that a cluster is taken to have, at least."""


def _job(plan: ConversionPlan, loan: Loan) -> SpanJob:
    lengths = plan.episode_rows["length"].to_numpy()
    workers = plan.options.workers
    memory = plan.options.memory or min(_MEMORY, memory_bytes() // 4)
    # One chunk is being made while one is written, and what has been encoded takes as much again.
    share = max(memory // max(workers, 1), 1)
    chunk = min(max(share // 8, _LEAST_CHUNK), DEFAULT_CHUNK_BYTES)
    return SpanJob(
        source=plan.source,
        options=plan.options,
        format=plan.format,
        paths={planned.name: planned.column.path for planned in plan.columns},
        space=plan.space,
        copied=tuple(planned.name for planned in plan.columns if planned.is_copied),
        told_by=plan.told_by,
        episodes=np.asarray(plan.episodes, dtype=np.int64),
        offsets=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
        loan=loan,
        chunk_bytes=chunk,
        ahead_bytes=max(share // 4, chunk),
    )


def _row_bytes(plan: ConversionPlan) -> int:
    """What a row weighs as it comes from the source."""
    encoded = sum(p.column.encoded.row_bytes for p in plan.columns if p.is_copied and p.column.encoded)
    return encoded + row_bytes([p.column.space for p in plan.columns if not p.is_copied])


def _receipts(objects: ObjectStore, units: Sequence[Unit]) -> Iterator[Receipt]:
    for unit in units:
        receipt = read_receipt(objects, unit.start)
        if receipt is None or receipt.unit != unit:
            raise DatasetError(f"{objects.url}: rows {unit.start} to {unit.stop} have not been written")
        yield receipt


def _findings(objects: ObjectStore, units: Sequence[Unit]) -> tuple[dict[int, str], dict[int, EpisodeSum]]:
    """The episodes that could not be read, and what the others add up to."""
    bad: dict[int, str] = {}
    sums: dict[int, EpisodeSum] = {}
    for receipt in _receipts(objects, units):
        for episode, reason in receipt.bad.items():
            bad.setdefault(episode, reason)
        for episode, part in receipt.sums.items():
            sums[episode] = added(sums[episode], part) if episode in sums else part
    return bad, sums


def _report(receipt: Receipt, job: SpanJob, bad: Mapping[int, str]) -> Report:
    """What the store is to be told of a unit: the rows of bad episodes are not shown."""
    unit = receipt.unit
    kept = [(0, unit.rows)]
    for episode in sorted(bad):
        start, stop = (int(row) - unit.start for row in job.offsets[episode : episode + 2])
        if stop <= 0 or start >= unit.rows:
            continue
        first, last = kept.pop()
        kept += [(a, b) for a, b in ((first, max(start, first)), (min(stop, last), last)) if a < b]
        if not kept or kept[-1][1] != last:
            break
    return Report(unit.rows, kept, receipt.ragged, receipt.weights)


def _described(
    plan: ConversionPlan, kept: Sequence[int], sums: Mapping[int, EpisodeSum]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """How long each episode is, and what the table of episodes says of it."""
    lengths = plan.episode_rows["length"].to_numpy()
    about = plan.episode_rows.drop_columns(["length"]).to_pylist()
    for number in kept:
        otherwise = f"{plan.source.label}/{about[number]['source_episode']}"
        yield int(lengths[number]), {**about[number], DIGEST: digest_of(sums[number], otherwise)}
