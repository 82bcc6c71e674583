"""gather: one sequential pass that brings the candidates' texts together by election range."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.dedup.keeper import KeepPolicy
from datagov.storage import Output, Receipt
from pipelines.carry import joined, keep_columns
from pipelines.run_edits import loaded
from pipelines.stage import Task, finish
from pipelines.text_states import edited
from pipelines.texts import Source, read_part

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Write the candidates of one part, one row group an election range.

    `args`: source, slices, columns, edits, keep (policy), members (file, first and last row of this
    part's members), ordinal (of the part's first document), signatures (file), file (where to write).
    The facts say which ranges are present, in row-group order.
    """
    started = time.perf_counter()
    source: Source = task.args["source"]
    policy = KeepPolicy.parse(task.args["keep"])
    path, first, last = task.args["members"]
    members = pq.read_table(task.root / path, use_threads=False).slice(first, last - first)
    wanted = members.column("ordinal").to_numpy() - task.args["ordinal"]
    signatures = pq.read_table(task.root / task.args["signatures"], use_threads=False).column("signature")
    edits = loaded(task.root, task.unit, task.args["edits"])
    tables = []
    for chunk in read_part(source, task.args["slices"], task.args["columns"]):
        low, high = np.searchsorted(wanted, (chunk.start, chunk.start + len(chunk.text)))
        if low == high:
            continue
        rows = wanted[low:high] - chunk.start
        texts = edited(chunk.text.take(pa.array(rows)).view(pa.large_string()), wanted[low:high], edits)
        tables.append(
            pa.table(
                {
                    "range": members.column("range").slice(low, high - low),
                    "ordinal": members.column("ordinal").slice(low, high - low),
                    "doc_id": chunk.doc_ids.storage.take(pa.array(rows)),
                    "text": texts,
                    "signature": signatures.take(pa.array(wanted[low:high])),
                    **keep_columns(policy, chunk, source, rows),
                }
            )
        )
    table = joined(tables).combine_chunks()
    range_of = table.column("range").to_numpy()
    order = np.lexsort((table.column("ordinal").to_numpy(), range_of))
    present, lengths = np.unique(range_of, return_counts=True)
    output = Output(
        task.args["file"],
        table.take(pa.array(order)),
        row_groups=lengths.tolist(),
        encodings={"doc_id": "PLAIN", "signature": "PLAIN", "text": "PLAIN"},
    )
    return [finish(task, [output], {"rows": table.num_rows, "ranges": present.tolist()}, started)]
