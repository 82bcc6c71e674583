"""Commands of `datagov` in this process: a process of its own would import torch for seconds."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

from datagov.cli import main


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


def ran(*arguments: Any) -> Answer:
    """Run a command and return what it said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Answer(code, out.getvalue(), err.getvalue())
