"""A kept shard as it is written: row groups of bounded size, whatever the batches that its documents come in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datagov.encoding import TableWriter

__all__ = ["ShardFile"]

ROW_GROUP_ROWS = 10_000
ROW_GROUP_BYTES = 64 * 2**20
"""A row group ends before a document that would take its texts past this; so no page of one overflows either."""


class ShardFile:
    """Takes documents, keeps those of one row group at most, and gives the file."""

    def __init__(self, schema: pa.Schema) -> None:
        self.rows = 0
        """Documents taken."""
        self._empty = schema.empty_table()
        self._writer = TableWriter(schema)
        self._held: list[pa.Table] = []
        self._held_rows = self._held_bytes = 0
        self._written = False

    def add(self, table: pa.Table, sizes: np.ndarray) -> None:
        """Take some documents.

        Parameters
        ----------
        table : pyarrow.Table of N rows
        sizes : int64[N]
            Bytes of each text.
        """
        self.rows += table.num_rows
        ends = np.cumsum(sizes)
        start = 0
        while start < table.num_rows:
            before = int(ends[start - 1]) if start else 0
            room = before + ROW_GROUP_BYTES - self._held_bytes
            stop = min(
                int(np.searchsorted(ends, room, side="right")), start + ROW_GROUP_ROWS - self._held_rows
            )
            if stop <= start and self._held:
                self._close()
                continue
            stop = max(stop, start + 1)
            self._held.append(table.slice(start, stop - start))
            self._held_rows += stop - start
            self._held_bytes += int(ends[stop - 1]) - before
            start = stop

    def finish(self) -> bytes:
        """Return the file; one without documents has an empty row group."""
        if self._held or not self._written:
            self._close()
        return self._writer.finish()

    def _close(self) -> None:
        self._writer.write(pa.concat_tables(self._held) if self._held else self._empty)
        self._held, self._held_rows, self._held_bytes, self._written = [], 0, 0, True
