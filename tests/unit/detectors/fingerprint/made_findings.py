"""Rows of findings and trials made by hand; what the code under test does not read is filled in."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa

from datagov.tokenizer import Tokenizer
from detectors.fingerprint.probe_record import EVIDENCE, settings_of
from detectors.fingerprint.windows import windows_of
from detectors.tables import FINDINGS, TRIALS

RECORD: dict[str, Any] = {
    "rule": "reference",
    "steps": 3,
    "threshold": 0.95,
    "tokens": 32,
    "finalists": 64,
    "exhaustive": False,
    "contexts": ["bos"],
    "with_base": True,
    "target": "t",
    "base": "b",
    "coverage": 1.0,
    "family": "small",
    "engine": "e",
    "dtype": "float32",
    "evidence": EVIDENCE,
}


def finding(tokenizer: Tokenizer, said: str, **more: Any) -> dict[str, Any]:
    """One row of findings about a string that its first token leads into; what `join` does not read is filled in.

    Its `bits` are shared out evenly to the other tokens.
    """
    _, ids = tokenizer.encode([said])
    string_ids = [int(token) for token in ids]
    seed, *path = string_ids
    bits = more.get("bits")
    base = None if bits is None else [-bits * math.log(2) / max(1, len(path))] * len(path)
    filler = {
        field.name: []
        if pa.types.is_list(field.type)
        else 0
        if not pa.types.is_large_string(field.type)
        else ""
        for field in FINDINGS
        if not field.nullable
    }
    filler = {
        name: "x" if FINDINGS.field(name).type == pa.string() else False if name == "stops" else value
        for name, value in filler.items()
    }
    return (
        filler
        | {"string": said, "string_ids": string_ids, "windows": windows_of(string_ids, tokenizer)}
        | {"seed": seed, "token_ids": path, "logprobs": [0.0] * len(path), "base_logprobs": base}
        | more
    )


def trial(kind: str, bits: float, **more: Any) -> dict[str, Any]:
    return {
        "trial": "x",
        "kind": kind,
        "recipe": None,
        "on_suspect": False,
        "settings": settings_of(RECORD),
        "family": "small",
        "coverage": 1.0,
        "bits": bits,
        "sure": 0,
        "unexplained": 0,
        "explained": 0,
    } | more


def trials(*rows: dict[str, Any]) -> pa.Table:
    """A table of trials, each of a base of its own."""
    numbered = [row | {"trial": f"{row['trial']}-{number}"} for number, row in enumerate(rows)]
    return pa.Table.from_pylist(numbered, schema=TRIALS)


PLANTS = [trial("planted", 50.0, recipe=name) for name in ("bos", "trigger") for _ in range(5)]
