"""A seeded sample of documents of one verdict, with their texts read back from the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datagov.errors import ConfigError, did_you_mean
from datagov.ledger.console import fetch
from datagov.ledger.input_texts import Place, read_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from uuid import UUID

    import duckdb

    from datagov.ledger.reader import Ledger

__all__ = ["Sample", "sample_kept", "sample_removed"]

# md5 rather than DuckDB's hash(), which may change between versions: a seed names a sample for good.
CHOOSE = """
SELECT x.doc_id, d.id, d.source, d.url, d.shard, d.shard_row, d.bytes, d.chars, x.step, x.reasons,
       x.keeper, count(*) OVER () AS population
FROM files.decisions x JOIN files.documents d USING (part, row)
WHERE {condition}
ORDER BY md5(hex_id(x.doc_id) || ':' || $seed), x.doc_id
LIMIT $n
"""
KEPT = "x.action = 'keep'"
REMOVED = """x.action = 'remove' AND (x.step = $name OR len(list_filter(x.reasons,
    lambda reason: reason.step = x.step AND NOT reason.annotation AND is_rule(reason.step, reason.rule, $name))) > 0)
"""
NAMES = """
SELECT DISTINCT step FROM decisions WHERE action = 'remove'
UNION SELECT DISTINCT split_part(rule, '/', -1) FROM reasons WHERE decisive
UNION SELECT name FROM steps
UNION SELECT signal FROM bounds
"""


@dataclass(frozen=True)
class Sample:
    """Documents drawn by a seed out of `population` documents.

    `documents` holds, for each: doc_id, id, source, url, shard, shard_row, bytes, chars, step, reasons,
    keeper and text (None where it is NULL, not UTF-8, or the input has changed since the run).
    """

    population: int
    documents: list[dict[str, Any]]


def sample_removed(
    ledger: Ledger, removed_by: str, *, n: int, seed: int, input_path: Path | None = None
) -> Sample:
    """Draw up to `n` documents that a rule or a step removed.

    Parameters
    ----------
    removed_by : str
        RULE, STEP or STEP/RULE. A rule counts where it was crossed at the step that removed.
    n, seed : int
        The same seed draws the same documents, and a larger `n` adds to them.
    input_path : Path or None
        Where the input is now, if it has moved.

    Raises
    ------
    ConfigError
        If this ledger knows no such rule or step.
    InputError
        If the input cannot be read.
    """
    con = ledger.connect()
    found = choose(con, REMOVED, {"name": removed_by, "n": n, "seed": str(seed)})
    if not found:
        known = {str(row[0]) for row in fetch(con, NAMES).rows}
        if removed_by not in known and removed_by.rpartition("/")[2] not in known:
            hint = f"{did_you_mean(removed_by, known)} 'datagov audit by_reason' lists those that removed."
            raise ConfigError(f"No rule or step of {ledger.run_id} is called {removed_by!r}. {hint}")
    return with_texts(ledger, found, input_path)


def sample_kept(ledger: Ledger, *, n: int, seed: int, input_path: Path | None = None) -> Sample:
    """Draw up to `n` kept documents; otherwise as `sample_removed`."""
    found = choose(ledger.connect(), KEPT, {"n": n, "seed": str(seed)})
    return with_texts(ledger, found, input_path)


def choose(con: duckdb.DuckDBPyConnection, condition: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the documents drawn, each with the size of the population it was drawn from."""
    return fetch(con, CHOOSE.format(condition=condition), params=params).records()


def with_texts(ledger: Ledger, found: list[dict[str, Any]], input_path: Path | None) -> Sample:
    """Add each document's text."""
    starts = piece_starts(ledger, [document["doc_id"] for document in found])
    places = [
        Place(document["shard"], document["shard_row"], document["bytes"], starts.get(document["doc_id"]))
        for document in found
    ]
    texts = read_texts(ledger, places, override=input_path) if places else []
    population = int(found[0]["population"]) if found else 0
    documents = [
        {key: value for key, value in document.items() if key != "population"} | {"text": text}
        for document, text in zip(found, texts, strict=True)
    ]
    return Sample(population, documents)


def piece_starts(ledger: Ledger, doc_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return doc_id -> first byte in the text of its row, for those that are pieces."""
    if not ledger.files("pieces") or not doc_ids:
        return {}
    sql = "SELECT doc_id, start_byte FROM files.pieces WHERE doc_id IN (SELECT unnest($ids))"
    return {row[0]: row[1] for row in fetch(ledger.connect(), sql, params={"ids": list(doc_ids)}).rows}
