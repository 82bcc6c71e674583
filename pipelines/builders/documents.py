"""The `documents`, `errors`, `edits` and `spans` tables of a part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.edits import edit_of
from datagov.ids import value_ids
from datagov.ledger.tables import DOCUMENTS, ERRORS, PIECES, SPANS
from datagov.shards import PROBLEMS
from datagov.storage import Output
from datagov.text.normal import normal_bytes
from pipelines.builders.tables import joined, spans_table, typed
from pipelines.products import Product
from pipelines.text_states import TextState
from pipelines.texts import Chunk, Source, scatter, text_column

__all__ = ["DocumentsBuilder", "EditsBuilder"]


class DocumentsBuilder:
    """The `documents` table, and `errors` for those set aside."""

    def __init__(self, product: Product, source: Source) -> None:
        self.product = product
        self._source = source
        self._tables: list[pa.Table] = []
        self._errors: list[pa.Table] = []
        self._pieces: list[pa.Table] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk."""
        length = len(chunk.text)
        measured = pa.table(
            {
                "content_id": value_ids(normal_bytes(state.texts)).storage,
                "bytes": pc.binary_length(state.texts),
                "chars": state.batch.chars,
            }
        )
        spread = scatter(measured, chunk.rows, length)
        columns = {
            "doc_id": chunk.doc_ids.storage,
            "content_id": spread.column("content_id"),
            "id": text_column(chunk.columns, self._source.columns, "id"),
            "source": text_column(chunk.columns, self._source.columns, "source"),
            "url": text_column(chunk.columns, self._source.columns, "url"),
            "shard": chunk.shards,
            "shard_row": pa.array(chunk.shard_rows),
            "bytes": spread.column("bytes"),
            "chars": spread.column("chars"),
        }
        self._tables.append(typed(columns, DOCUMENTS))
        if chunk.pieces is not None:
            self._pieces.append(chunk.pieces)
        bad = np.flatnonzero(chunk.problem)
        if len(bad):
            index = pa.array(bad)
            reasons = [PROBLEMS[code] for code in chunk.problem[bad]]
            errors = {
                "doc_id": columns["doc_id"].take(index),
                "shard": columns["shard"].take(index),
                "shard_row": columns["shard_row"].take(index),
                "reason": pa.array(reasons),
                "detail": pa.array([self._detail(reason) for reason in reasons]),
            }
            self._errors.append(typed(errors, ERRORS))

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return both tables, and counts."""
        documents = joined(self._tables, DOCUMENTS)
        errors = joined(self._errors, ERRORS)
        facts = {
            "rows": documents.num_rows,
            "errored": errors.num_rows,
            "bytes": int(np.nansum(documents.column("bytes").to_numpy())) if documents.num_rows else 0,
        }
        outputs = [
            Output(self.product.file(part), documents),
            Output(self.product.file(part, "errors"), errors),
        ]
        if self._source.form.long_documents == "split":
            pieces = joined(self._pieces, PIECES)
            outputs.append(Output(self.product.file(part, "pieces"), pieces))
            firsts = pc.equal(pieces.column("number"), 0)
            facts |= {"pieces": pieces.num_rows, "split": pc.sum(firsts).as_py() or 0}
        return outputs, facts

    def _detail(self, reason: str) -> str:
        return {
            "null_text": f"column {self._source.columns.text!r} is NULL",
            "not_utf8": "the text's bytes are not UTF-8",
            "not_json": "the line is not a JSON object",
            "wrong_type": "a field that the recipe names holds a value of another type",
            "not_a_page": "another media type than HTML or plain text, another scheme than http, or a file about its site",
            "http_status": "the server's answer is not the page (its status is not 200)",
            "bad_record": "no record id, no HTTP answer, or a coding of its body that is unknown or damaged",
            "page_too_large": "larger than max_page_bytes, its compression undone",
            "page_too_deep": "nested deeper, or with more attributes on an element, than is parsed",
            "no_main_text": "no text was extracted of the page",
            "too_long": f"longer than max_document_chars = {self._source.form.max_document_chars}",
        }[reason]


class EditsBuilder:
    """The `edits` table, what the last edit of a text state did, and its `spans` if it gives any."""

    def __init__(self, product: Product, _source: Source) -> None:
        self.product = product
        self._kind = edit_of(product.edits[-1]["kind"])
        self._tables: list[pa.Table] = []
        self._spans: list[pa.Table] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk; a document that is not looked at counts as unchanged and empty."""
        if state.last is None:
            raise AssertionError("an edits product stands after an edit")
        spread = scatter(state.last.changes, chunk.rows, len(chunk.text))
        filled = {
            name: spread.column(name).fill_null(False if name == "changed" else 0)
            for name in spread.column_names
        }
        self._tables.append(typed(filled, self._kind.schema))
        spans = state.last.spans
        if spans is not None:
            self._spans.append(spans_table(chunk, chunk.rows, spans))

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the tables."""
        table = joined(self._tables, self._kind.schema)
        outputs = [Output(self.product.file(part), table)]
        if self._kind.spans is not None:
            outputs.append(Output(self.product.file(part, "spans"), joined(self._spans, SPANS)))
        return outputs, {"rows": table.num_rows}
