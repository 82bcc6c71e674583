"""The sorted keys of exact deduplication."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.dedup.keeper import KeepPolicy
from datagov.ids import halves, value_ids
from datagov.storage import Output
from pipelines.carry import joined, keep_columns, key_values, scopes
from pipelines.products import Product
from pipelines.sorted_runs import prefix_offsets
from pipelines.text_states import TextState
from pipelines.texts import Chunk, Source

__all__ = ["KeysBuilder"]

NO_KEY = np.zeros(0, np.uint64)


class KeysBuilder:
    """Sorted 128-bit keys for exact deduplication, with what the keep policy needs beside them."""

    def __init__(self, product: Product, source: Source) -> None:
        self.product = product
        self._source = source
        self._policy = KeepPolicy.parse(product.params["keep"])
        self._tables: list[pa.Table] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk; texts without a visible character, and NULL values, have no key."""
        on = self.product.params["on"]
        if on == "text":
            keys = value_ids(state.texts)
            blank = pc.or_(pc.utf8_is_space(state.texts), pc.equal(pc.binary_length(state.texts), 0))
            visible = ~blank.to_numpy(zero_copy_only=False)
        else:
            values = key_values(
                chunk.columns.column(self._source.columns.resolve(on)).take(pa.array(chunk.rows))
            )
            keys = value_ids(values)
            visible = np.ones(len(keys), bool)
        keyed = np.flatnonzero(visible & keys.storage.is_valid().to_numpy(zero_copy_only=False))
        index = pa.array(keyed)
        high, low = halves(keys.take(index))
        scope = scopes(self.product.params["within"], chunk, self._source, chunk.rows[keyed])
        if scope is not None:
            # Mixed by multiplication, so that equal keys of two scopes land far apart in both halves.
            high = high ^ (scope * np.uint64(0x9E3779B97F4A7C15))
            low = low ^ scope
        rows = chunk.rows[keyed]
        columns: dict[str, Any] = {
            "key": high,
            "key_low": low,
            "row": (rows + chunk.start).astype(np.uint32),
            "doc_id": chunk.doc_ids.storage.take(pa.array(rows)),
            "chars": state.batch.chars[keyed],
            **keep_columns(self._policy, chunk, self._source, rows),
        }
        self._tables.append(pa.table(columns))

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the run, ordered by key and row."""
        if not self._tables:
            return [], {"entries": 0, "offsets": prefix_offsets(NO_KEY)}
        table = joined(self._tables).combine_chunks()
        order = np.lexsort((table["row"].to_numpy(), table["key_low"].to_numpy(), table["key"].to_numpy()))
        table = table.take(pa.array(order))
        facts = {"entries": table.num_rows, "offsets": prefix_offsets(table["key"].to_numpy())}
        encodings = {
            "key": "DELTA_BINARY_PACKED",
            "key_low": "PLAIN",
            "row": "DELTA_BINARY_PACKED",
            "doc_id": "PLAIN",
        }
        return [Output(self.product.file(part), table, encodings=encodings)], facts
