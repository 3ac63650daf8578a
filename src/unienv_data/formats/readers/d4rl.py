"""The reader of D4RL's HDF5 files: all episodes one after another in flat datasets.

`observations`, `actions`, `rewards`, `terminals`, mostly `timeouts`, sometimes `next_observations` and
`infos/*`, all of N rows, (N,) or (N, 1); `metadata/*`. An episode ends where a terminal or a timeout stands.
After D4RL's own readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.base import check_options
from unienv_data.formats.hdf5.attributes import attributes_of, json_value
from unienv_data.formats.hdf5.columns import columns_below, datasets_below
from unienv_data.formats.hdf5.files import hdf5_files, looks_like, open_hdf5, reading
from unienv_data.formats.hdf5.reader import Hdf5Reader, Span, Survey
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.episode_columns import episode_table

__all__ = ["D4rlReader"]

_STEPS = "max_episode_steps"
_MOST_VALUES = 64
_NEEDED = ("observations", "actions", "rewards", "terminals")


class D4rlReader(Hdf5Reader):
    """Reads D4RL's files. Without `timeouts` it has to be told how long an episode is at most."""

    name = "d4rl"
    title = "D4RL HDF5"
    layout = "an HDF5 file with observations, actions, rewards and terminals"
    option_help: ClassVar[Mapping[str, str]] = {
        _STEPS: "after how many rows an episode ends that no terminal has ended (also --max-episode-steps)"
    }

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether the first HDF5 file has the datasets."""
        return looks_like(source, lambda file: all(name in file for name in _NEEDED))

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the recording."""
        given = check_options(cls, options)
        steps = given.get(_STEPS, "1")
        if not steps.isascii() or not steps.isdigit() or int(steps) < 1:
            raise ConversionError(f"{_STEPS} {steps!r}: a number of rows, at least 1, was expected")
        return cls(source, given)

    def _survey(self) -> Survey:
        names = hdf5_files(self._source)
        if len(names) != 1:
            raise ConversionError(
                f"{self._source.where()}: D4RL's recordings are one file each, and there are {len(names)}; "
                f"name one of them"
            )
        name = names[0]
        with open_hdf5(self._source, name) as file, reading(self._source, name):
            lost = [needed for needed in _NEEDED if needed not in file]
            if lost:
                raise ConversionError(f"{self._source.where(name)}: {', '.join(lost)} are missing")
            rows = int(file["terminals"].shape[0])
            columns, unreadable = columns_below(file, rows, skip=["metadata"])
            flat = {key: column for key, column in columns.items() if not column.has_final}
            unreadable |= {
                key: f"{self._source.where(name)}, {key}: {rows + 1} rows, where terminals has {rows}"
                for key in columns.keys() - flat.keys()
            }
            ends, is_finished = self._ends(name, file, rows)
            metadata, notes = _metadata(file.get("metadata"))
            attributes = attributes_of(file.attrs)
        bounds = np.concatenate([[0], ends])
        lengths = np.diff(bounds).tolist()
        if not is_finished:
            notes.append(
                f"The last episode, of {lengths[-1]} rows, is not finished; --episodes :-1 leaves it out."
            )
        about = [{"finished": True} for _ in lengths]
        if about:
            about[-1]["finished"] = is_finished
        return Survey(
            columns=list(flat.values()),
            spans=[
                Span(name, "", int(stop - start), ((int(start), int(stop)),))
                for start, stop in pairwise(bounds)
            ],
            episodes=episode_table(lengths, list(range(len(lengths))), about),
            unreadable=unreadable,
            attributes={**attributes, **({"metadata": metadata} if metadata else {})},
            notes=notes,
        )

    def _ends(self, name: str, file: Any, rows: int) -> tuple[NDArray[np.int64], bool]:
        """Where each episode ends, and whether the last one was finished."""
        steps = self._options.get(_STEPS)
        if "timeouts" not in file and steps is None:
            raise ConversionError(
                f"{self._source.where(name)}: it has no timeouts, so that episodes which no terminal has "
                f"ended cannot be told apart; say how many rows an episode has at most: --max-episode-steps N"
            )
        over = np.zeros(rows, dtype=bool)
        for flag in ("terminals", "timeouts"):
            if flag in file:
                with reading(self._source, name, flag):
                    values = np.asarray(file[flag][()])
                if values.shape not in ((rows,), (rows, 1)) or values.dtype.kind not in "biuf":
                    raise ConversionError(
                        f"{self._source.where(name)}: {flag} holds {values.dtype} {values.shape}, where "
                        f"({rows},) or ({rows}, 1) is expected"
                    )
                over |= values.reshape(rows) != 0
        ends = np.flatnonzero(over).astype(np.int64) + 1
        if steps is not None:
            ends = _with_longest(ends, rows, int(steps))
        is_finished = rows == 0 or (len(ends) > 0 and int(ends[-1]) == rows)
        return (ends if is_finished else np.append(ends, rows)), is_finished


def _with_longest(ends: NDArray[np.int64], rows: int, steps: int) -> NDArray[np.int64]:
    """Ends, and more of them so that no episode is longer.

    Example:
        >>> _with_longest(np.array([3, 10]), 12, 4).tolist()
        [3, 7, 10]
    """
    cuts = set(ends.tolist())
    for start, stop in pairwise([0, *ends.tolist(), rows]):
        cuts.update(range(start + steps, stop + 1, steps))
    return np.array(sorted(cuts), dtype=np.int64)


def _metadata(group: Any) -> tuple[dict[str, Any], list[str]]:
    """What `metadata` says, but for networks' weights; and a note of those."""
    if not hasattr(group, "keys"):
        return {}, []
    kept: dict[str, Any] = {}
    left: list[str] = []
    for name, dataset in datasets_below(group):
        if dataset.size is not None and dataset.size <= _MOST_VALUES:
            kept[name] = json_value(dataset[()])
        else:
            left.append(name)
    note = (
        f"Of metadata, {', '.join(left[:8])}{' ...' if len(left) > 8 else ''} are left out: they are arrays."
    )
    return kept, [note] if left else []
