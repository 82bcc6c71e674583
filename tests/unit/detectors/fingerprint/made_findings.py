"""Rows of findings made by hand; what the code under test does not read is filled in."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from datagov.tokenizer import Tokenizer
from detectors.fingerprint.windows import windows_of
from detectors.tables import FINDINGS


def finding(tokenizer: Tokenizer, said: str, **more: Any) -> dict[str, Any]:
    """One row of findings about a string; what `join` does not read is filled in."""
    _, ids = tokenizer.encode([said])
    string_ids = [int(token) for token in ids]
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
        | more
    )
