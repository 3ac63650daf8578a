"""The rows of a batch, segment by segment and chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from unienv_data.indexing import chunked
from unienv_data.progress import Task

if TYPE_CHECKING:
    from unienv_data.base.batch import BatchBase

__all__ = ["segments_in_chunks", "spans"]


def segments_in_chunks(
    source: BatchBase[Any, Any, Any, Any, Any], chunk_size: int, task: Task
) -> Iterator[tuple[Iterator[Any], Mapping[str, Any]]]:
    """For each segment of `source`, its rows in batches of at most `chunk_size`, and what is said of it.

    Rows outside of segments form segments of their own. Rows that are appended meanwhile are left out.

    Args:
        source: where the rows are read, as the iterators advance.
        chunk_size: most rows of a batch.
        task: told of rows once the batch that held them has been used.
    """
    said = source._segment_descriptions()
    return (
        (_chunks(source, span, chunk_size, task), said.get(span.start, {}))
        for span in spans(source.get_segments() or (), source._indexed_length())
    )


def _chunks(
    source: BatchBase[Any, Any, Any, Any, Any], span: range, chunk_size: int, task: Task
) -> Iterator[Any]:
    for rows in chunked(span, chunk_size):
        yield source.get_at(rows)
        task.advance(len(rows))


def spans(segments: Sequence[tuple[int, int]], length: int) -> list[range]:
    """The segments and what of range(length) lies between them, in order; none empty.

    Args:
        segments: half-open (start, end) pairs in order, without overlap.
        length: how many rows there are.

    Example:
        >>> spans([(2, 5), (5, 5), (7, 9)], 10)
        [range(0, 2), range(2, 5), range(5, 7), range(7, 9), range(9, 10)]
    """
    edges = [0, *(edge for segment in segments for edge in segment), length]
    return [range(start, stop) for start, stop in pairwise(edges) if start < stop]
