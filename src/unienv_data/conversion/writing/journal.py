"""What a conversion leaves on its way, so that another run can go on with it.

    <storage>/unfinished/journal.json      what is being converted, and into which blocks
    <storage>/unfinished/<row>.npz         a receipt of each unit that has been written

The journal is written before the first row, and all of it goes once the commit stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from unienv_data._version import __version__
from unienv_data.conversion.destinations.destination import UNFINISHED
from unienv_data.conversion.plan import ConversionPlan
from unienv_data.errors import UniEnvError
from unienv_data.schema.commit import Commit
from unienv_data.store.objects import ObjectStore

__all__ = ["Journal", "forget_unfinished", "mark_of", "read_journal", "write_journal"]

_NAME = f"{UNFINISHED}/journal.json"


@dataclass(frozen=True)
class Journal:
    """A conversion that has begun.

    Attributes:
        mark: what is converted, and how: `mark_of` of its plan.
        base: the commit that its rows follow; of number -1 where the dataset had none.
        loan: `Loan.to_json`.
        unit_rows: rows in a unit.
    """

    mark: str
    base: Commit
    loan: Mapping[str, Any]
    unit_rows: int


def write_journal(objects: ObjectStore, journal: Journal) -> None:
    """Say that a conversion has begun."""
    # A commit's document counts from 0.
    base = replace(journal.base, number=max(journal.base.number, 0), runs=(), runs_object=None)
    document = {
        "mark": journal.mark,
        "is_first": journal.base.number < 0,
        "base": base.to_bytes().decode(),
        "loan": dict(journal.loan),
        "unit_rows": journal.unit_rows,
    }
    objects.replace(_NAME, json.dumps(document, indent=1).encode(), durable=False)


def read_journal(objects: ObjectStore) -> Journal | None:
    """The journal of the conversion that was left off; None where there is none, or a damaged one."""
    try:
        document = json.loads(objects.read(_NAME))
        base = Commit.from_bytes(document["base"].encode(), f"{objects.url}/{_NAME}")
        if document["is_first"]:
            base = replace(base, number=-1)
        return Journal(document["mark"], base, document["loan"], document["unit_rows"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, UniEnvError):
        return None


def forget_unfinished(objects: ObjectStore) -> None:
    """Remove the journal and the receipts."""
    names = [name for name in objects.list(UNFINISHED) if f"{UNFINISHED}/{name}" != _NAME]
    objects.delete(f"{UNFINISHED}/{name}" for name in names)
    objects.delete([_NAME])
    if objects.is_local:
        objects.below(UNFINISHED).delete_all()


def mark_of(plan: ConversionPlan) -> str:
    """What tells whether two plans write the same rows in the same way, wherever the source lies."""
    told = {
        "version": __version__,
        "format": [plan.format, plan.version],
        "columns": [
            [planned.name, planned.path, repr(planned.column.space), planned.is_copied]
            for planned in plan.columns
        ],
        "episodes": list(plan.episodes),
        "lengths": plan.episode_rows["length"].to_pylist(),
        "source_bytes": plan.source_bytes,
        "codecs": dict(plan.codecs),
        "chunks": dict(plan.chunks),
        "attributes": dict(plan.attributes),
        "shape": [
            plan.options.format_options,
            plan.options.next_observation,
            plan.options.rename,
            plan.options.cast,
            plan.options.resize,
            plan.options.flip_images,
            plan.options.channel_order,
            plan.options.task,
        ],
        "onto": None if plan.onto is None else plan.onto.url,
        "skip_bad": plan.options.skip_bad,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=dict).encode()).hexdigest()
