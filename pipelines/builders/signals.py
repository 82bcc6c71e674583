"""The `signals` table of one family at one text state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from datagov.signals.imported import measured
from datagov.storage import Output
from datagov.text.batch import TextBatch
from pipelines.families import family_to_measure, params_to_measure
from pipelines.products import Product
from pipelines.text_states import TextState
from pipelines.texts import Chunk, Source, scatter, text_column

__all__ = ["SignalsBuilder"]


class SignalsBuilder:
    """One signal family at one text state, for the documents whose script the filter speaks of."""

    def __init__(self, product: Product, source: Source) -> None:
        self.product = product
        self._family = family_to_measure(product.params, source.modules)
        self._params = params_to_measure(self._family, product.params, source.model_files)
        self._when = product.params["when"]
        self._columns = source.columns
        self._tables: list[pa.Table] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk; documents outside `when`, or set aside, get NULLs."""
        rows, batch = self._seen(chunk, state)
        counts = measured(self._family, batch, self._params)
        self._tables.append(scatter(counts, rows, len(chunk.text)))

    def _seen(self, chunk: Chunk, state: TextState) -> tuple[np.ndarray, TextBatch]:
        """Return the rows (int64) that the filter speaks of, and what is measured of them: their texts, or a column."""
        chosen, batch = state.of_scripts(self._when)
        rows = chunk.rows[chosen]
        if not self._family.column:
            return rows, batch
        values = text_column(chunk.columns, self._columns, self._family.column).take(pa.array(rows))
        present = values.is_valid().to_numpy(zero_copy_only=False)
        return rows[present], TextBatch(values.drop_null().cast(pa.large_string()))

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the table."""
        tables = [table.combine_chunks() for table in self._tables]
        if tables:
            table = pa.concat_tables(tables)
        else:
            empty = measured(self._family, TextBatch(pa.array([], pa.large_string())), self._params)
            table = pa.Table.from_batches([empty])
        return [Output(self.product.file(part), table)], {"rows": table.num_rows}
