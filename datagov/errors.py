"""Every error a user can meet, and the exit code it ends with.

    DatagovError
    ├── ConfigError        2    the recipe, a flag or a name is wrong
    ├── InputError         3    the documents given are not what they were said to be
    │   └── DamagedShard        one shard cannot be read to its end; `shard` names it
    ├── TargetError        4    a model endpoint cannot be used
    │   ├── TargetUnavailable
    │   ├── TargetRefused
    │   └── TargetMisaligned
    ├── PartialRun         5    part of the work is done and kept; run again to resume
    └── LedgerError        1    the ledger lacks something or contradicts itself

A message says what is wrong, where (file:key, shard:row, url), what was expected and what to do
next. Every error crosses process boundaries: it takes one message, so that it pickles.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ConfigError",
    "DamagedShard",
    "DatagovError",
    "InputError",
    "LedgerError",
    "PartialRun",
    "TargetError",
    "TargetMisaligned",
    "TargetRefused",
    "TargetUnavailable",
    "did_you_mean",
]


class DatagovError(Exception):
    """Base of all errors that are the user's to mend; `exit_code` is the process's answer."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigError(DatagovError):
    """A recipe, flag, name or output folder that cannot be used as given."""

    exit_code = 2


class InputError(DatagovError):
    """Input documents that are missing, unreadable or not of the declared shape."""

    exit_code = 3


class DamagedShard(InputError):
    """A shard with a sound footer whose pages cannot be read."""

    shard: str = ""
    """Path of the shard relative to the input; set by whoever raises, and kept by pickle."""


class TargetError(DatagovError):
    """A model under test that cannot be used."""

    exit_code = 4


class TargetUnavailable(TargetError):
    """The endpoint did not answer."""


class TargetRefused(TargetError):
    """The endpoint answered, and refused what was asked."""


class TargetMisaligned(TargetError):
    """The endpoint's log-probabilities do not belong to the tokens they stand beside."""


class PartialRun(DatagovError):
    """Some of the work is committed and the rest is not; running again resumes."""

    exit_code = 5


class LedgerError(DatagovError):
    """A ledger that lacks what was asked of it, or whose records contradict each other."""


SHOWN = 5
"""Names that are listed where there are too many for all."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest known names, and all of them if they are few; some if none is near.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        What would have been accepted.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    parts = []
    if near:
        parts.append("Did you mean " + " or ".join(repr(n) for n in near) + "?")
    if len(names) <= 30:
        parts.append("Known: " + ", ".join(names) + ".")
    elif not near:
        parts.append(f"It can be one of {len(names)}, such as " + ", ".join(names[:SHOWN]) + ".")
    return " ".join(parts)
