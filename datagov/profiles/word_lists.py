"""Word lists: rules of a profile that need one, and the file that a recipe names for it.

No list is shipped. A profile says what a list would be bounded by; a recipe names a file of its own, whose
entries then belong to the recipe as if they had been written there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datagov.errors import ConfigError

if TYPE_CHECKING:
    from datagov.policy import Bound

__all__ = ["MOST_ENTRIES", "WordList", "read_word_list"]

MOST_ENTRIES = 100_000
"""A list becomes part of the recipe and of the ledger's manifest: a dictionary does not belong there."""


@dataclass(frozen=True)
class WordList:
    """What a profile bounds where a recipe names a list for one of its families."""

    what: str
    """What the published list holds."""
    bounds: tuple[Bound, ...]


def read_word_list(path: Path) -> list[str]:
    """Read a word list: UTF-8, one entry a line; blank lines and those that begin with `#` are passed over.

    Returns
    -------
    list of str
        The different entries, sorted, without the white space around them.

    Raises
    ------
    ConfigError
        The file cannot be read, is not UTF-8, has no entry or more than `MOST_ENTRIES`, or an entry holds a
        control character.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"word list {path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"word list {path}: not UTF-8: {error}. Save the file as UTF-8.") from error
    entries: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        entry = line.strip()
        if entry and not entry.startswith("#"):
            entries.setdefault(entry, number)
    for entry, number in entries.items():
        if not entry.isprintable():
            raise ConfigError(
                f"word list {path}: line {number}: {entry!r} holds a control character or tab; write one entry a "
                "line and nothing else."
            )
    if not entries:
        raise ConfigError(f"word list {path}: holds no entry; write one a line.")
    if len(entries) > MOST_ENTRIES:
        raise ConfigError(f"word list {path}: holds {len(entries)} entries, the most are {MOST_ENTRIES}.")
    return sorted(entries)
