"""The figures of a run for Prometheus: as a text file for the node exporter's collector, or on a port."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datagov.errors import ConfigError

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server, write_to_textfile
except ModuleNotFoundError as error:
    raise ConfigError("--metrics and --metrics-port need: pip install 'datagov[metrics]'") from error

__all__ = ["RunMetrics"]

LOOPBACK = "127.0.0.1"
WRITE_S = 10.0
"""How often, at most, the text file is written while a stage is at work."""


class RunMetrics:
    """Keeps the figures of a run from its events; see docs/operations.md for their names."""

    def __init__(self, *, textfile: Path | None, port: str | None) -> None:
        self.registry = CollectorRegistry()
        self._textfile = textfile
        self._written = 0.0

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"datagov_{name}", what, labels, registry=self.registry)

        self._info = gauge("run_info", "The run; always 1.", "run", "dataset", "executor", "version")
        self._state = gauge("run_state", "1 for the state the run is in.", "state")
        self._documents = gauge("documents", "Documents by what became of them.", "outcome")
        self._removed = gauge("removed_documents", "Documents a step removed.", "step")
        self._units = gauge("stage_units", "Units of work of a stage.", "stage")
        self._done = gauge("stage_units_done", "Units that are done, reused ones included.", "stage")
        self._reused = gauge("stage_units_reused", "Units that were done before.", "stage")
        self._seconds = gauge("stage_seconds", "Wall seconds a stage took, all its turns together.", "stage")
        self._progress = gauge("last_progress_timestamp_seconds", "When something was last finished.")
        self._text = Counter("datagov_text_bytes", "UTF-8 bytes of text read.", registry=self.registry)
        self._warnings = Counter("datagov_warnings", "Warnings.", registry=self.registry)
        self._server = self._serve(port) if port is not None else None
        if textfile is not None:
            self._write()

    def notice(self, event: str, facts: Mapping[str, Any]) -> None:
        """Take in one event of the run."""
        stage = facts.get("stage", "")
        if event == "run_started":
            # A run that goes on without a damaged shard says so by beginning anew, and so do its units.
            for gauge in (self._units, self._done, self._reused):
                gauge.clear()
            self._info.labels(facts["run"], facts["dataset"], facts["executor"], facts["version"]).set(1)
            self._enter("running")
        elif event == "stage_started":
            # Summed: a recipe can lead through one stage several times.
            self._units.labels(stage).inc(facts["units"])
            self._done.labels(stage).inc(facts["reused"])
            self._reused.labels(stage).inc(facts["reused"])
        elif event == "unit_done":
            self._done.labels(stage).inc()
            self._text.inc(facts["text_bytes"])
        elif event == "stage_finished":
            self._seconds.labels(stage).inc(facts["seconds"])
        elif event == "warning":
            self._warnings.inc()
        elif event == "run_finished":
            for outcome in ("documents_in", "kept", "removed", "errored"):
                self._documents.labels(outcome.removeprefix("documents_")).set(facts[outcome])
            for step, count in facts["removed_by"].items():
                self._removed.labels(step).set(count)
            self._enter("complete")
        elif event == "run_failed":
            self._enter("failed")
        self._progress.set_to_current_time()
        if self._textfile is not None and (
            event != "unit_done" or time.monotonic() - self._written > WRITE_S
        ):
            self._write()

    def close(self) -> None:
        """Stop answering on the port."""
        if self._server is not None:
            server, thread = self._server
            server.shutdown()
            server.server_close()
            thread.join()

    def _enter(self, state: str) -> None:
        for other in ("running", "complete", "failed"):
            self._state.labels(other).set(other == state)

    def _write(self) -> None:
        """Put the file in place in one step.

        Raises
        ------
        ConfigError
            It cannot be written.
        """
        try:
            write_to_textfile(str(self._textfile), self.registry)
        except OSError as error:
            raise ConfigError(
                f"--metrics {self._textfile}: cannot be written ({error.strerror}); name a file in a folder that exists"
            ) from error
        self._written = time.monotonic()

    def _serve(self, port: str) -> Any:
        """Answer on `PORT` of this machine alone, or on `HOST:PORT`.

        Raises
        ------
        ConfigError
            Not a port, or taken.
        """
        host, _, number = port.rpartition(":")
        if not number.isdigit() or not 0 < int(number) < 65536:
            raise ConfigError(f"--metrics-port {port}: expected PORT or HOST:PORT, such as 9464")
        try:
            return start_http_server(int(number), addr=host.strip("[]") or LOOPBACK, registry=self.registry)
        except OSError as error:
            raise ConfigError(
                f"--metrics-port {port}: cannot be opened ({error.strerror}); choose another"
            ) from error
