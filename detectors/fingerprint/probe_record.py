"""How findings were made, written into their file: findings of two models are compared only where it is the same."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from datagov.errors import InputError

__all__ = ["ProbeRecord", "of_this_version", "record_of", "settings_of", "with_record"]

KEY = b"datagov.probe"
EVIDENCE = 3
"""Counts what the evidence means. 2: repetitions have no bits, stray seeds are no part of a string, which goes as far as the
model is sure on the whole. 3: or as far as the base knows less, and how surely it ends is part of how far it is sure."""
SHARED = (
    "rule",
    "steps",
    "threshold",
    "tokens",
    "finalists",
    "exhaustive",
    "contexts",
    "with_base",
    "evidence",
)
ProbeRecord = dict[str, Any]
"""`SHARED`, and: `target`, `base` (digests), `coverage` (seeds over vocabulary), `family` (digest of the model's shape or
None), `engine`, `dtype`."""


def with_record(findings: pa.Table, record: ProbeRecord) -> pa.Table:
    """Return findings that say how they were made."""
    said = json.dumps({**record, "evidence": EVIDENCE}, sort_keys=True).encode()
    return findings.replace_schema_metadata({**(findings.schema.metadata or {}), KEY: said})


def record_of(findings: pa.Table, where: str) -> ProbeRecord:
    """Return how findings were made.

    Raises
    ------
    InputError
        They do not say, or are of another version; `where` names them.
    """
    again = "make it again with `datagov detect fingerprint` and `join`"
    said = (findings.schema.metadata or {}).get(KEY)
    if said is None:
        raise InputError(f"{where}: does not say how it was made; {again}")
    return of_this_version(json.loads(said), where, again)


def of_this_version(record: ProbeRecord, where: str, again: str) -> ProbeRecord:
    """Return a record, or the part of it that `settings_of` gives.

    Raises
    ------
    InputError
        Another version of datagov made the evidence; `where` names it, and `again` says how to make it anew.
    """
    if (evidence := record.get("evidence") or 1) != EVIDENCE:
        version = "an earlier" if evidence < EVIDENCE else "a later"
        raise InputError(f"{where}: bits and strings are of {version} version of datagov; {again}")
    return record


def settings_of(record: ProbeRecord) -> str:
    """Return the JSON of what two probes must share to be compared."""
    return json.dumps({name: record[name] for name in SHARED}, sort_keys=True)
