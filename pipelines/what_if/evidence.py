"""What a run's ledger holds for deciding again, as arrays: fates, documents, sorted keys.

Documents are named by ordinal: their place in the run, part after part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.dedup.alive import Alive, copies
from datagov.dedup.keeper import KeepPolicy
from datagov.errors import LedgerError
from datagov.ledger.reader import Ledger
from pipelines.carry import joined
from pipelines.fates import ALIVE, ERRORED
from pipelines.products import StepProducts, products_of
from pipelines.recipe import Recipe
from pipelines.removals import in_keep_order
from pipelines.what_if.recorded import settled_of

__all__ = ["Evidence", "Verdict", "incomplete", "inverse", "one_array", "read_ledger", "spread"]

Verdict = tuple[np.ndarray, np.ndarray]
"""bool[N], bool[N]: documents a step removes, if they are alive, in every case and in some case."""


@dataclass(frozen=True)
class Evidence:
    """The stored evidence of one run."""

    ledger: Ledger
    recipe: Recipe
    """The recipe the run followed."""

    @cached_property
    def documents(self) -> pa.Table:
        """One row a document, in ordinal order: doc_id (16 bytes), source, shard_row, chars (of the input)."""
        columns = ["doc_id", "source", "shard_row", "chars"]
        files = self.ledger.files("documents")
        table = pa.concat_tables([read_ledger(path, columns) for path in files]).combine_chunks()
        return table.set_column(0, "doc_id", one_array(table.column("doc_id")))

    @cached_property
    def rows(self) -> list[int]:
        """How many documents each part has."""
        return [read_ledger(path, ["bytes"]).num_rows for path in self.ledger.files("documents")]

    @cached_property
    def offsets(self) -> list[int]:
        """Ordinal of each part's first document."""
        return [sum(self.rows[:index]) for index in range(len(self.rows))]

    @property
    def count(self) -> int:
        """How many documents there are, N."""
        return sum(self.rows)

    @property
    def parts(self) -> list[str]:
        """Names of the parts."""
        return [Path(path).stem for path in self.ledger.files("documents")]

    @property
    def sample(self) -> float:
        """Fraction of the documents that took part."""
        return float(self.ledger.manifest["input"].get("sample", 1.0))

    @cached_property
    def by_step(self) -> list[StepProducts]:
        """The products each step reads."""
        settled = settled_of(self.ledger, self.recipe)
        return products_of(self.recipe, sample=self.sample, settled=settled)[1]

    @cached_property
    def fates(self) -> np.ndarray:
        """int16[N]: what the run decided, as in `pipelines.fates`."""
        names = pa.array([step.name for step in self.recipe.steps], pa.string())
        pieces = []
        for path in self.ledger.files("decisions"):
            table = read_ledger(path, ["action", "step"])
            position = pc.index_in(table.column("step"), value_set=names).fill_null(ALIVE).to_numpy()
            failed = pc.equal(table.column("action"), "error").to_numpy()
            pieces.append(np.where(failed, ERRORED, position).astype(np.int16))
        return np.concatenate(pieces)

    @property
    def start(self) -> Alive:
        """Who is alive before the first step."""
        sound = self.documents.column("chars").is_valid().to_numpy()
        return Alive(sound, sound)

    def exact(self, position: int, alive: Alive) -> Verdict:
        """Decide an exact_dedup step again, from its sorted keys."""
        tables = [table for table in self._keys(position, alive) if table.num_rows]
        if not tables:
            nobody = np.zeros(self.count, bool)
            return nobody, nobody
        table = joined(tables).combine_chunks()
        policy = KeepPolicy.parse(self.recipe.steps[position].resolved["keep"])
        ordinal = table.column("ordinal").to_numpy()
        certain, possible = copies(
            table.column("key").to_numpy(),
            table.column("key_low").to_numpy(),
            inverse(in_keep_order(policy, table)),
            Alive(alive.sure[ordinal], alive.possible[ordinal]),
        )
        return spread(self.count, ordinal, certain), spread(self.count, ordinal, possible)

    def _keys(self, position: int, alive: Alive) -> list[pa.Table]:
        (product,) = self.by_step[position].products
        tables = []
        for part, offset in zip(self.parts, self.offsets, strict=True):
            path = self.ledger.root / product.file(part)
            # A part without a single key has no file.
            if not path.exists() and not (self.ledger.root / product.receipt(part)).exists():
                raise incomplete(self.ledger, path)
            if path.exists():
                table = pq.read_table(path, use_threads=False)
                ordinal = table.column("row").to_numpy().astype(np.int64) + offset
                table = table.append_column("ordinal", pa.array(ordinal))
                tables.append(table.filter(pa.array(alive.possible[ordinal])))
        return tables


def read_ledger(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read columns of one of the ledger's files.

    Raises
    ------
    LedgerError
        It is not there.
    """
    try:
        return pq.read_table(path, columns=columns, use_threads=False)
    except FileNotFoundError as error:
        raise LedgerError(f"{path} is missing; run the recipe again to make it anew") from error


def incomplete(ledger: Ledger, what: Any) -> LedgerError:
    """Return the error for an output folder that has lost files."""
    return LedgerError(f"{ledger.root}: a file of the ledger is missing ({what}); run the recipe again")


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array; UUIDs as their 16 bytes."""
    pieces = [
        chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
        for chunk in (column.chunks if isinstance(column, pa.ChunkedArray) else [column])
    ]
    kind = column.type.storage_type if isinstance(column.type, pa.BaseExtensionType) else column.type
    return pa.concat_arrays(pieces) if pieces else pa.array([], kind)


def inverse(order: np.ndarray) -> np.ndarray:
    """Return int64[n]: the place of each row in an order of rows."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place


def spread(count: int, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return bool[count]: `values` at the places `at`, False elsewhere."""
    whole = np.zeros(count, bool)
    whole[at] = values
    return whole
