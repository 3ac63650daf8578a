"""At which instants rows stand, and which message of each topic a row shows. Pure functions.

A row shows of each topic the last message at or before it, never one after it; how old that message was then
is
told beside it. Rows begin where every topic has had a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError

__all__ = ["messages_of_rows", "parse_rate", "row_times_at_rate", "row_times_of_topic"]

Times = NDArray[np.int64]
_SECOND = 10**9
_LEAST_REFUSED = 10**5
_ROWS_A_MESSAGE = 1000


def parse_rate(text: str) -> Fraction:
    """A number of rows a second, exactly as it was written.

    Raises:
        ConversionError: it is no number above zero.

    Example:
        >>> parse_rate("29.97")
        Fraction(2997, 100)
    """
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as exc:
        raise ConversionError(f"rate {text!r}: rows a second were expected, such as 30 or 29.97") from exc
    if rate <= 0:
        raise ConversionError(f"rate {text!r}: it must be above 0")
    return rate


def row_times_at_rate(times: Mapping[str, Times], rate: Fraction) -> Times:
    """(N,) nanoseconds: from where every topic has had a message to the last message of all, both included.

    Args:
        times: when each topic's messages were, rising, none empty.
        rate: rows a second. Row k stands k / rate after the first, to the nearest nanosecond.

    Raises:
        ConversionError: there would be far more rows than messages, as where one has a time of another
        century.

    Example:
        >>> times = {"a": np.array([0, 10]), "b": np.array([4, 24])}
        >>> row_times_at_rate(times, Fraction(10**8)).tolist()
        [4, 14, 24]
    """
    start, end = _start(times), max(int(each[-1]) for each in times.values())
    count = int((end - start) * rate / _SECOND) + 1
    messages = sum(map(len, times.values()))
    if count > max(_LEAST_REFUSED, _ROWS_A_MESSAGE * messages):
        raise ConversionError(
            f"{count:,} rows would be made of {messages:,} messages: their times leap, from {start} to {end} "
            f"ns, or the rate is too high"
        )
    if (count * _SECOND * rate.denominator) < 1 << 62:
        numbers = np.arange(count, dtype=np.int64) * (_SECOND * rate.denominator)
        times_ns: Times = start + (2 * numbers + rate.numerator) // (2 * rate.numerator)
    else:
        times_ns = np.array([start + round(k * _SECOND / rate) for k in range(count)], np.int64)
    return times_ns[times_ns <= end]


def row_times_of_topic(times: Mapping[str, Times], topic: str) -> Times:
    """(N,) nanoseconds: when the topic's messages were, from where every topic has had one.

    Example:
        >>> times = {"a": np.array([0, 10, 20]), "b": np.array([4, 24])}
        >>> row_times_of_topic(times, "a").tolist()
        [10, 20]
    """
    rows = times[topic]
    return rows[rows >= _start(times)]


def messages_of_rows(times: Times, rows: Times) -> NDArray[np.int64]:
    """(N,) the number of the last message at or before each row.

    Example:
        >>> messages_of_rows(np.array([0, 10, 10, 20]), np.array([0, 9, 10, 25])).tolist()
        [0, 0, 2, 3]
    """
    found: NDArray[np.int64] = np.searchsorted(times, rows, side="right").astype(np.int64) - 1
    return found


def _start(times: Mapping[str, Times]) -> int:
    return max(int(each[0]) for each in times.values())
