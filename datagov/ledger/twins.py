"""One document among its duplicates: its cluster, the chain of keepers, and the pairs compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datagov.errors import LedgerError
from datagov.ledger.console import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    import duckdb

__all__ = ["cluster", "compared_pairs"]

LISTED = 10
"""Most cluster members and compared pairs listed; the totals are always given."""


def cluster(
    con: duckdb.DuckDBPyConnection, doc_id: UUID, decision: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the duplicate cluster of a document: who was kept for it, or whom it was kept for."""
    keeper = decision["keeper"]
    followers = (
        "SELECT doc_id, step FROM files.decisions WHERE keeper = $keeper AND doc_id <> $id ORDER BY doc_id"
    )
    members = fetch(con, followers, params={"keeper": keeper or doc_id, "id": doc_id}).records()
    if keeper is None and not members:
        return None
    chain = []
    seen = {doc_id}
    current = keeper
    while current is not None and current not in seen:
        seen.add(current)
        [link] = places(con, [current])
        chain.append(link)
        current = link["keeper"]
    survivor = decision["survivor"]
    listed = places(con, [member["doc_id"] for member in members[:LISTED]])
    return {
        "size": decision["cluster_size"],
        "role": "duplicate" if keeper is not None else "keeper",
        "keeper": chain[0] if chain else None,
        "survivor": None if survivor is None else places(con, [survivor])[0],
        "chain": chain,
        "members": len(members),
        "listed": [{**place, "step": member["step"]} for place, member in zip(listed, members, strict=False)],
    }


def places(con: duckdb.DuckDBPyConnection, doc_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Return where other documents stand and what became of them, in the order given."""
    sql = """
    SELECT d.doc_id, d.id, d.source, d.shard, d.shard_row, x.action, x.step, x.keeper
    FROM (SELECT * FROM files.documents WHERE list_contains($ids, doc_id)) d
    LEFT JOIN (SELECT * FROM files.decisions WHERE list_contains($ids, doc_id)) x ON x.doc_id = d.doc_id
    """
    by_id = {row["doc_id"]: row for row in fetch(con, sql, params={"ids": list(doc_ids)}).records()}
    for doc_id in doc_ids:
        if doc_id not in by_id:
            raise LedgerError(f"The ledger names {doc_id.hex} as a duplicate, but holds no such document.")
    return [by_id[doc_id] for doc_id in doc_ids]


def compared_pairs(
    con: duckdb.DuckDBPyConnection, doc_id: UUID, decision: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the pairs a document was compared in: how many, the best of them, and the decisive one."""
    sql = """
    SELECT step, a, b, shared_bands, agreeing_rows, signature_rows, intersection, "union" AS union_size,
           intersection / "union" AS jaccard,
           greatest(0.0, (agreeing_rows / signature_rows - 1 / 256) / (1 - 1 / 256)) AS estimate, verified,
           coalesce(step = $step AND a = $id AND b = $keeper AND verified, false) AS evidence
    FROM files.pairs WHERE a = $id OR b = $id
    ORDER BY evidence DESC, verified DESC, jaccard DESC, a, b
    """
    params = {"id": doc_id, "step": decision["step"], "keeper": decision["keeper"]}
    pairs = fetch(con, sql, params=params).records()
    return {"compared": len(pairs), "listed": pairs[:LISTED]}
