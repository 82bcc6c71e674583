"""KenLM's programs, which train models: found, or said how to get."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from datagov.errors import ConfigError, InputError

__all__ = ["find_program", "run_program"]

SHOWN: Final = 5
"""Last lines of a program's complaint that a message repeats."""


def find_program(name: str, given: Path | None = None) -> Path:
    """Return where `lmplz` or `build_binary` is: as given, on PATH, or beside this Python.

    Parameters
    ----------
    name : str
    given : Path or None
        The program `lmplz`; others are looked for beside it first.

    Raises
    ------
    ConfigError
        It is nowhere; the message says how to get it.
    """
    beside = Path(sys.executable).parent
    places = [given.parent, beside] if given is not None else [beside]
    for place in [shutil.which(name) if given is None else None, *(place / name for place in places)]:
        if place is not None and shutil.which(place) is not None:
            return Path(place)
    where = "on PATH or beside this Python" if given is None else f"in {given.parent}"
    raise ConfigError(
        f"{name}, one of the programs that train KenLM models, is not {where}. The PyPI package kenlm does not hold it: "
        "`make lmplz` builds it from that package's sources (infra/lmplz/build.sh FOLDER, for another folder), and "
        "--lmplz names it elsewhere"
    )


def run_program(command: list[str], complaint: str) -> None:
    """Run a program to its end, or raise InputError with the end of what it said."""
    done = subprocess.run(  # noqa: S603 - a list, no shell
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        raise InputError(f"{complaint}: {last_words(done.stderr, done.returncode)}")


def last_words(said: bytes, code: int) -> str:
    """Return the end of what a program said on stderr, in one line."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return f"exit code {code}: {' / '.join(lines[-SHOWN:]) or 'it said nothing'}"
