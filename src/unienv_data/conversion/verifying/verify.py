"""Both sides of a conversion read again, and compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unienv_data.conversion.run import Conversion
from unienv_data.conversion.shaping import open_shaped
from unienv_data.conversion.verifying.differences import Distance, first_difference
from unienv_data.conversion.verifying.streams import Pair, side_by_side
from unienv_data.errors import ConversionError
from unienv_data.formats import Facts, Reader, Source, format_names, open_reader, writer_class
from unienv_data.formats.naming import path_name
from unienv_data.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from unienv_data.conversion.export import ExportPlan
    from unienv_data.conversion.plan import ConversionPlan

__all__ = ["LEAST_PSNR", "Verification", "require_readable", "verify_conversion", "verify_export"]

LEAST_PSNR = 30.0
"""In dB: what a column that is stored with loss must have over all its rows, where nothing else is asked."""

OWN_FORMAT = "unienv_data"


@dataclass(frozen=True)
class Verification:
    """What was found equal.

    Attributes:
        rows: how many rows were compared.
        equal: columns of which every value is the source's.
        psnr: columns that are stored with loss -> PSNR in dB over all rows, infinite where nothing differs.
        left_out: columns that the destination keeps under no name that tells where they come from.
    """

    rows: int
    equal: tuple[str, ...]
    psnr: Mapping[str, float] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def verify_conversion(
    plan: ConversionPlan,
    done: Conversion,
    progress: Progress = NO_PROGRESS,
    *,
    least_psnr: float = LEAST_PSNR,
) -> Verification:
    """Compare a dataset with the source that it was made of.

    Args:
        plan: what was planned.
        done: what came of it.
        progress: told the rows that are compared.
        least_psnr: in dB, of columns that are stored with loss.

    Raises:
        ConversionError: something differs: names the first row of the source that does.
    """
    columns = [planned.column for planned in plan.columns]
    lossy = {planned.name for planned in plan.columns if planned.estimate.lossy}
    with (
        open_shaped(plan.source, plan.options, plan.format) as reader,
        open_reader(Source(plan.destination.uri, plan.destination.storage_options), OWN_FORMAT) as written,
    ):
        kept = _kept(reader.facts(), plan.episodes, done)
        found = {column.path: column for column in written.facts().columns}
        missing = [path_name(column.path) for column in columns if column.path not in found]
        if missing:
            raise ConversionError(f"{plan.destination.shown}: the columns {', '.join(missing)} are missing")
        pairs = [(column, found[column.path]) for column in columns]
        shown = (plan.source.shown, plan.destination.shown)
        return _compare(reader, written, kept, pairs, lossy, shown, least_psnr, progress)


def verify_export(
    plan: ExportPlan,
    done: Conversion,
    progress: Progress = NO_PROGRESS,
    *,
    least_psnr: float = LEAST_PSNR,
) -> Verification:
    """Compare a recording in a foreign format with the source that it was made of.

    Columns are found by their paths. Values in another data type are compared in that.

    Args:
        plan: what was planned.
        done: what came of it.
        progress: told the rows that are compared.
        least_psnr: in dB, of columns that the format keeps with loss.

    Raises:
        ConversionError: something differs, or nothing can be compared.
    """
    with (
        open_shaped(plan.source, plan.options, plan.facts.format) as reader,
        open_reader(Source(plan.destination.uri, plan.destination.storage_options), plan.writer) as written,
    ):
        kept = _kept(reader.facts(), plan.episodes, done)
        found = {_plain(path_name(column.path)): column for column in written.facts().columns}
        places = writer_class(plan.writer).places(plan.facts, plan.options.to_options)
        pairs: list[Pair] = []
        left_out = []
        for column in plan.facts.columns:
            other = found.get(_plain(places.get(column.name, "")))
            if other is None:
                left_out.append(column.name)
            else:
                pairs.append((column, other))
        if not pairs:
            raise ConversionError(
                f"{plan.destination.shown}: no column has the name of one of the source's, so that none can "
                f"be compared: {', '.join(found)}"
            )
        lossy = {column.name for column, other in pairs if other.lossy}
        shown = (plan.source.shown, plan.destination.shown)
        return _compare(reader, written, kept, pairs, lossy, shown, least_psnr, progress, left_out)


def _plain(path: str) -> str:
    """A path as it is whether or not a format takes names apart."""
    return path.replace(".", "/")


def require_readable(writer: str) -> None:
    """See, before anything is written, that what a writer makes can be read again.

    Raises:
        ConversionError: there is no reader of the format.
    """
    if writer not in format_names():
        raise ConversionError(f"--verify: {writer} can be written, but not be read again to be compared")


def _kept(facts: Facts, episodes: Sequence[int], done: Conversion) -> list[int]:
    """The episodes that were not skipped."""
    skipped = {episode.source_episode for episode in done.skipped}
    names = facts.episodes["source_episode"].to_pylist()
    return [episode for episode in episodes if names[episode] not in skipped]


def _compare(
    reader: Reader,
    written: Reader,
    episodes: Sequence[int],
    pairs: list[Pair],
    lossy: Collection[str],
    shown: tuple[str, str],
    least_psnr: float,
    progress: Progress,
    left_out: Sequence[str] = (),
) -> Verification:
    source, destination = shown
    facts = reader.facts()
    last = len(written.facts().lengths)
    # What a dataset had before stands before.
    theirs = range(max(0, last - len(episodes)), last)
    _check_lengths(facts, written.facts(), episodes, theirs, destination)
    names = facts.episodes["source_episode"].to_pylist()
    distances = {column.name: Distance() for column, _ in pairs if column.name in lossy}
    rows = sum(facts.lengths[episode] for episode in episodes)
    stretches = side_by_side(
        reader.chunks([column.name for column, _ in pairs], episodes),
        written.chunks([column.name for _, column in pairs], theirs),
        pairs,
    )
    with progress.task("verifying", total=rows, unit="row") as task:
        for stretch in stretches:
            for pair, (expected, found) in zip(pairs, stretch.rows, strict=True):
                if pair[0].name in distances:
                    distances[pair[0].name].add(expected, found, stretch.episode, stretch.start)
                    continue
                difference = first_difference(_as_written(expected, pair), found)
                if difference is not None:
                    raise ConversionError(
                        f"{destination} was written and stands, but is not what the source holds: {source}, "
                        f"episode {names[stretch.episode]}, row {stretch.start + difference.row}: the column "
                        f"{pair[0].name} has {difference.expected}, and {path_name(pair[1].path)} has "
                        f"{difference.found}"
                    )
            task.advance(stretch.count)
    for name, distance in distances.items():
        if not distance.psnr >= least_psnr:
            episode, row = distance.worst
            raise ConversionError(
                f"{destination} was written and stands, but the column {name} has lost more than was agreed: "
                f"a PSNR of {distance.psnr:.1f} dB, where {least_psnr:g} were to be kept; most of all in "
                f"episode {names[episode]}, row {row}, {distance.psnr_of_worst:.1f} dB. Choose another codec "
                f"or format option, or another --verify-psnr"
            )
    equal = tuple(column.name for column, _ in pairs if column.name not in distances)
    psnr = {name: distance.psnr for name, distance in distances.items()}
    return Verification(rows, equal, psnr, tuple(left_out))


def _as_written(values: Any, pair: Pair) -> Any:
    """The source's values in the data type in which they were written."""
    mine, theirs = (column.space.dtype for column in pair)
    if mine is None or theirs is None or mine == theirs:
        return values
    return values.astype(theirs)


def _check_lengths(
    facts: Facts, written: Facts, episodes: Sequence[int], theirs: range, destination: str
) -> None:
    if len(theirs) != len(episodes):
        raise ConversionError(
            f"{destination}: {len(episodes)} episodes were written, but {len(theirs)} are there"
        )
    names = facts.episodes["source_episode"].to_pylist()
    for episode, other in zip(episodes, theirs, strict=True):
        if facts.lengths[episode] != written.lengths[other]:
            raise ConversionError(
                f"{destination}: episode {names[episode]} of the source has {facts.lengths[episode]} rows, "
                f"but {written.lengths[other]} were written"
            )
