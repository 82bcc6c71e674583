"""The `signals` table of one family at one text state, its `spans` if it says where, its `line_values` if it measures lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.ledger.tables import LINE_VALUES, SPANS
from datagov.signals.imported import measured
from datagov.storage import Output
from datagov.text.batch import TextBatch
from pipelines.builders.tables import joined, line_values_table, spans_table
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
        self._spans: list[pa.Table] = []
        self._lines: list[pa.Table] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk; documents outside `when`, or set aside, get NULLs."""
        rows, batch = self._seen(chunk, state)
        if self._family.locate is None:
            counts = measured(self._family, batch, self._params)
        else:
            counts, spans = self._family.locate(batch, self._params)
            rule = pc.binary_join_element_wise(self._family.name, spans.column("rule"), "_")
            named = spans.set_column(spans.schema.get_field_index("rule"), "rule", rule)
            self._spans.append(spans_table(chunk, rows, named))
        if self._family.by_line is not None:
            lines = self._family.by_line(batch, self._params)
            self._lines.append(line_values_table(chunk, rows, lines, self._family.rules))
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
        """Return the tables."""
        tables = [table.combine_chunks() for table in self._tables]
        if tables:
            table = pa.concat_tables(tables)
        else:
            empty = measured(self._family, TextBatch(pa.array([], pa.large_string())), self._params)
            table = pa.Table.from_batches([empty])
        outputs = [Output(self.product.file(part), table)]
        if self._family.locate is not None:
            outputs.append(Output(self.product.file(part, "spans"), joined(self._spans, SPANS)))
        if self._family.by_line is not None:
            outputs.append(Output(self.product.file(part, "line_values"), joined(self._lines, LINE_VALUES)))
        return outputs, {"rows": table.num_rows}
