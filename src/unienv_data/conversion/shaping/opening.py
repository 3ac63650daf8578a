"""A source opened in the shape that was chosen: what plans, runs, workers and writers read."""

from __future__ import annotations

from unienv_data.conversion.options import ConversionOptions
from unienv_data.conversion.shaping.reader import Shaped
from unienv_data.conversion.shaping.rules import ShapingRules
from unienv_data.formats import Reader, Source, open_reader

__all__ = ["open_shaped", "rules_of"]


def open_shaped(source: Source, options: ConversionOptions, format: str | None = None) -> Reader:
    """A reader of the source as the options shape it; none of its columns has a value after the last row.

    Args:
        source: the recording.
        options: what was chosen.
        format: the source's format where it is known already; that of the options, or detected, otherwise.

    Raises:
        ConversionError: the format is unknown, or has no such option; a rule cannot be understood.
    """
    rules = rules_of(options)
    inner = open_reader(source, format or options.format, options.format_options)
    return Shaped(inner, source.where(), rules)


def rules_of(options: ConversionOptions) -> ShapingRules:
    """The rules among the options.

    Raises:
        ConversionError: one cannot be understood.
    """
    return ShapingRules(
        next_observation=options.next_observation,
        rename=options.rename,
        cast=options.cast,
        resize=options.resize,
        flip_images=options.flip_images,
        channel_order=options.channel_order,
        task=options.task,
    )
