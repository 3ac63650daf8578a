"""Rows added to a dataset that stands: all of them by one commit, or none."""

from __future__ import annotations

from typing import Any

from unienv_data.conversion.destinations.destination import is_to_be_kept
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
from unienv_data.progress import Progress
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.schema.commit import ROWS_LOG, Commit
from unienv_data.store.array import stored_arrays
from unienv_data.store.objects import ObjectStore

__all__ = ["append_rows"]


def append_rows(plan: ConversionPlan, progress: Progress) -> tuple[WrittenRows, int]:
    """Add the rows of a plan to the dataset that stands at its destination.

    Until the commit nobody sees anything of them, and whatever ends this early, they are removed; of a
    process that is killed shards stay that no commit names, which the next one to add removes, or goes on
    with.

    Returns:
        What was added, and what it weighs.

    Raises:
        ConversionError: the source turns out to be damaged; or the dataset has changed since it was planned.
        WriterLockedError: somebody else is writing.
    """
    if not plan.rows:
        return WrittenRows(0, 0, {}, 0), 0
    buffer: AnyBuffer = ReplayBuffer.load_from(
        plan.destination.uri,
        read_only=False,
        storage_options=dict(plan.destination.storage_options),
        assume_single_writer=plan.options.assume_single_writer,
    )
    try:
        if plan.onto is None or len(buffer.episodes) != len(plan.onto.episodes):
            raise ConversionError(f"{plan.destination.shown}: somebody has added to it meanwhile")
        buffer.seal()  # rows that are added stand in blocks of their own
        written = _append(plan, buffer, progress)
    except BaseException:
        buffer.abandon()
        raise
    weight = stored_bytes(buffer) - written[1]
    buffer.close()
    return written[0], weight


def _append(plan: ConversionPlan, buffer: AnyBuffer, progress: Progress) -> tuple[WrittenRows, int]:
    objects, mark, base = unfinished_of(buffer), mark_of(plan), _committed(buffer)
    before, stats = stored_bytes(buffer), buffer.stats
    counted = stats is not None and stats.rows == len(buffer)  # as they were of all rows, they will be again
    journal = read_journal(objects)
    is_current = journal is not None and (journal.base.uuid, journal.base.number) == (base.uuid, base.number)
    if not (plan.options.resume and is_current):
        _withdraw(objects, journal, base)
        journal = None
    elif journal is not None and journal.mark != mark:
        raise ConversionError(
            f"{plan.destination.shown}: what was cut short here read another source, or with other "
            f"options, or was another version's; without --resume it is removed, and begun anew"
        )
    try:
        written = write_rows(plan, buffer, plan.destination.uri, mark, journal, progress)
        buffer.set_attributes(_attributes(plan, buffer, written))
        if plan.options.stats and counted:
            buffer.update_stats(progress=progress)
        buffer.seal()
    except BaseException as exc:
        if not (plan.options.resume and is_to_be_kept(exc)):
            _withdraw(objects, read_journal(objects), _committed(buffer))
        raise
    forget_unfinished(objects)
    return written, before


def _committed(buffer: AnyBuffer) -> Commit:
    storage: Any = buffer.storage
    commit: Commit = storage.committed
    return commit


def _withdraw(objects: ObjectStore, journal: Journal | None, committed: Commit) -> None:
    """Remove what was written to blocks that were lent, and that no commit names; their claims stay."""
    if journal is not None and journal.loan["row"] >= committed.logs[ROWS_LOG].length:
        start, stop = journal.loan["row"], journal.loan["row"] + journal.loan["rows"]
        for array in stored_arrays(committed).values():
            if array.entry.log == ROWS_LOG:
                size = array.entry.shard_rows
                objects.delete(array.shard_object(n) for n in range(start // size, -(-stop // size)))
    forget_unfinished(objects)


def _attributes(plan: ConversionPlan, buffer: AnyBuffer, written: WrittenRows) -> dict[str, Any]:
    """Those of the dataset, which tell what has been added."""
    kept = buffer.attributes
    source = {**plan.attributes["source"], "episodes": written.episodes, "rows": written.rows}
    if written.bad:
        source["skipped_episodes"] = {str(episode): reason for episode, reason in written.bad.items()}
    known = kept.get("appended")
    return {**kept, "appended": [*(known if isinstance(known, list) else []), source]}
