r"""How results reach a person or a program: tables on a terminal, tab-separated lines in a pipe, JSON.

Corpus text is written by strangers. Whatever could drive a terminal or reorder a line (control
characters, ESC, bidirectional controls, invisible tags) is shown as an escape such as `\x1b`, in
every cell, line and JSON string; JSON readers get the original characters back.
"""
# ruff: noqa: PLC0415 - rich is loaded only where there is a terminal to draw on

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

__all__ = ["OutputClosed", "heading", "is_terminal", "line", "note", "print_json", "print_table", "safe"]

# Cc, line and paragraph separators, bidi controls and marks, invisible and tag characters, lone surrogates.
UNSAFE = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff"
)
UNSAFE_CHARACTER = re.compile(f"[{UNSAFE}]")
UNSAFE_IN_LINES = re.compile(f"(?![\n\t])[{UNSAFE}]")


WHOLE = 36
"""Longest cell, in characters, that is never folded: an id with its hyphens."""


class OutputClosed(Exception):
    """Stdout takes no more: whoever read it has left, or there is no room for it; `problem` says which."""

    def __init__(self, problem: OSError) -> None:
        super().__init__(str(problem))
        self.problem = problem


def safe(text: str, *, lines: bool = False) -> str:
    r"""Return `text` with every unsafe character written as `\xNN`, `\uNNNN` or `\UNNNNNNNN`.

    Parameters
    ----------
    text : str
        Anything.
    lines : bool
        Leave line feeds and tabs as they are.
    """
    return (UNSAFE_IN_LINES if lines else UNSAFE_CHARACTER).sub(escape, text)


def escape(match: re.Match[str]) -> str:
    """Return the Python escape of one character."""
    code = ord(match[0])
    if code < 0x100:
        return {9: r"\t", 10: r"\n", 13: r"\r"}.get(code, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape_json(match: re.Match[str]) -> str:
    """Return the JSON escape of one character."""
    return json.dumps(match[0])[1:-1] if match[0] != "\x7f" else "\\u007f"


def write(text: str) -> None:
    """Write one finished line (or several) on stdout."""
    try:
        print(text)  # noqa: T201 - stdout is where data goes
    except OSError as error:
        # Raised as our own: the command-line library would turn a broken pipe into exit code 1, and
        # only here is it certain that it was stdout.
        raise OutputClosed(error) from error


def print_json(value: Any) -> None:
    """Print one JSON value on stdout; ids as 32 hex digits, numbers JSON cannot hold as text."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False)
    write(UNSAFE_IN_LINES.sub(escape_json, text))


def plain(value: Any) -> Any:
    """Return a value made of what JSON knows."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else cell(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set):
        return [plain(item) for item in value]
    return str(value)


def cell(value: Any) -> str:
    """Return a value as one line of safe text; NULL is empty, six significant digits for ratios."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else f"{value:.6g}"
    simple = plain(value)
    return safe(simple if isinstance(simple, str) else json.dumps(simple, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, indent: int = 0) -> None:
    """Print rows on stdout: a table on a terminal, tab-separated lines with a header otherwise."""
    cells = [[cell(value) for value in row] for row in rows]
    if not is_terminal():
        for row in [[cell(column) for column in columns], *cells]:
            write(" " * indent + "\t".join(row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    numeric = [all(is_number(row[n]) for row in cells) for n in range(len(columns))]
    lengths = [
        max(len(text) for text in (column, *(row[n] for row in cells))) for n, column in enumerate(columns)
    ]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column, number, length in zip(columns, numeric, lengths, strict=True):
        # Ids and numbers stay whole, whatever the terminal's width; only long text is folded.
        table.add_column(
            Text(safe(column)),
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=length <= WHOLE,
            min_width=min(length, WHOLE),
        )
    for row in cells:
        table.add_row(*(Text(value) for value in row))
    least = indent + sum(min(length, WHOLE) + 3 for length in lengths)
    console = Console(width=max(Console().width, least))
    console.print(Padding(table, (0, 0, 0, indent)))


def is_number(text: str) -> bool:
    """Say whether a cell holds a number or nothing."""
    try:
        float(text or 0)
    except ValueError:
        return False
    return True


def heading(text: str) -> None:
    """Print a heading on stdout, bold on a terminal."""
    shown = safe(text)
    write(f"\x1b[1m{shown}\x1b[0m" if wants_colour() else shown)


def line(text: str = "", *, lines: bool = False) -> None:
    """Print one line of safe text on stdout."""
    write(safe(text, lines=lines))


def note(text: str) -> None:
    """Print a remark for people on stderr."""
    print(safe(text, lines=True), file=sys.stderr)  # noqa: T201 - stderr is where remarks go


def is_terminal() -> bool:
    """Say whether stdout is a terminal."""
    return sys.stdout.isatty()


def wants_colour() -> bool:
    """Say whether stdout is a terminal whose owner did not set NO_COLOR."""
    return is_terminal() and not os.environ.get("NO_COLOR")
