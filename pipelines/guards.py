"""Guards around near_dedup: what should make a person look before trusting a removal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from datagov.dedup.percolation import expected_component_degree, percolates
from datagov.storage import Folder

__all__ = ["ALARM_DOCUMENTS", "percolation_warnings", "removal_alarms"]

ALARM_DOCUMENTS = 100
"""Smallest source whose removal rate means something."""


def percolation_warnings(
    step: str, strata: Sequence[Mapping[str, Sequence[Any]]], *, bands: int, rows: int
) -> list[str]:
    """Return a warning for every source whose unrelated documents look alike.

    Where they do, buckets join documents by chance. Verification then still keeps them apart, but it
    has to read and compare them.

    Parameters
    ----------
    step : str
        The step's name.
    strata : sequence of mapping
        For each part: source -> (documents, mean similarity of unrelated ones or None).
    bands, rows : int
        The step's MinHash bands.

    Source
    ------
    Percolation gate of near-duplicate graphs: a giant component appears when N P(s) exceeds 1.
    """
    documents: dict[str, int] = {}
    weighted: dict[str, float] = {}
    measured: dict[str, int] = {}
    for part in strata:
        for source, (count, similarity) in part.items():
            documents[source] = documents.get(source, 0) + count
            if similarity is not None:
                weighted[source] = weighted.get(source, 0.0) + similarity * count
                measured[source] = measured.get(source, 0) + count
    found = []
    for source in sorted(weighted):
        similarity = weighted[source] / measured[source]
        if percolates(documents[source], similarity, bands, rows):
            degree = expected_component_degree(documents[source], similarity, bands, rows)
            found.append(
                f"step {step!r}: unrelated documents of {source or 'the input'} have a mean Jaccard of "
                f"{similarity:.3f}; a document meets {degree:.2g} of {documents[source]} others by chance. They are "
                "compared before anything is removed; a longer shingle or more rows a band makes this cheaper"
            )
    return found


def removal_alarms(
    root: Folder,
    documents: Sequence[str],
    decisions: Sequence[str],
    *,
    step: str,
    later: Sequence[str],
    limit: float,
) -> list[str]:
    """Return a warning for every source of which one step removed more than a share.

    Parameters
    ----------
    root : Path or StoreFolder
        The output folder.
    documents, decisions : sequence of str
        Files of the run, part by part in the same order.
    step : str
        The step that is looked at.
    later : sequence of str
        The steps after it: what they removed had passed it.
    limit : float
        Share of the documents that reached the step, in (0, 1].
    """
    query = """
        SELECT d.source, count(*) AS reached, count(*) FILTER (v.step = $step) AS removed
        FROM read_parquet($documents, filename = true, file_row_number = true) AS d
        JOIN read_parquet($decisions, filename = true, file_row_number = true) AS v
          ON parse_filename(d.filename) = parse_filename(v.filename) AND d.file_row_number = v.file_row_number
        WHERE v.action = 'keep' OR v.step = $step OR list_contains($later, v.step)
        GROUP BY d.source HAVING reached >= $least AND removed > $limit * reached ORDER BY d.source
    """
    connection = duckdb.connect()
    try:
        rows = connection.execute(
            query,
            {
                "documents": [str(root / path) for path in documents],
                "decisions": [str(root / path) for path in decisions],
                "step": step,
                "later": list(later),
                "least": ALARM_DOCUMENTS,
                "limit": limit,
            },
        ).fetchall()
    finally:
        connection.close()
    return [
        f"step {step!r} removed {removed} of the {reached} documents of source {source or 'NULL'} that reached it "
        f"({100 * removed / reached:.0f} %, alarm at {100 * limit:.0f} %): look at `datagov sample --removed-by {step}`"
        for source, reached, removed in rows
    ]
