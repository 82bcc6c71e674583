"""Progress on stderr: a bar where somebody watches, one line a stage where nobody does.

The same events go to observers: the log of a run, its metrics.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from datagov import terminal
from datagov.errors import DatagovError

__all__ = ["Observer", "Reporter"]

QUIET_SECONDS = 20.0
"""Without a terminal, a long stage says this often how far it is."""


class Observer(Protocol):
    """Somebody who is told the events of a run; never a word of a document."""

    def notice(self, event: str, facts: Mapping[str, Any]) -> None:
        """Take in one event."""

    def close(self) -> None:
        """Hear that there are no more."""


class Reporter:
    """Tells how far a run is; when `quiet`, only what it warns of; when `silent`, its observers alone."""

    def __init__(
        self, *, quiet: bool = False, silent: bool = False, observers: Sequence[Observer] = ()
    ) -> None:
        self._observers = observers
        self._silent = silent
        quiet = quiet or silent
        self.console = Console(file=sys.stderr, stderr=True, quiet=quiet, highlight=False)
        self._progress: Progress | None = None
        if self.console.is_terminal and not quiet:
            self._progress = Progress(
                TextColumn("{task.description:<28}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self.console,
            )

    def __enter__(self) -> Reporter:
        """Start drawing."""
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing, and say how it ended if it was an error."""
        if self._progress is not None:
            self._progress.stop()
        if error is not None:
            facts: dict[str, Any] = {}
            if isinstance(error, DatagovError):
                facts = {"message": error.message, "exit_code": error.exit_code}
            self.tell("run_failed", error=type(error).__name__, **facts)
        for observer in self._observers:
            observer.close()

    def tell(self, event: str, **facts: Any) -> None:
        """Tell the observers of an event."""
        for observer in self._observers:
            observer.notice(event, facts)

    def say(self, line: str) -> None:
        """Print one line."""
        self.console.print(terminal.safe(line), markup=False, soft_wrap=True)

    def warn(self, line: str) -> None:
        """Print a warning, also when quiet."""
        self.tell("warning", message=line)
        if self._silent:
            return
        if self.console.quiet:
            terminal.note(f"warning: {line}")
        else:
            self.say(f"warning: {line}")

    def stage(self, name: str, units: int, done: int, *, turn: int = 1) -> StageReport:
        """Begin a stage of `units` tasks of which `done` need not be done again; it is the `turn`-th of its name."""
        return StageReport(self, name, units, done, turn)


class StageReport:
    """One stage's progress."""

    def __init__(self, reporter: Reporter, name: str, units: int, done: int, turn: int) -> None:
        self._reporter = reporter
        self._name = name
        self._which = {"stage": name, "turn": turn}
        self._units, self._reused, self._done = units, done, done
        self._bytes = 0
        self._started = self._told = time.perf_counter()
        reporter.tell("stage_started", **self._which, units=units, reused=done)
        self._bar = None
        if reporter._progress is not None:  # noqa: SLF001 - the two classes are one thing
            self._bar = reporter._progress.add_task(name, total=units, completed=done, rate="")  # noqa: SLF001

    def advance(self, unit: str, seconds: float, text_bytes: int = 0) -> None:
        """One task more is done: its name, its seconds, and the bytes of text it read."""
        self._done += 1
        self._bytes += text_bytes
        self._reporter.tell(
            "unit_done", **self._which, unit=unit, seconds=round(seconds, 4), text_bytes=text_bytes
        )
        if self._bar is None and time.perf_counter() - self._told > QUIET_SECONDS:
            self._told = time.perf_counter()
            self._reporter.say(self._line())
        if self._bar is not None and self._reporter._progress is not None:  # noqa: SLF001
            self._reporter._progress.update(self._bar, completed=self._done, rate=self._rate())  # noqa: SLF001

    def finish(self) -> float:
        """End the stage; return its seconds."""
        seconds = time.perf_counter() - self._started
        self._reporter.tell(
            "stage_finished", **self._which, units=self._units, done=self._done, seconds=round(seconds, 4)
        )
        if self._bar is None:
            reused = f", {self._reused} reused" if self._reused else ""
            rate = self._rate()
            self._reporter.say(
                f"{self._name:<28} {self._done}/{self._units}{reused}  {seconds:.1f} s{'  ' + rate if rate else ''}"
            )
        return seconds

    def _line(self) -> str:
        """Return how far the stage is, its rate and the time it still needs at that rate."""
        seconds = time.perf_counter() - self._started
        fresh = self._done - self._reused
        left = (self._units - self._done) * seconds / fresh if fresh else 0.0
        return f"{self._name:<28} {self._done}/{self._units}  {self._rate()}  about {left:.0f} s left"

    def _rate(self) -> str:
        seconds = time.perf_counter() - self._started
        return f"{self._bytes / seconds / 1e6:.1f} MB/s" if self._bytes and seconds > 0 else ""
