"""The log of a run: one JSON object a line, for machines; never a word of a document.

What is logged are names, counts and seconds. Of an error that is the user's to mend its message is
logged, which names files and ids; of any other error only its kind, since a library may quote what it
could not handle.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from datagov.errors import ConfigError, PartialRun

__all__ = ["RunLog"]

STDERR = "-"


class RunLog:
    """Writes every event of a run as a line of JSON, as it happens."""

    def __init__(self, target: str) -> None:
        self._file: TextIO = sys.stderr
        self._owned = target != STDERR
        if self._owned:
            try:
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                self._file = Path(target).open("a", encoding="utf-8")  # noqa: SIM115 - open as long as the run
            except OSError as error:
                raise ConfigError(
                    f"--log {target}: cannot be written ({error.strerror}); name another file, or - for stderr"
                ) from error

    def notice(self, event: str, facts: Mapping[str, Any]) -> None:
        """Write one line: `time` (UTC), `event`, and the facts.

        Parameters
        ----------
        event : str
            See the table of events in docs/operations.md.
        facts : mapping
            Plain values.

        Raises
        ------
        PartialRun
            The file takes no more.
        """
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "event": event, **facts}, ensure_ascii=True)
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as error:
            raise PartialRun(
                f"the log cannot be written ({error.strerror}); what is finished is kept, run again to resume"
            ) from error

    def close(self) -> None:
        """Close the file; stderr stays open."""
        if self._owned:
            self._file.close()
