"""The MinHash sketch of a part: its band run, its signatures, and how alike unrelated documents are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.dedup.minhash import Scheme, band_keys, signature_bytes, signatures
from datagov.dedup.percolation import background_similarity
from datagov.dedup.shingle import shingle_hashes
from datagov.storage import Output
from pipelines.carry import fixed_bytes, sampled_rows, scopes
from pipelines.products import Product
from pipelines.sorted_runs import prefix_offsets
from pipelines.text_states import TextState
from pipelines.texts import Chunk, Source, scatter, text_column

__all__ = ["SketchBuilder"]

NO_KEY = np.zeros(0, np.uint64)
GUARDED_SOURCES = 20
"""Most sources of a part whose background similarity is estimated."""
GUARD_SAMPLE = 2_000
GUARD_PAIRS = 1_000


class SketchBuilder:
    """The MinHash sketch: sorted band keys with their rows, and one-byte signatures in row order."""

    def __init__(self, product: Product, source: Source) -> None:
        self.product = product
        self._source = source
        self._scheme = Scheme(
            bands=product.params["bands"],
            rows=product.params["rows"],
            k=product.params["shingle"],
            seed=product.params["seed"],
        )
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
