"""Bringing a ledger from an object store to this machine, where DuckDB can read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datagov.store import StoreFolder

__all__ = ["fetched"]

MARKER = "datagov.json"


def fetched(url: str, *, run: str | None) -> Path:
    """Fetch the marker, the manifests and the tables of an output folder; return where they are now.

    Parameters
    ----------
    url : str
        The output folder, an `s3://` URL.
    run : str or None
        The run whose tables are wanted; None for the newest complete one.

    Raises
    ------
    PartialRun
        The store cannot be reached.
    """
    store = StoreFolder(url.rstrip("/"))
    if not (store / MARKER).exists():
        store.here.mkdir(parents=True, exist_ok=True)
        return store.here
    manifests = [store / f"runs/{name}" for name in store.names("runs") if name.endswith(".json")]
    for stale in set((store.here / "runs").glob("*.json")) - set(manifests):
        stale.unlink()
    complete = [
        record for record in (json.loads(path.read_bytes()) for path in manifests) if record["complete"]
    ]
    wanted = [record for record in complete if run in {None, record["run_id"]}]
    if wanted:
        for path in _tables(max(wanted, key=lambda record: int(record["run_id"][1:]))):
            store / path
    return store.here


def _tables(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files of a run's ledger; not the kept shards."""
    for entries in manifest["tables"].values():
        for entry in entries:
            yield from [entry] if isinstance(entry, str) else entry["files"]
    for signal in manifest["signals"]:
        yield from signal["files"]
