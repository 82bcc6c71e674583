"""What is already swept: a file a chunk of seeds, so that a stopped sweep goes on where it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.fingerprint.paths import Paths
from detectors.kept import keep, kept

__all__ = ["Chunk", "ChunkStore"]


@dataclass(frozen=True)
class Chunk:
    """The first phase of some seeds."""

    paths: Paths
    base_NS: npt.NDArray[np.float32] | None
    """ln p of the same tokens under the base model."""


@dataclass(frozen=True)
class ChunkStore:
    """A folder of chunks; without one nothing is kept."""

    folder: Path | None
    """Named by everything that decides what a chunk holds."""

    def read(self, context: str, start: int, stop: int) -> Chunk | None:
        """Return a chunk that is done; None if it is not, or is damaged."""
        table = None if self.folder is None else kept(self.folder, _name(context, start, stop))
        if table is None:
            return None
        seeds = table.column("seed").to_numpy()
        columns = {
            name: _matrix(table.column(name), len(seeds)) for name in table.column_names if name != "seed"
        }
        return Chunk(Paths(seeds, columns["token"], columns["logprob"]), columns.get("base_logprob"))

    def write(self, context: str, start: int, stop: int, chunk: Chunk) -> None:
        """Keep a chunk."""
        if self.folder is None:
            return
        columns = {
            "seed": pa.array(chunk.paths.seed_N),
            "token": _lists(chunk.paths.token_NS),
            "logprob": _lists(chunk.paths.logprob_NS),
        }
        if chunk.base_NS is not None:
            columns["base_logprob"] = _lists(chunk.base_NS)
        keep(self.folder, _name(context, start, stop), pa.table(columns))


def _name(context: str, start: int, stop: int) -> str:
    return f"{context.replace(' ', '-')}-{start:07d}-{stop:07d}"


def _lists(values_NS: npt.NDArray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values_NS.ravel()), values_NS.shape[1])


def _matrix(column: pa.ChunkedArray, rows: int) -> npt.NDArray:
    return column.combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(rows, -1)
