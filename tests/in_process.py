"""Commands of `datagov` in this process: a process of its own would import for seconds."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from governing import Finished

from datagov.cli import main


def ran(*arguments: Any) -> Finished:
    """Run a command and return what it said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Finished(code, out.getvalue(), err.getvalue())
