"""What a user may choose about a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ConversionOptions"]


@dataclass(frozen=True)
class ConversionOptions:
    """What a user may choose about a conversion.

    Args:
        format: the source's format; None has it detected.
        format_options: what the format itself lets a user choose.
        columns: patterns of the columns to convert; none is all. A pattern is matched with the source's name
            (`observation.*`) and with the path in the store (`observation/*`), here as elsewhere.
        exclude: patterns of columns to leave out.
        episodes: `A:B`, as Python slices count, or one number; None is all.
        next_observation: what becomes of what was observed when an episode was over, where there is one value
            more than rows: `column` makes a column `next_...` of it, `row` a row more, `none` leaves it out.
        rename: old -> new path, of a column or of a group with all that is in it.
        cast: pattern -> data type; `uint8:lossy` rounds, else a value that it does not hold is refused.
        resize: pattern -> `HEIGHTxWIDTH` of its images, antialiased.
        flip_images: pattern -> `vertical`, `horizontal` or `both`.
        channel_order: pattern -> `bgr` where the source has its channels in that order; the store has RGB.
        task: the instruction of rows and episodes that have none.
        to: the format to convert to; None goes by the destination's ending, and makes a dataset of ours where
            that says nothing.
        to_options: what that format lets a user choose.
        codecs: pattern -> codec specification (`zstd:9`); of several that fit the last counts.
        chunks: pattern -> rows in a chunk; of several that fit the last counts.
        frames: what becomes of frames for which no codec was chosen: `copy` keeps those of videos as they are
            encoded, and others without loss; `lossless`, `high` and `small` decode them and encode them anew.
        stats: gather the statistics of all columns, and keep them with the dataset.
        append: add to the dataset that stands at the destination, if one does, the episodes it has not.
        skip_bad: leave out episodes that cannot be read, rather than stop.
        resume: go on with a conversion of the same that was cut short, if there is one; and leave what has
            been written for the next run where this one is cut short in its turn.
        workers: how many processes of this machine read and write.
        scheduler: address of a Dask cluster whose workers read and write instead, as `tcp://HOST:PORT`.
        memory: bytes that rows may take on their way, in all processes together; None for a gigabyte, or a
            quarter of what the machine has.
        overwrite: replace a dataset that stands at the destination, once the new one is complete.
        force: convert though less space is free than is needed, by the estimate.
        assume_single_writer: nobody else writes to the destination, whose filesystem cannot make sure of it.
        source_storage_options: for the filesystem of a source's URL.
        storage_options: for the filesystem of the destination's URL.
    """

    format: str | None = None
    format_options: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    episodes: str | None = None
    next_observation: str = "column"
    rename: Mapping[str, str] = field(default_factory=dict)
    cast: Mapping[str, str] = field(default_factory=dict)
    resize: Mapping[str, str] = field(default_factory=dict)
    flip_images: Mapping[str, str] = field(default_factory=dict)
    channel_order: Mapping[str, str] = field(default_factory=dict)
    task: str | None = None
    to: str | None = None
    to_options: Mapping[str, str] = field(default_factory=dict)
    codecs: Mapping[str, str] = field(default_factory=dict)
    chunks: Mapping[str, int] = field(default_factory=dict)
    frames: str = "copy"
    stats: bool = True
    append: bool = False
    skip_bad: bool = False
    resume: bool = False
    workers: int = 1
    scheduler: str | None = None
    memory: int | None = None
    overwrite: bool = False
    force: bool = False
    assume_single_writer: bool = False
    source_storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
