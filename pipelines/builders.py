"""One builder a kind of product: takes the chunks of a part, gives the part's table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.dedup.keeper import KeepPolicy
from datagov.dedup.minhash import Scheme, band_keys, signature_bytes, signatures
from datagov.dedup.percolation import background_similarity
from datagov.dedup.shingle import shingle_hashes
from datagov.documents import as_text
from datagov.ids import halves, value_ids
from datagov.ledger.tables import DOCUMENTS, EDITS, ERRORS
from datagov.signals import family
from datagov.signals.script import script
from datagov.storage import Output
from datagov.text.batch import TextBatch
from datagov.text.normal import normal_bytes
from pipelines.carry import fixed_bytes, keep_columns, sampled_rows, scopes
from pipelines.products import Product
from pipelines.sorted_runs import prefix_offsets
from pipelines.texts import PROBLEMS, Chunk, Source, TextState, scatter, text_column

__all__ = ["Builder", "builder_for", "scheme_of"]

NO_KEY = np.zeros(0, np.uint64)

GUARDED_SOURCES = 20
"""Most sources of a part whose background similarity is estimated."""
GUARD_SAMPLE = 2_000
GUARD_PAIRS = 1_000


class Builder(Protocol):
    """Takes chunks in order, then gives the files and facts of the part."""

    product: Product

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk, seen at the product's text state."""

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the part's files and the facts for its receipt."""


def builder_for(product: Product, source: Source) -> Builder:
    """Return the builder of a product."""
    kinds: dict[str, Callable[[Product, Source], Builder]] = {
        "documents": DocumentsBuilder,
        "edits": EditsBuilder,
        "signals": SignalsBuilder,
        "keys": KeysBuilder,
        "sketch": SketchBuilder,
    }
    return kinds[product.kind](product, source)


def scheme_of(params: Mapping[str, Any]) -> Scheme:
    """Return the MinHash scheme of a resolved near_dedup step or sketch product."""
    return Scheme(bands=params["bands"], rows=params["rows"], k=params["shingle"], seed=params["seed"])


class DocumentsBuilder:
    """The `documents` table, and `errors` for those set aside."""

    def __init__(self, product: Product, source: Source) -> None:
        self.product = product
        self._source = source
        self._tables: list[pa.Table] = []
        self._errors: list[pa.Table] = []

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
            "shard": pa.array([chunk.shard]).take(pa.array(np.zeros(length, np.int8))),
            "shard_row": pa.array(chunk.shard_rows),
            "bytes": spread.column("bytes"),
            "chars": spread.column("chars"),
        }
        self._tables.append(_typed(columns, DOCUMENTS))
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
            self._errors.append(_typed(errors, ERRORS))

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return both tables, and counts."""
        documents = _joined(self._tables, DOCUMENTS)
        errors = _joined(self._errors, ERRORS)
        facts = {
            "rows": documents.num_rows,
            "errored": errors.num_rows,
            "bytes": int(np.nansum(documents.column("bytes").to_numpy())) if documents.num_rows else 0,
        }
        return [
            Output(self.product.file(part), documents),
            Output(self.product.file(part, "errors"), errors),
        ], facts

    def _detail(self, reason: str) -> str:
        return {
            "null_text": f"column {self._source.columns.text!r} is NULL",
            "not_utf8": "the text's bytes are not UTF-8",
            "too_long": f"longer than max_document_chars = {self._source.max_document_chars}",
        }[reason]


class EditsBuilder:
    """The `edits` table: what the last edit of a text state did."""

    def __init__(self, product: Product, _source: Source) -> None:
        self.product = product
        self._tables: list[pa.Table] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk; a document set aside counts as unchanged and empty."""
        if state.changes is None:
            raise AssertionError("an edits product stands after an edit")
        spread = scatter(state.changes, chunk.rows, len(chunk.text))
        filled = {
            name: spread.column(name).fill_null(False if name == "changed" else 0)
            for name in spread.column_names
        }
        self._tables.append(_typed(filled, EDITS))

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the table, and how many texts changed."""
        table = _joined(self._tables, EDITS)
        changed = int(np.count_nonzero(table.column("changed").to_numpy())) if table.num_rows else 0
        return [Output(self.product.file(part), table)], {"rows": table.num_rows, "changed": changed}


class SignalsBuilder:
    """One signal family at one text state, for the documents whose script the filter speaks of."""

    def __init__(self, product: Product, _source: Source) -> None:
        self.product = product
        self._family = family(product.params["family"])
        self._params = product.params["params"]
        self._when = product.params["when"]
        self._tables: list[pa.Table] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk; documents outside `when`, or set aside, get NULLs."""
        rows = chunk.rows
        batch = state.batch
        if self._when is not None:
            chosen = np.isin(script(batch).to_numpy(zero_copy_only=False), self._when)
            rows = rows[chosen]
            batch = batch.select(chosen)
        measured = self._family.measure(batch, self._params)
        self._tables.append(scatter(measured, rows, len(chunk.text)))

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the table."""
        tables = [table.combine_chunks() for table in self._tables]
        if tables:
            table = pa.concat_tables(tables)
        else:
            empty = self._family.measure(TextBatch(pa.array([], pa.large_string())), self._params)
            table = pa.Table.from_batches([empty])
        return [Output(self.product.file(part), table)], {"rows": table.num_rows}


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
            values = as_text(
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
        table = pa.concat_tables(self._tables).combine_chunks()
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


class SketchBuilder:
    """The MinHash sketch: sorted band keys with their rows, and one-byte signatures in row order."""

    def __init__(self, product: Product, source: Source) -> None:
        self.product = product
        self._source = source
        self._scheme = scheme_of(product.params)
        self._keys: list[np.ndarray] = []
        self._rows: list[np.ndarray] = []
        self._bytes: list[pa.Array] = []
        self._sources: list[pa.Array] = []

    def add(self, chunk: Chunk, state: TextState) -> None:
        """Take one chunk; a text without a token has no signature and is in no bucket."""
        tokens = state.batch.tokens
        shingles, offsets = shingle_hashes(tokens.hash, tokens.offsets, k=self._scheme.k)
        minima = signatures(shingles, offsets, self._scheme)
        sketched = np.flatnonzero(np.diff(offsets) > 0)
        rows = chunk.rows[sketched]
        scope = scopes(self.product.params["within"], chunk, self._source, rows)
        keys = band_keys(minima[sketched], self._scheme, scope)
        self._sources.append(text_column(chunk.columns, self._source.columns, "source"))
        self._keys.append(keys.reshape(-1))
        self._rows.append(np.repeat((rows + chunk.start).astype(np.uint32), self._scheme.bands))
        width = self._scheme.permutations
        packed = pa.Array.from_buffers(
            pa.binary(width), len(sketched), [None, pa.py_buffer(signature_bytes(minima[sketched]).tobytes())]
        )
        self._bytes.append(
            scatter(pa.table({"signature": packed}), rows, len(chunk.text))["signature"].combine_chunks()
        )

    def finish(self, part: str) -> tuple[list[Output], dict[str, Any]]:
        """Return the band run and the signatures."""
        keys = np.concatenate(self._keys) if self._keys else NO_KEY
        rows = np.concatenate(self._rows) if self._rows else np.zeros(0, np.uint32)
        order = np.lexsort((rows, keys))
        run = pa.table({"key": keys[order], "row": rows[order]})
        kind = pa.binary(self._scheme.permutations)
        signature = pa.chunked_array(
            [array if isinstance(array, pa.Array) else array.combine_chunks() for array in self._bytes], kind
        )
        packed = {"key": "DELTA_BINARY_PACKED", "row": "DELTA_BINARY_PACKED"}
        return [
            Output(self.product.file(part, "bands"), run, encodings=packed),
            Output(
                self.product.file(part, "signatures"),
                pa.table({"signature": signature}),
                encodings={"signature": "PLAIN"},
            ),
        ], {
            "entries": len(keys),
            "rows": len(signature),
            "offsets": prefix_offsets(keys[order]),
            "background": self._background(signature),
        }

    def _background(self, signature: pa.ChunkedArray) -> dict[str, list[Any]]:
        """Return source -> [documents, mean similarity of unrelated ones] for the part's largest sources."""
        sketched = signature.is_valid()
        source = pa.chunked_array(self._sources, pa.string()).filter(sketched).fill_null("")
        signature = signature.filter(sketched)
        counts = sorted(
            ((item["counts"], item["values"]) for item in source.value_counts().to_pylist()), reverse=True
        )
        found = {}
        for count, name in counts[:GUARDED_SOURCES]:
            inside = signature.filter(pc.equal(source, name))
            rows = fixed_bytes(inside.take(pa.array(sampled_rows(count, GUARD_SAMPLE))))
            found[name] = [count, background_similarity(rows, self._scheme.seed, GUARD_PAIRS)]
        return found


def _typed(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    arrays = []
    for field in schema:
        array = columns[field.name]
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else pa.array(array)
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
        if field.type == pa.uuid():
            arrays.append(pa.ExtensionArray.from_storage(field.type, array))
        else:
            arrays.append(array.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _joined(tables: list[pa.Table], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables(tables) if tables else schema.empty_table()
