"""identify: find document ids that occur twice, before anything is decided with them."""

from __future__ import annotations

import time

import duckdb

from datagov.storage import Output, Receipt
from pipelines.stage import Task, finish

__all__ = ["apply"]

NAMED = 10


def apply(task: Task) -> list[Receipt]:
    """Look through the `documents` tables of the run.

    `args`: documents (files). The receipt's facts give the number of ids that occur more than once
    and up to ten of them with the places where they occur.
    """
    started = time.perf_counter()
    files = [str(task.root / path) for path in task.args["documents"]]
    connection = duckdb.connect()
    try:
        repeated = connection.execute(
            "SELECT doc_id FROM read_parquet(?) GROUP BY doc_id HAVING count(*) > 1 ORDER BY doc_id", [files]
        ).fetchall()
        named = [row[0] for row in repeated[:NAMED]]
        places = (
            connection.execute(
                "SELECT doc_id, min(id), list(shard || ':' || shard_row ORDER BY shard, shard_row) "
                "FROM read_parquet(?) WHERE list_contains(?, doc_id) GROUP BY doc_id ORDER BY doc_id",
                [files, named],
            ).fetchall()
            if named
            else []
        )
    finally:
        connection.close()
    facts = {
        "repeated": len(repeated),
        "examples": [{"doc_id": key.hex, "id": own, "places": where[:3]} for key, own, where in places],
    }
    outputs: list[Output] = []
    return [finish(task, outputs, facts, started)]
