"""The sorted keys of what span_dedup counts: lines, paragraphs, sentences, anchors of substrings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from datagov.edits.anchors import Anchors, anchors
from datagov.edits.unit_keys import UnitKeys, unit_keys
from datagov.edits.units import units_of
from datagov.storage import Output
from datagov.text.batch import TextBatch
from pipelines.builders.tables import joined
from pipelines.carry import scopes
from pipelines.products import Product
from pipelines.sorted_runs import prefix_offsets
from pipelines.text_states import TextState
from pipelines.texts import Chunk, Source

__all__ = ["SpanKeysBuilder"]

SPAN_KEYS = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("key_low", pa.uint64(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
    ]
)
"""One row a unit: its key, the document's row in the part, and where it stands, in code points of the text."""
ANCHORS = pa.schema([*SPAN_KEYS, pa.field("place", pa.int32(), nullable=False)])
"""One row an anchor: `start` and `end` are those of its windows, `place` is its own."""


class SpanKeysBuilder:
    """128-bit keys of units of text, sorted by key and place."""

    def __init__(self, product: Product, source: Source) -> None:
        self.product = product
        self._source = source
        self._schema = ANCHORS if product.params["unit"] == "substring" else SPAN_KEYS
        self._tables: list[pa.Table] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk; documents outside `when`, or set aside, have no keys."""
        params = self.product.params
        chosen, batch = state.of_scripts(params["when"])
        found = self._found(batch)
        high, low = found.high, found.low
        scope = scopes(params["within"], chunk, self._source, chunk.rows[chosen])
        if scope is not None:
            # As for exact keys: equal units of two scopes land far apart in both halves.
            scope = scope[found.row]
            high = high ^ (scope * np.uint64(0x9E3779B97F4A7C15))
            low = low ^ scope
        columns = [
            pa.array(high),
            pa.array(low),
            pa.array((chunk.rows[chosen][found.row] + chunk.start).astype(np.uint32)),
            pa.array(found.start.astype(np.int32)),
            pa.array(found.end.astype(np.int32)),
        ]
        if isinstance(found, Anchors):
            columns.append(pa.array(found.place.astype(np.int32)))
        self._tables.append(pa.Table.from_arrays(columns, schema=self._schema))

    def _found(self, batch: TextBatch) -> Anchors | UnitKeys:
        """Return what is compared of some documents; positions in the code points of each."""
        params = self.product.params
        if params["unit"] == "substring":
            return anchors(batch, params["length"])
        found = unit_keys(
            batch,
            units_of(batch, params["unit"]),
            window=params["sentences"],
            ignore=params["ignore"],
            min_chars=params["min_chars"],
        )
        first = batch.offsets[found.row]
        return replace(found, start=found.start - first, end=found.end - first)

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the run, ordered by key, row and start."""
        table = joined(self._tables, self._schema).combine_chunks()
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        order = np.lexsort([columns[name] for name in ("start", "row", "key_low", "key")])
        offsets = prefix_offsets(columns["key"][order])
        packed = dict.fromkeys(("key", "row", "start", "end"), "DELTA_BINARY_PACKED")
        output = Output(
            self.product.file(part), table.take(pa.array(order)), encodings={**packed, "key_low": "PLAIN"}
        )
        return [output], {"entries": table.num_rows, "offsets": offsets}
