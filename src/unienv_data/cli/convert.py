"""`unienv-data convert SRC DST`: a foreign recording becomes a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from unienv_data.cli.bar import bar_on_terminal
from unienv_data.cli.conversion_reports import ConversionReport, ExportReport, PlanReport, VerificationReport
from unienv_data.cli.options import (
    StorageOptions,
    is_url,
    parse_bytes,
    parse_chunks,
    parse_codecs,
    parse_storage_options,
    parse_texts,
)
from unienv_data.cli.output import Output, choose_output
from unienv_data.cli.signals import ending_as_exceptions

if TYPE_CHECKING:
    from unienv_data.conversion import Conversion, ConversionOptions, Verification

__all__ = ["convert"]


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="The recording: a path or a URL.", show_default=False)
    ],
    destination: Annotated[
        str, typer.Argument(metavar="DST", help="What to make: a path or a URL.", show_default=False)
    ],
    format_name: Annotated[
        str | None,
        typer.Option("--from", metavar="FORMAT", help="The source's format, if it is not recognized."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="The format to convert to, if DST's ending does not say; a dataset by default.",
        ),
    ] = None,
    to_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="What the format that is written lets you choose; may be repeated.",
            show_default=False,
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="What the source's format lets you choose, see `unienv-data formats`; may be repeated.",
            show_default=False,
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="HZ", help="Sources with several rates: this many rows a second."),
    ] = None,
    sync_to: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", help="Sources with several rates: a row of each message of it."),
    ] = None,
    max_episode_steps: Annotated[
        int | None,
        typer.Option(metavar="N", help="Sources that do not say where episodes were cut off."),
    ] = None,
    episode_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Tables: the column that tells episodes apart."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Convert only these, as observation.* or observation/*; may be repeated.",
            show_default=False,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Leave these out; may be repeated.", show_default=False),
    ] = None,
    episodes: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Only these episodes, counted as Python slices count."),
    ] = None,
    next_observation: Annotated[
        str,
        typer.Option(
            metavar="column|row|none",
            help="Where there is an observation more than rows: a column next_..., a row more, or neither.",
        ),
    ] = "column",
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW",
            help="Another name for a column or group, as obs=observation; may be repeated.",
            show_default=False,
        ),
    ] = None,
    cast: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=DTYPE",
            help="Another data type that holds the values, or rounds them, as float32:lossy; repeatable.",
            show_default=False,
        ),
    ] = None,
    resize: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=HxW", help="Images of another size; may be repeated.", show_default=False
        ),
    ] = None,
    flip_images: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN[=HOW]",
            help="Images turned vertical (upside down, the default), horizontal, both; may be repeated.",
            show_default=False,
        ),
    ] = None,
    channel_order: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=bgr",
            help="The order that images' channels have in the source; stored are RGB. May be repeated.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The instruction of rows and episodes that have none."),
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=SPEC",
            help="The codec of some columns, as 'observation/*=zstd:9'; may be repeated, the last counts.",
            show_default=False,
        ),
    ] = None,
    chunk: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=ROWS",
            help="Rows in a chunk of some columns, as 'action=256'; may be repeated, the last counts.",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[
        str,
        typer.Option(
            metavar="copy|lossless|high|small",
            help="Keep the frames of videos as they are encoded, or decode them and encode them anew.",
        ),
    ] = "copy",
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many processes of this machine read and write.")
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT",
            help="A Dask cluster whose workers read and write; they must see SRC and DST as they are called.",
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", help="What rows may take on their way, as 512MB, in all processes together."
        ),
    ] = None,
    append: Annotated[
        bool,
        typer.Option("--append", help="Add to the dataset that stands at DST the episodes that it has not."),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on where a conversion of the same to DST was cut short, if one was."
        ),
    ] = False,
    skip_bad: Annotated[
        bool,
        typer.Option("--skip-bad", help="Leave out episodes that cannot be read, rather than stop."),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read SRC and DST again afterwards, and compare every value."),
    ] = False,
    verify_psnr: Annotated[
        float,
        typer.Option(metavar="DB", help="With --verify: what columns with loss must have, over all rows."),
    ] = 30.0,
    no_stats: Annotated[
        bool, typer.Option("--no-stats", help="Gather no statistics of the columns.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace what stands at DST, if it is of the same format, at the end."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Convert though too little space is free.")] = False,
    storage_option: StorageOptions = None,
    assume_single_writer: Annotated[
        bool,
        typer.Option(
            "--assume-single-writer",
            help="Nobody else writes to DST; for filesystems that cannot make sure of it.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and write nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what goes wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON documents instead.")] = False,
) -> None:
    """Convert a recording in a format of others, such as LeRobot's, into a dataset, or into such a format.

    Shows first what will be converted and how large it will be. What is made appears whole at the end;
    whatever goes wrong before leaves nothing behind. SRC is only read. `unienv-data formats` lists formats.
    """
    storage_options = parse_storage_options(storage_option)
    codecs, chunks = parse_codecs(codec), parse_chunks(chunk)
    named = {
        "rate": rate,
        "sync_to": sync_to,
        "max_episode_steps": max_episode_steps,
        "episode_column": episode_column,
    }
    format_options = parse_texts(option, "--option")
    format_options |= {name: str(value) for name, value in named.items() if value is not None}
    from unienv_data.conversion import (
        ConversionOptions,
        plan_conversion,
        run_conversion,
        verify_conversion,
    )
    from unienv_data.formats import choose_writer

    options = ConversionOptions(
        format=format_name,
        format_options=format_options,
        columns=tuple(columns or ()),
        exclude=tuple(exclude or ()),
        episodes=episodes,
        next_observation=next_observation,
        rename=parse_texts(rename, "--rename"),
        cast=parse_texts(cast, "--cast"),
        resize=parse_texts(resize, "--resize"),
        flip_images=parse_texts(flip_images, "--flip-images", default="vertical"),
        channel_order=parse_texts(channel_order, "--channel-order"),
        task=task,
        to=to,
        to_options=parse_texts(to_option, "--to-option"),
        codecs=codecs,
        chunks=chunks,
        frames=frames,
        workers=workers,
        scheduler=scheduler,
        memory=parse_bytes(memory, "--memory"),
        append=append,
        resume=resume,
        skip_bad=skip_bad,
        stats=not no_stats,
        overwrite=overwrite,
        force=force,
        assume_single_writer=assume_single_writer,
        source_storage_options=storage_options if is_url(source) else {},
        storage_options=storage_options if is_url(destination) else {},
    )
    output = choose_output(as_json)
    with ending_as_exceptions():
        if choose_writer(destination, to) is not None:
            least = verify_psnr if verify else None
            _export(source, destination, options, output, quiet, dry_run, least)
            return
        plan = plan_conversion(source, destination, options)
        if not quiet:
            output.show(PlanReport(plan))
            for text in (*plan.notes, *filter(None, (plan.advice,))):
                output.note(f"Note: {text}")
        plan.require_acceptable()
        if plan.refusal is not None:
            output.warn(plan.refusal)
        if dry_run:
            return
        done = run_conversion(plan, bar_on_terminal(quiet))
        _show_done(done, output, quiet)
        if verify:
            found = verify_conversion(plan, done, bar_on_terminal(quiet), least_psnr=verify_psnr)
            _show_verified(found, output, quiet)


def _show_done(done: Conversion, output: Output, quiet: bool) -> None:
    for skipped in done.skipped:
        output.warn(f"Left out episode {skipped.source_episode}: {skipped.reason}")
    if not quiet:
        output.show(ConversionReport(done))


def _show_verified(found: Verification, output: Output, quiet: bool) -> None:
    if found.left_out:
        output.warn(f"Not compared, since no column has their names: {', '.join(found.left_out)}.")
    if not quiet:
        output.show(VerificationReport(found))


def _export(
    source: str,
    destination: str,
    options: ConversionOptions,
    output: Output,
    quiet: bool,
    dry_run: bool,
    verify_psnr: float | None,
) -> None:
    """Convert into a foreign format."""
    from unienv_data.conversion import plan_export, require_readable, run_export, verify_export

    plan = plan_export(source, destination, options)
    if not quiet:
        output.show(ExportReport(plan))
        for text in plan.notes:
            output.note(f"Note: {text}")
    if verify_psnr is not None:
        require_readable(plan.writer)
    plan.require_acceptable()
    if plan.refusal is not None:
        output.warn(plan.refusal)
    if dry_run:
        return
    done = run_export(plan, bar_on_terminal(quiet))
    _show_done(done, output, quiet)
    if verify_psnr is not None:
        found = verify_export(plan, done, bar_on_terminal(quiet), least_psnr=verify_psnr)
        _show_verified(found, output, quiet)
