"""The `signals` table of one family at one text state."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from datagov.signals.imported import measured
from datagov.storage import Output
from datagov.text.batch import TextBatch
from pipelines.families import family_to_measure, params_to_measure
from pipelines.products import Product
from pipelines.text_states import TextState
from pipelines.texts import Chunk, Source, scatter

__all__ = ["SignalsBuilder"]


class SignalsBuilder:
    """One signal family at one text state, for the documents whose script the filter speaks of."""

    def __init__(self, product: Product, source: Source) -> None:
        self.product = product
        self._family = family_to_measure(product.params, source.modules)
        self._params = params_to_measure(self._family, product.params, source.model_files)
        self._when = product.params["when"]
        self._tables: list[pa.Table] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk; documents outside `when`, or set aside, get NULLs."""
        chosen, batch = state.of_scripts(self._when)
        counts = measured(self._family, batch, self._params)
        self._tables.append(scatter(counts, chunk.rows[chosen], len(chunk.text)))

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the table."""
        tables = [table.combine_chunks() for table in self._tables]
        if tables:
            table = pa.concat_tables(tables)
        else:
            empty = measured(self._family, TextBatch(pa.array([], pa.large_string())), self._params)
            table = pa.Table.from_batches([empty])
        return [Output(self.product.file(part), table)], {"rows": table.num_rows}
