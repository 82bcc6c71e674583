"""The root command `datagov`.

Commands import what they need when they run: `--help` loads neither Arrow nor DuckDB, numba, Ray or
torch. Other packages add commands through the entry-point group `datagov.commands`, whose values are
functions `register(app: typer.Typer) -> None`.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command

from datagov import __version__, catalogue, dedup_commands, doctor, lexicon_commands, terminal, train_commands
from datagov.errors import DatagovError
from datagov.ledger import commands as ledger_commands

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_app", "main"]

COMMAND_GROUP = "datagov.commands"
INTERRUPTED = 130
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
# typer does not export the class its usage errors share.
UsageProblem: type[Any] = typer.BadParameter.__mro__[2]


def build_app() -> typer.Typer:
    """Return the root command with every command registered, those of installed packages too."""
    # Plain help: rich's would cost a third of the time `--help` may take.
    app = typer.Typer(
        name="datagov", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
    )
    app.callback()(root)
    for module in (ledger_commands, catalogue, dedup_commands, doctor, lexicon_commands, train_commands):
        module.register(app)
    for entry in sorted(entry_points(group=COMMAND_GROUP), key=lambda entry: entry.name):
        try:
            entry.load()(app)
        except Exception as error:  # noqa: BLE001 - a root: one broken package must not take the others' commands
            terminal.note(f"The commands of {entry.value} could not be loaded: {error!r}")
    return app


def narrowed(app: typer.Typer, given: Sequence[str]) -> typer.Typer:
    """Leave of the registered commands the one that is asked for, or all where none is named first.

    typer examines the signatures of all it is given, more than a hundred, which takes longer than most of what is
    asked of a ledger.
    """
    wanted = given[0] if given else ""
    commands = [command for command in app.registered_commands if command.name == wanted]
    groups = [group for group in app.registered_groups if group.name == wanted]
    if commands or groups:
        app.registered_commands, app.registered_groups = commands, groups
    return app


def print_version(wanted: bool) -> None:
    """Print the version and stop, before a command is asked for."""
    if wanted:
        terminal.line(__version__)
        raise typer.Exit


def root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Govern pretraining data: measure, decide and record, then ask why any document was kept or removed.

    Exit codes: 0 ok, 1 findings, 2 usage or recipe, 3 input, 4 endpoint, 5 partial (run again), 130 interrupted.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str or None
        Arguments after the program's name; None for those of this process.
    """
    code = 0
    try:
        code = answer(argv)
        problem = unwritten()
    except terminal.OutputClosed as closed:
        problem = closed.problem
    if problem is None:
        return code
    # What is left in the buffer cannot be written: it must not be tried again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(problem, BrokenPipeError):
        # The reader of the pipe has left, e.g. `| head`: nothing more to say.
        return code
    terminal.note(f"datagov: the output could not be written: {problem.strerror}.")
    return 1


def unwritten() -> OSError | None:
    """Write out what stdout still holds, and return why that failed."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error
    return None


def answer(argv: Sequence[str] | None) -> int:
    """Run the command line; every error that is the user's to mend becomes a message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows its escape instead of failing.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        given = sys.argv[1:] if argv is None else list(argv)
        command = get_command(narrowed(build_app(), given))
        result = command(args=given, prog_name="datagov", standalone_mode=False)
    except DatagovError as error:
        terminal.note(f"datagov: {error.message}")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        result = INTERRUPTED
    except OSError as error:
        # If it came from stdout, that still holds what it could not write, and `main` says so.
        if unwritten() is not None:
            return 1
        if error.errno not in NO_ROOM:
            raise
        terminal.note(f"datagov: {error}.")
        return 1
    except UsageProblem as error:
        error.show()
        return int(error.exit_code)
    # Newer versions of typer make an exit code of an interruption themselves.
    if result == INTERRUPTED:
        terminal.note("datagov: interrupted.")
    return result if isinstance(result, int) else 0
