"""The command line application, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from unienv_data._version import __version__
from unienv_data.cli.codecs import codecs
from unienv_data.cli.convert import convert
from unienv_data.cli.formats import formats
from unienv_data.cli.info import info
from unienv_data.cli.output import show_error
from unienv_data.cli.record import record
from unienv_data.cli.stats import stats
from unienv_data.errors import UniEnvError

__all__ = ["app", "main"]

EXIT_FAILED = 2
EXIT_INTERRUPTED = 130  # what a shell reports for a command that SIGINT ended
#: Where the libraries beneath remote filesystems define what they raise, which is no OSError.
_NETWORK_ERRORS = frozenset({"aiohttp.client_exceptions", "botocore.exceptions", "obstore.exceptions"})


class _Commands(TyperGroup):
    """The commands, with what goes wrong in them told to a person."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if not _is_told(error) or _wants_traceback(ctx):
                raise
            show_error(error)
            raise typer.Exit(EXIT_FAILED) from None
        except KeyboardInterrupt as interrupt:
            if _wants_traceback(ctx):
                raise
            show_error("\n".join(["interrupted", *getattr(interrupt, "__notes__", ())]))
            raise typer.Exit(EXIT_INTERRUPTED) from None


app = typer.Typer(
    name="unienv-data",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help as plain text: a pattern such as observation/* is no markup
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Datasets for robot learning on Zarr v3 and Arrow: convert, record, look inside, choose codecs.",
)
app.command(short_help="Try codecs on a sample of one's own frames.")(codecs)
app.command(short_help="Convert a recording, such as LeRobot's, into a dataset, and back.")(convert)
app.command(short_help="List the formats that can be converted.")(formats)
app.command(short_help="Show what a dataset holds.")(info)
app.command(short_help="Record episodes of a Gymnasium environment into a dataset.")(record)
app.command(short_help="Show statistics of a dataset's columns.")(stats)


def _is_told(error: Exception) -> bool:
    """Whether an error says by itself what a person can do about it; any other is a fault of ours."""
    if isinstance(error, BrokenPipeError):
        return False  # whoever read our output has left: there is nobody to tell
    if isinstance(error, UniEnvError | OSError):
        return True
    return any(kind.__module__ in _NETWORK_ERRORS for kind in type(error).__mro__)


def _wants_traceback(ctx: Any) -> bool:
    return bool(ctx.params.get("debug")) or os.environ.get("UNIENV_DEBUG", "") not in ("", "0")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unienv-data {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; UNIENV_DEBUG=1 does too.")
    ] = False,
) -> None:
    """Options that stand before the command; `_Commands` reads them."""


def main() -> None:
    """Run the command line of this process and exit."""
    app(prog_name="unienv-data")
