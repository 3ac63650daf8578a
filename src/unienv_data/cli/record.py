"""`unienv-data record ENV_ID DST`: episodes of an environment become a dataset."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from unienv_data.cli.bar import bar_on_terminal
from unienv_data.cli.options import (
    StorageOptions,
    is_url,
    parse_codecs,
    parse_pairs,
    parse_storage_options,
)
from unienv_data.cli.output import Report, choose_output
from unienv_data.cli.signals import ending_as_exceptions

if TYPE_CHECKING:
    from unienv_data.recording import Recording

__all__ = ["RecordingReport", "record"]


def record(
    environment: Annotated[
        str,
        typer.Argument(
            metavar="ENV_ID",
            help="The environment's id in Gymnasium; module:ENV_ID imports a module first that registers it.",
            show_default=False,
        ),
    ],
    destination: Annotated[
        str,
        typer.Argument(metavar="DST", help="The dataset to make: a path or a URL.", show_default=False),
    ],
    episodes: Annotated[int, typer.Option(min=1, metavar="N", help="How many episodes to record.")] = 1,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="What chooses the actions: a function of an observation and, if it has an argument rng, "
            "of a NumPy generator. Random actions by default.",
            show_default=False,
        ),
    ] = None,
    render: Annotated[
        bool, typer.Option("--render", help="Store a frame of every step too, as the column render.")
    ] = False,
    next_obs: Annotated[
        bool,
        typer.Option(
            "--next-obs/--no-next-obs", help="Store the observation after every step too, as next_obs."
        ),
    ] = True,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of the first episode; those of the next follow it. Drawn by default."),
    ] = None,
    num_envs: Annotated[
        int, typer.Option(min=1, metavar="N", help="Play as many episodes at a time, each in a process.")
    ] = 1,
    max_episode_steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Truncate episodes after as many steps.")
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=SPEC",
            help="The codec of some columns, as 'render=zstd:9'; may be repeated, the last counts.",
            show_default=False,
        ),
    ] = None,
    env_kwargs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Passed to the environment, VALUE as JSON or text, as is_slippery=false; may be repeated.",
            show_default=False,
        ),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Add to the dataset that stands at DST; make it if none does.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace a dataset that stands at DST, with the first episode."),
    ] = False,
    storage_option: StorageOptions = None,
    assume_single_writer: Annotated[
        bool,
        typer.Option(
            "--assume-single-writer",
            help="Nobody else writes to DST; for filesystems that cannot make sure of it.",
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what goes wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead.")] = False,
) -> None:
    """Record episodes of a Gymnasium environment into a dataset, each as a segment of its own.

    An episode is durable once it has ended: interrupted at any moment, the recording keeps all that had.
    Nothing stands at DST before the first. The same seed gives the same episodes, whatever --num-envs is.
    """
    storage_options = parse_storage_options(storage_option)
    codecs = parse_codecs(codec)
    kwargs = parse_pairs(env_kwargs, "--env-kwargs")
    from unienv_data.recording.options import RecordingOptions

    options = RecordingOptions(
        episodes=episodes,
        policy=policy,
        render=render,
        next_obs=next_obs,
        seed=seed,
        num_envs=num_envs,
        max_episode_steps=max_episode_steps,
        codecs=codecs,
        overwrite=overwrite,
        append=append,
        storage_options=storage_options if is_url(destination) else {},
        assume_single_writer=assume_single_writer,
        env_kwargs=kwargs,
    )
    # Modules of policies and environments stand where the command is given, as with `python -m`.
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    from unienv_data.recording.run import run_recording

    with ending_as_exceptions():
        done = run_recording(environment, destination, options, bar_on_terminal(quiet))
    if not quiet:
        choose_output(as_json).show(RecordingReport(done))


@dataclasses.dataclass(frozen=True)
class RecordingReport(Report):
    """What was recorded, in both forms of output."""

    done: Recording

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self.done)

    def to_console(self) -> Iterable[RenderableType]:
        done = self.done
        count = f"{done.episodes:,} episode" + ("" if done.episodes == 1 else "s")
        rate = f"{done.rows / done.seconds:,.0f} steps/s" if done.seconds else "at once"
        yield Text(
            f"Recorded {count}, {done.rows:,} steps, mean return {done.mean_return:g}, seeds from "
            f"{done.seed}, to {done.destination} in {done.seconds:.1f} s ({rate})."
        )
