"""Writes a small, true output folder: real input shards, real ledger tables, real manifests.

The verdicts are given by the test; sizes, signals and counts are taken from the texts themselves.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from datagov.ledger.tables import BUCKETS, DECISIONS, DOCUMENTS, ERRORS, PAIRS, TEMPLATES, edits_schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SIGNALS = pa.schema([("words", pa.int64()), ("word_chars", pa.int64()), ("letters", pa.int64())])
RULES = {
    "word_count": {"numerator": "words", "denominator": None},
    "mean_word_length": {"numerator": "word_chars", "denominator": "words"},
}
STEPS = (
    ("normalise", "normalise"),
    ("filter-1", "filter"),
    ("exact_dedup", "exact_dedup"),
    ("near_dedup", "near_dedup"),
    ("filter-2", "filter"),
)


def digest(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def doc_id(name: str) -> UUID:
    return UUID(bytes=digest(name.encode()))


def reason(
    step: str,
    rule: str,
    value: float | None,
    bound: str | None,
    limit: float | None,
    *,
    annotation: bool = False,
    keeper: str | None = None,
) -> dict:
    return {
        "step": step,
        "rule": rule,
        "value": value,
        "bound": bound,
        "limit": limit,
        "annotation": annotation,
        "keeper": None if keeper is None else doc_id(keeper).bytes,
    }


@dataclass
class Document:
    name: str
    text: str | None
    shard: str = "en/part-00000.parquet"
    id: str | None = None
    source: str | None = "web"
    url: str | None = None
    action: str = "keep"
    step: str | None = None
    reasons: Sequence[dict] = ()
    keeper: str | None = None
    survivor: str | None = None
    orphaned: bool = False
    cluster_size: int | None = None
    measured: bool = True
    """False: outside the `when` of the filters, signals NULL."""
    row: int = -1
    """Set by the builder."""


@dataclass
class Pair:
    a: str
    b: str
    intersection: int
    union: int
    verified: bool = True


@dataclass
class Run:
    documents: Sequence[Document]
    pairs: Sequence[Pair] = ()
    errors: Sequence[dict[str, Any]] = ()
    min_words: float = 5
    run_id: str = "r1"
    complete: bool = True
    part_rows: int = 6
    sample: float = 1.0
    warnings: Sequence[str] = field(default_factory=list)


def write_output(out: Path, input_root: Path, run: Run) -> None:
    """Write the input shards, then one run of them into the output folder."""
    by_shard: dict[str, list[Document]] = {}
    for document in run.documents:
        document.row = len(by_shard.setdefault(document.shard, []))
        by_shard[document.shard].append(document)
    for shard, documents in by_shard.items():
        write_shard(input_root / shard, documents)
    out.mkdir(parents=True, exist_ok=True)
    (out / "datagov.json").write_text(json.dumps({"format": 1, "dataset": "test"}))
    # The manifest's order of documents is that of the sorted shards, as in a real run.
    ordered = [document for shard in sorted(by_shard) for document in by_shard[shard]]
    parts = [ordered[at : at + run.part_rows] for at in range(0, len(ordered), run.part_rows)]
    names = ["p-" + digest(str(n).encode()).hex()[:12] for n in range(len(parts))]
    tables = write_tables(out, run, dict(zip(names, parts, strict=True)))
    manifest = manifest_of(run, input_root, ordered, dict(zip(names, parts, strict=True)), tables)
    (out / "runs").mkdir(exist_ok=True)
    (out / "runs" / f"{run.run_id}.json").write_text(json.dumps(manifest))


def write_shard(path: Path, documents: Sequence[Document]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [getattr(document, name) for document in documents] for name in ("id", "source", "url")}
    table = pa.table({"text": pa.array([d.text for d in documents], pa.large_string()), **columns})
    pq.write_table(table, path, row_group_size=4)


def write_tables(out: Path, run: Run, parts: dict[str, Sequence[Document]]) -> dict[str, Any]:
    """Write every table of the ledger and return the manifest's entries for them."""

    def written(folder: str, name: str, schema: pa.Schema, rows: Sequence[dict[str, Any]]) -> str:
        path = out / "ledger" / folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table_of(rows, schema), path)
        return str(path.relative_to(out))

    def by_document(folder: str, schema: pa.Schema, row: Any) -> list[str]:
        return [
            written(folder, part, schema, [row(d) for d in documents]) for part, documents in parts.items()
        ]

    run_folder = run.run_id
    first = next(iter(parts))
    return {
        "documents": by_document("documents/aa", DOCUMENTS, documents_row),
        "decisions": by_document(f"decisions/{run_folder}", DECISIONS, decisions_row),
        "errors": [written(f"errors/{run_folder}", "errors", ERRORS, run.errors)] if run.errors else [],
        "pairs": [
            {
                "step": "near_dedup",
                "files": [written("pairs/cc", "pairs", PAIRS, [pair_row(p) for p in run.pairs])],
            }
        ]
        if run.pairs
        else [],
        "buckets": [
            {
                "step": "near_dedup",
                "files": [
                    written("buckets/cc", "buckets", BUCKETS, [{"key": 2**64 - 1, "part": first, "row": 0}])
                ],
            }
        ],
        "templates": [
            {
                "step": "near_dedup",
                "files": [
                    written("templates/cc", "t", TEMPLATES, [{"key": 7, "members": 12_000, "split_into": 3}])
                ],
            }
        ],
        "edits": [
            {
                "step": "normalise",
                "files": by_document("edits/dd", edits_schema("controls_removed"), edits_row),
            }
        ],
        "signals": {
            step: by_document(f"signals/words@1-{step}", SIGNALS, signals_row)
            for step in ("filter-1", "filter-2")
        },
    }


def table_of(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = []
    for column in schema:
        values = [row[column.name] for row in rows]
        if column.type == pa.uuid():
            storage = pa.array([None if v is None else v.bytes for v in values], pa.binary(16))
            columns.append(pa.ExtensionArray.from_storage(pa.uuid(), storage))
        elif pa.types.is_dictionary(column.type):
            columns.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            columns.append(pa.array(values, column.type))
    return pa.table(columns, schema=schema)


def documents_row(document: Document) -> dict[str, Any]:
    text = document.text
    return {
        "doc_id": doc_id(document.name),
        "content_id": None if text is None else UUID(bytes=digest(text.encode())),
        "id": document.id,
        "source": document.source,
        "url": document.url,
        "shard": document.shard,
        "shard_row": document.row,
        "bytes": None if text is None else len(text.encode()),
        "chars": None if text is None else len(text),
    }


def decisions_row(document: Document) -> dict[str, Any]:
    return {
        "doc_id": doc_id(document.name),
        "action": document.action,
        "step": document.step,
        "reasons": list(document.reasons),
        "keeper": None if document.keeper is None else doc_id(document.keeper),
        "survivor": None if document.survivor is None else doc_id(document.survivor),
        "orphaned": document.orphaned,
        "cluster_size": document.cluster_size,
    }


def edits_row(document: Document) -> dict[str, Any]:
    chars = len(document.text or "")
    controls = (document.text or "").count("\x1b")
    return {
        "changed": controls > 0,
        "chars_before": chars,
        "chars_after": chars - controls,
        "controls_removed": controls,
    }


def signals_row(document: Document) -> dict[str, Any]:
    if document.text is None or not document.measured:
        return {"words": None, "word_chars": None, "letters": None}
    words = document.text.split()
    return {
        "words": len(words),
        "word_chars": sum(map(len, words)),
        "letters": sum(c.isalpha() for c in document.text),
    }


def pair_row(pair: Pair) -> dict[str, Any]:
    return {
        "a": doc_id(pair.a),
        "b": doc_id(pair.b),
        "shared_bands": 6,
        "agreeing_rows": 90,
        "signature_rows": 112,
        "intersection": pair.intersection,
        "union": pair.union,
        "verified": pair.verified,
    }


def manifest_of(
    run: Run,
    input_root: Path,
    documents: Sequence[Document],
    parts: dict[str, Sequence[Document]],
    tables: dict[str, Any],
) -> dict[str, Any]:
    total = len(documents)
    count = {action: sum(d.action == action for d in documents) for action in ("keep", "remove", "error")}
    steps = []
    reaching = total - count["error"]
    for name, kind in STEPS:
        removed = sum(d.action == "remove" and d.step == name for d in documents)
        annotated = sum(any(r["step"] == name and r["annotation"] for r in d.reasons) for d in documents)
        steps.append(
            {
                "name": name,
                "kind": kind,
                "in": reaching,
                "kept": reaching - removed,
                "removed": removed,
                "annotated": annotated,
                "seconds": 0.1,
            }
        )
        reaching -= removed
    bounds = {
        "filter-1": [
            {
                "signal": "word_count",
                "min": run.min_words,
                "max": 1000,
                "missing": "keep",
                "source": "Gopher, A1.1",
            },
            {"signal": "mean_word_length", "min": 3, "max": 10, "missing": "keep", "source": "Gopher, A1.1"},
        ],
        "filter-2": [
            {"signal": "words/word_count", "min": None, "max": 30, "missing": "keep", "source": "this test"}
        ],
    }
    signals = tables.pop("signals")
    sizes = [len((d.text or "").encode()) for d in documents]
    return {
        "format": 1,
        "run_id": run.run_id,
        "dataset": "test",
        "complete": run.complete,
        "recipe": {
            "dataset": "test",
            "steps": [
                {
                    "name": name,
                    "kind": kind,
                    **({"when": ["latin"], "bounds": bounds[name]} if kind == "filter" else {}),
                }
                for name, kind in STEPS
            ],
        },
        "recipe_digest": digest(str(run.min_words).encode()).hex(),
        "code_version": "0.1.0",
        "input": {
            "path": str(input_root),
            "columns": {"text": "text", "id": "id", "source": "source", "url": "url"},
            "digest": "00",
            "sample": run.sample,
        },
        "steps": steps,
        "counts": {
            "documents_in": total,
            "kept": count["keep"],
            "removed": count["remove"],
            "errored": count["error"],
            "bytes_in": sum(sizes),
            "bytes_kept": sum(s for s, d in zip(sizes, documents, strict=True) if d.action == "keep"),
        },
        "parts": [
            {"name": name, "rows": len(rows), "files": part_files(rows, run.run_id)}
            for name, rows in parts.items()
        ],
        "tables": tables,
        "signals": [
            {"step": step, "family": "words@1", "files": files, "rules": RULES, "bounds": bounds[step]}
            for step, files in signals.items()
        ],
        "data": [f"data/{run.run_id}/{shard}" for shard in sorted({d.shard for d in documents})],
        "warnings": list(run.warnings),
        "executor": "local",
        "workers": 2,
        "seconds": 1.5,
        "started": "2025-01-01T00:00:00Z",
        "finished": "2025-01-01T00:00:02Z",
    }


def part_files(documents: Sequence[Document], run_id: str) -> list[dict[str, Any]]:
    files: dict[str, list[int]] = {}
    for document in documents:
        files.setdefault(document.shard, []).append(document.row)
    return [
        {"path": path, "start": rows[0], "stop": rows[-1] + 1, "output": f"data/{run_id}/{path}"}
        for path, rows in files.items()
    ]
